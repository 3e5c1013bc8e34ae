/*
 * lab.h - two network namespaces with wires between them.
 *
 *     relay    client[net0] --- [ra] middle [rb] --- [net0]server     two veth pairs
 *     tun      client[net0] --- fd   middle   fd --- [net0]server     two TUN devices
 *     direct   client[net0] ------------------------ [net0]server     a veth pair
 *
 * The middle is the caller's namespace, who is root there and alone in his mount namespace.
 * Addresses are those of run.h. No neighbour is looked for and no router, so what passes the
 * wires is the programs' alone. The client's localhost is the server's (localhost.h,
 * localhost6.h), and the name stands for 127.0.0.1 alone (hosts.h).
 *
 * All of it goes when the last process in it does.
 */
#ifndef NETSIM_LAB_H
#define NETSIM_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsim/live/tun.h"

#define NETSIM_LAB_RELAY_CLIENT "ra"
#define NETSIM_LAB_RELAY_SERVER "rb"
#define NETSIM_LAB_INTERFACE    "net0" /* of both sides */

enum netsim_lab_shape { NETSIM_LAB_RELAY, NETSIM_LAB_TUN, NETSIM_LAB_DIRECT };

struct netsim_lab {
    int middle, client, server;               /* network namespaces */
    struct netsim_tun client_tun, server_tun; /* of shape tun */
    bool has_ipv6;
    bool has_localhost; /* false: the system lets no one route 127.0.0.0/8 */
};

/* 0, or -1 with a sentence in why and nothing open: also when this user may not read packets
 * (AF_PACKET), which shape relay is for. */
int netsim_lab_build(struct netsim_lab *lab, enum netsim_lab_shape shape, uint32_t mtu,
                     char *why, size_t size);
void netsim_lab_close(struct netsim_lab *lab);

#endif
