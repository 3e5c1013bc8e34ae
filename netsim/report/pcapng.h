/*
 * pcapng.h - captures that Wireshark opens: each packet with netsim's verdict as its comment.
 *
 * draft-ietf-opsawg-pcapng: a section header, four interface descriptions (out, out dropped,
 * back, back dropped; nanoseconds), enhanced packet blocks. Drops are on interfaces of their
 * own, so that one filter (frame.interface_id == 1) shows them.
 *
 * Times are nanoseconds since the link's start, put on epoch_ns.
 */
#ifndef NETSIM_PCAPNG_H
#define NETSIM_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netsim_pcapng;

enum netsim_pcapng_link { NETSIM_PCAPNG_ETHERNET = 1, NETSIM_PCAPNG_RAW_IP = 101 };
enum netsim_pcapng_interface {
    NETSIM_PCAPNG_OUT,
    NETSIM_PCAPNG_OUT_DROPPED,
    NETSIM_PCAPNG_BACK,
    NETSIM_PCAPNG_BACK_DROPPED,
};

/* NULL with errno set. words: what the links are, as the interfaces' descriptions. */
struct netsim_pcapng *netsim_pcapng_open(const char *file, enum netsim_pcapng_link link,
                                         uint64_t epoch_ns, const char *out_words,
                                         const char *back_words);
/* comment may be NULL. 0, or -1 with errno: not written, and later calls fail too. */
int netsim_pcapng_write(struct netsim_pcapng *pcap, enum netsim_pcapng_interface interface,
                        uint64_t t_ns, const void *packet, size_t len, const char *comment);
/* 0, or -1 with errno when something was not written. */
int netsim_pcapng_close(struct netsim_pcapng *pcap);

/* Real IP and UDP headers with right checksums in front of a payload, for captures of those who
 * have no headers (proxy, sim). Addresses are struct sockaddr; returns the length written to
 * out, at most 48 + len; 0: does not fit in size, or families differ. */
struct sockaddr;
size_t netsim_pcapng_udp(uint8_t *out, size_t size, const struct sockaddr *from,
                         const struct sockaddr *to, uint8_t ecn, const void *payload,
                         size_t len);

#endif
