/*
 * mtu.h - the largest datagram that the path takes, found by trying: datagram packetization
 * layer path MTU discovery, RFC 8899. Sizes are bytes of UDP payload; what got through counts,
 * and nobody's word (but the own system's, when it refuses to send).
 *
 *     base_bytes <= size_bytes < bad_bytes <= most_bytes + 1
 *     |             the largest that got through: what to use
 *     1200                       the smallest that did not
 *
 * Upwards by the sizes that networks have, then the one just above, then by halves, until
 * size_bytes and bad_bytes are near. One probe is on its way at a time; a size is given up
 * after three. Ten minutes after the end of a search the next begins.
 *
 * Black holes: packets above base_bytes that are lost in a row, none as large and newer than
 * they getting through, and not all of one flight: that may be a queue that was full. Or
 * several PTOs in a row. Then back to base_bytes, and search again.
 *
 * A search that has nothing to find (most_bytes not above the start) is off: size_bytes stays.
 */
#ifndef BELAY_RECOVERY_MTU_H
#define BELAY_RECOVERY_MTU_H

#include <stdbool.h>
#include <stdint.h>

#define BELAY_MTU_BASE 1200
#define BELAY_MTU_NEAR 16 /* so near is found */

struct belay_mtu {
    uint32_t base_bytes, most_bytes, size_bytes, bad_bytes;
    uint32_t probe_bytes; /* on its way; 0: none */
    uint32_t tried_bytes; /* the size of the newest probe: lost_probes of it in a row */
    unsigned lost_probes;
    uint32_t hint_bytes; /* somebody says that it fits: tried first; 0: none */
    bool is_halving;     /* just above a known size there is room, too */
    uint64_t raise_ns;   /* the next search; 0: this one is not over */
    /* Of packets above base_bytes: the newest that got through, and those lost in a row. */
    uint64_t acked_number;
    uint32_t acked_bytes;
    uint32_t lost_bytes; /* the smallest of them */
    unsigned lost_count;
    uint64_t lost_mark;   /* the first number sent after the first of them was found lost */
    uint64_t black_holes; /* found so far */
};

void belay_mtu_init(struct belay_mtu *mtu, uint32_t start_bytes, uint32_t most_bytes);
/* The path is another, of which nothing is known. */
void belay_mtu_restart(struct belay_mtu *mtu);

/* The size of the probe to be sent now, at most limit_bytes; 0: none. And it was sent. */
uint32_t belay_mtu_next(struct belay_mtu *mtu, uint32_t limit_bytes, uint64_t now_ns);
void belay_mtu_probe_sent(struct belay_mtu *mtu, uint32_t bytes);
/* A late ACK is welcome, too. */
void belay_mtu_probe_acked(struct belay_mtu *mtu, uint32_t bytes);
void belay_mtu_probe_lost(struct belay_mtu *mtu, uint32_t bytes);

/* Other packets' fates; a find of losses comes after the ACK that told of them. next_number: of
 * the packet to be sent next. */
void belay_mtu_acked(struct belay_mtu *mtu, uint64_t number, uint32_t bytes);
void belay_mtu_lost(struct belay_mtu *mtu, uint64_t number, uint32_t bytes,
                    uint64_t next_number);
void belay_mtu_silence(struct belay_mtu *mtu, uint32_t pto_count);

/* Our own system did not send bytes: it is larger than the interface takes. fits: what that
 * would take, 0 when not known. */
void belay_mtu_refused(struct belay_mtu *mtu, uint32_t bytes, uint32_t fits_bytes);
/* Somebody on the way says what fits: worth a try, and no more. */
void belay_mtu_hint(struct belay_mtu *mtu, uint32_t fits_bytes);

#endif
