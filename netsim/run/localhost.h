/*
 * localhost.h - the client's 127.0.0.0/8 is the server's: programs that hard-code localhost
 * find each other over the wire.
 *
 *     client: all that goes to 127.0.0.0/8 leaves by net0
 *     server: what comes from a port that it had bound when it was ready leaves by net0 too;
 *             else its 127.0.0.1 is its own
 *
 * So a client may also have bound 127.0.0.1 itself. Where the kernel has no routing by rules
 * (CONFIG_IP_MULTIPLE_TABLES) the client has no 127.0.0.1, and binding it fails.
 */
#ifndef NETSIM_LOCALHOST_H
#define NETSIM_LOCALHOST_H

#include <stdbool.h>
#include <stddef.h>

#include "netsim/run/ready.h"

/* In the network namespace that the caller is in, before its interfaces are made: lets packets
 * from and to 127.0.0.0/8 pass them. false: the system does not allow it. */
bool netsim_localhost_allow(void);

/* Both sides' addresses are there. 0, or -1 with a sentence. */
int netsim_localhost_route(int client, int server, char *why, size_t size);

/* The server's sockets that wait are those of ready. Best effort: without it only clients that
 * have bound 127.0.0.1 themselves get no answer. */
void netsim_localhost_answer(int server, struct netsim_ready *ready);

#endif
