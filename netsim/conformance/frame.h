/*
 * frame.h - the packets of a recording: Ethernet, IPv4, UDP, and a payload that is the
 * packet's number over and over, so that it is known after a flipped bit too.
 *
 * Whole frames are ours, so a flipped bit is found wherever it is. There is no UDP checksum,
 * so that every bit but those of the number and of ECN is the same in all packets of a length.
 */
#ifndef NETSIM_CONFORMANCE_FRAME_H
#define NETSIM_CONFORMANCE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MIN 54 /* bytes: 42 of headers, the number three times */
#define FRAME_MAX 1500

/* Fills len bytes, FRAME_MIN to FRAME_MAX. ect: capable of ECN. */
void frame_build(uint8_t *frame, size_t len, uint32_t id, bool ect, bool ce);

struct frame_seen {
    uint32_t id;
    bool ce;
    int32_t bit; /* which one was flipped, 8 * byte + bit, bit 0 the least; -1: none */
};

/* What arrived, of a link that sent frames with this ect. false: more than one bit is not as
 * it was sent. */
bool frame_read(const uint8_t *frame, size_t len, bool ect, struct frame_seen *seen);

#endif
