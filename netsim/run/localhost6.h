/*
 * localhost6.h - ::1 over the wire. The kernel lets no packet from or to it pass an interface,
 * so each port that the server waits at over IPv6 has somebody at ::1 in the client's namespace
 * who passes on to the server's address; and when the server has bound ::1 itself, somebody
 * there who passes on to it.
 */
#ifndef NETSIM_LOCALHOST6_H
#define NETSIM_LOCALHOST6_H

#include <event2/event.h>

#include "netsim/run/lab.h"
#include "netsim/run/ready.h"

struct netsim_localhost6;

/* Best effort: a port that can't be had is left out. The server's sockets are those of ready;
 * the lab must live as long. NULL: no memory. */
struct netsim_localhost6 *netsim_localhost6_new(struct event_base *base,
                                                const struct netsim_lab *lab,
                                                struct netsim_ready *ready);
void netsim_localhost6_free(struct netsim_localhost6 *localhost6); /* NULL: nothing */

#endif
