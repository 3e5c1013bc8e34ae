/*
 * loopback.h - for programs that insist on ::1: one half of a way from the client's loopback to
 * the server's. A half listens at an address, UDP and TCP, and passes on to another one:
 *
 *     client's namespace   [::1]:PORT         ->  [NETSIM_SERVER_IPV6]:PORT, over the link
 *     server's namespace   [NETSIM_SERVER_IPV6]:PORT  ->  [::1]:PORT
 *
 * The second half is only needed when the server has bound ::1; one on :: is reached without.
 *
 * Each peer of UDP has a socket of its own, ECN marks are passed on. TCP is accepted before the
 * other end is: connect() succeeds at once, and what is sent waits until the handshake over the
 * link is done; when that fails, the connection is reset. Half-closed ones stay so.
 */
#ifndef NETSIM_LOOPBACK_H
#define NETSIM_LOOPBACK_H

#include <stdbool.h>

#include <event2/event.h>

#include "netsim/live/address.h"
#include "netsim/live/sockets.h"

struct netsim_loopback_config {
    struct netsim_address listen, to;
    struct netsim_sockets sockets; /* makes all sockets: in the right namespace */
    bool udp, tcp;
};

struct netsim_loopback;

/* NULL with errno set: EADDRINUSE when a program there has the port. */
struct netsim_loopback *netsim_loopback_new(struct event_base *base,
                                            const struct netsim_loopback_config *config);
void netsim_loopback_free(struct netsim_loopback *loopback);

#endif
