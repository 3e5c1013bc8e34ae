/*
 * relay.h - the model between two network interfaces, in real time: takes Ethernet frames from
 * one, by AF_PACKET or from a TUN device, and gives them to the other when the pipeline says
 * so.
 *
 * IPv4, IPv6 and everything in them passes the links. What only keeps the interfaces going
 * (ARP, neighbour and router discovery, MLD and IGMP) is let through at once and takes no
 * draws, so that the links' decisions are about the programs' packets alone. A link sees a
 * packet's length with its Ethernet header, as the kernel's netem does.
 *
 * `corrupt` flips the bit in the frame and touches no checksum: the receiver's kernel drops
 * what fails its checks, as from a real wire. `ecn` marks CE, and keeps IPv4's header checksum
 * right. x-rebind is a NAT at the client's end (nat.h): it changes the client's UDP port as
 * seen by the server, and what comes for the old one is dropped when it leaves the link.
 */
#ifndef NETSIM_RELAY_H
#define NETSIM_RELAY_H

#include <stdio.h>

#include <event2/event.h>

#include "netsim/model/pipeline.h"
#include "netsim/report/pcapng.h"

struct netsim_relay;
struct netsim_tun;

struct netsim_relay_config {
    const char *client_if, *server_if; /* in this network namespace, up, offloads off */
    const struct netsim_tun *client_tun,
        *server_tun;                      /* instead of both, or NULL; live longer */
    const struct netsim_plan *out, *back; /* out: from the client to the server */
    uint64_t out_seed, back_seed;
    FILE *log;                  /* JSON lines as the proxy's, or NULL */
    struct netsim_pcapng *pcap; /* or NULL */
    bool quiet;
};

struct netsim_relay_counts {
    uint64_t out, back;       /* packets that left the links */
    uint64_t out_in, back_in; /* that came into them */
};

/* NULL with errno set. The plans must live as long. */
struct netsim_relay *netsim_relay_new(struct event_base *base,
                                      const struct netsim_relay_config *config);
void netsim_relay_free(struct netsim_relay *relay);
void netsim_relay_counts(const struct netsim_relay *relay, struct netsim_relay_counts *counts);
/* What each direction did, for people, as the proxy's report. */
void netsim_relay_report(const struct netsim_relay *relay, FILE *out);
/* A log or capture that could not be written: its errno, else 0. */
int netsim_relay_error(const struct netsim_relay *relay);

#endif
