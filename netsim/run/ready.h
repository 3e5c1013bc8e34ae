/*
 * ready.h - when is a server ready? When it has a socket that others can reach: UDP and bound,
 * or TCP and listening. Linux tells in /proc/net, for one network namespace.
 *
 * Elsewhere, and for UDP on 127.0.0.1 alone, an empty datagram finds out: it is refused as long
 * as nobody is there.
 */
#ifndef NETSIM_READY_H
#define NETSIM_READY_H

#include <stdbool.h>
#include <stdint.h>

#define NETSIM_READY_TABLES 4

struct netsim_ready {
    int tables[NETSIM_READY_TABLES]; /* open; -1: there is none */
    uint16_t port;                   /* 0: any */
};

/* Of the network namespace that the caller is in, now. 0, or -1 with errno. */
int netsim_ready_open(struct netsim_ready *ready, uint16_t port);
void netsim_ready_close(struct netsim_ready *ready);

bool netsim_ready_check(struct netsim_ready *ready);

#define NETSIM_PORTS_MAX 32 /* of interest to others in this program */

/* A socket that waits for others. */
struct netsim_port {
    uint16_t number;
    bool tcp, ipv6;
    bool loopback; /* bound to 127.0.0.1 or ::1 alone */
};

/* All that wait now, at ready's port if it has one, each once; their count, at most max.
 * Nothing where only a datagram finds out. */
unsigned netsim_ready_list(struct netsim_ready *ready, struct netsim_port *ports, unsigned max);

/* A line of /proc/net/{udp,udp6,tcp,tcp6}: does a socket wait there? port->tcp is left alone.
 */
bool netsim_ready_line(const char *line, struct netsim_port *port);

#endif
