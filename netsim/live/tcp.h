/*
 * tcp.h - passes TCP connections on: accepts at one address, connects to another, and copies
 * bytes both ways with bounded buffers. An end that closes one way closes it at the other end,
 * too, when all bytes are through; what fails is reset on both sides.
 */
#ifndef NETSIM_TCP_H
#define NETSIM_TCP_H

#include <event2/event.h>

#include "netsim/live/address.h"
#include "netsim/live/sockets.h"

struct netsim_tcp;

/* NULL with errno set. */
struct netsim_tcp *netsim_tcp_new(struct event_base *base, const struct netsim_sockets *sockets,
                                  const struct netsim_address *listen,
                                  const struct netsim_address *to);
void netsim_tcp_free(struct netsim_tcp *tcp);

#endif
