/*
 * frame.h - what an Ethernet frame carries, and small changes to it that keep checksums right.
 *
 *     Ethernet | IPv4 or IPv6 (with its extension headers) | UDP, ICMP, anything
 *
 * A frame is bytes that nobody has checked: a view holds only offsets that lie inside of it.
 * Checksums are changed by the difference alone, RFC 1624 equation 3, so what was wrong stays
 * wrong.
 */
#ifndef NETSIM_FRAME_H
#define NETSIM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETSIM_FRAME_HEADER 14 /* bytes of Ethernet in front of the IP packet */

enum netsim_frame_kind {
    NETSIM_FRAME_IP,     /* IPv4 or IPv6, and not one of the below */
    NETSIM_FRAME_UPKEEP, /* keeps interfaces going: see relay.h */
    NETSIM_FRAME_OTHER,  /* neither, or cut short */
};

enum netsim_frame_end { NETSIM_FRAME_SOURCE = 0, NETSIM_FRAME_DESTINATION = 2 };

struct netsim_frame {
    enum netsim_frame_kind kind;
    unsigned version;    /* 4 or 6; 0: no IP */
    uint8_t protocol;    /* of what transport_at points to */
    uint8_t ecn;         /* 0..3 of RFC 3168 */
    size_t ip_at;        /* 0: none */
    size_t transport_at; /* 0: none, as in later fragments */
    size_t udp_at;       /* 0: no whole UDP header */
};

void netsim_frame_read(struct netsim_frame *view, const uint8_t *frame, size_t len);

/* ECN's two bits become 3, congestion experienced. */
void netsim_frame_mark_ce(const struct netsim_frame *view, uint8_t *frame);

/* Of a frame with udp_at. A UDP checksum of 0, which is none, stays 0. */
uint16_t netsim_frame_port(const struct netsim_frame *view, const uint8_t *frame,
                           enum netsim_frame_end end);
void netsim_frame_set_port(const struct netsim_frame *view, uint8_t *frame,
                           enum netsim_frame_end end, uint16_t port);

/*
 * The UDP header that an ICMP or ICMPv6 error quotes, so that a NAT can change the port in it:
 * where it begins, or 0. The quoted checksum stays, that of the ICMP message follows.
 */
size_t netsim_frame_quoted_udp(const struct netsim_frame *view, const uint8_t *frame,
                               size_t len);
void netsim_frame_set_quoted_port(const struct netsim_frame *view, uint8_t *frame,
                                  size_t quoted_at, enum netsim_frame_end end, uint16_t port);

/* Flips bit 8 * byte + bit, bit 0 the least; one past the end does nothing. */
void netsim_frame_flip(uint8_t *frame, size_t len, uint64_t bit);

/* The Internet checksum field after a 16-bit word under it changed. */
uint16_t netsim_checksum_change(uint16_t checksum, uint16_t old_word, uint16_t new_word);

#endif
