/*
 * proxy.h - a UDP relay with a link in each direction, in real time.
 *
 *     client -> [listening socket] -> out -> [socket of its own] -> server
 *     client <- [listening socket] <- back <- [socket of its own] <- server
 *
 * All clients share both links. A packet's length, as a link sees it, is the payload and the
 * headers it travels with: 28 bytes over IPv4, 48 over IPv6. A bit that `corrupt` flips in
 * the headers is a drop; one in the payload is flipped and delivered, with a checksum that is
 * right again. ECN marks are passed on.
 *
 * x-rebind is a NAT at the client's end: after it a client's next datagram goes into the link
 * from a socket of another port, and what comes for the port before is dropped.
 */
#ifndef NETSIM_PROXY_H
#define NETSIM_PROXY_H

#include <stdio.h>

#include <event2/event.h>

#include "netsim/live/address.h"
#include "netsim/live/sockets.h"
#include "netsim/model/plan.h"
#include "netsim/report/pcapng.h"

struct netsim_proxy_config {
    struct netsim_address listen, to;
    struct netsim_sockets sockets; /* where it listens and calls; zero: here */
    const struct netsim_plan *out, *back;
    uint64_t out_seed, back_seed;
    size_t clients_max;
    FILE *log;                  /* or NULL */
    struct netsim_pcapng *pcap; /* or NULL; NETSIM_PCAPNG_RAW_IP, headers are made up */
    bool quiet;                 /* nothing about clients on stderr */
};

struct netsim_proxy_counts {
    uint64_t out, back;       /* datagrams that left the links */
    uint64_t out_in, back_in; /* that came into them */
};

struct netsim_proxy;

/* NULL: errno says why (a port in use). The plans must live as long. It works while base's loop
 * runs, with whatever else is in it. */
struct netsim_proxy *netsim_proxy_new(struct event_base *base,
                                      const struct netsim_proxy_config *config);
void netsim_proxy_free(struct netsim_proxy *proxy);

/* Where it listens, port chosen. */
const struct netsim_address *netsim_proxy_address(const struct netsim_proxy *proxy);

void netsim_proxy_counts(const struct netsim_proxy *proxy, struct netsim_proxy_counts *counts);
/* A log or capture that could not be written: its errno, else 0. */
int netsim_proxy_error(const struct netsim_proxy *proxy);

/* Counters of both directions, as `tc -s qdisc` shows them. */
void netsim_proxy_report(const struct netsim_proxy *proxy, FILE *out);

#endif
