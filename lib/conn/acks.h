/*
 * acks.h - which packets came in, and when to say so.
 *
 * Received numbers are kept as ranges, a bounded number of them: when the lowest must be
 * forgotten, the floor rises to its end and whatever comes from below is refused (its frames
 * come again: it was either acknowledged before or never will be).
 *
 * An ACK leaves at once for every n-th eliciting packet, where n is 1/32 of what came in the
 * last round trip (2 to 8), so that a fast sender gets dozens in a round trip and not hundreds;
 * and for one that leaves or fills a gap (RFC 9000, section 13.2.1). Late packets prove that
 * the path reorders: where many do, a gap is no news any more, and waits for the n-th too.
 *
 * What an ACK reports is a part of that: ranges above the report floor, which rises when the
 * peer confirms an ACK of ours and falls when a late packet arrives below it.
 */
#ifndef BELAY_CONN_ACKS_H
#define BELAY_CONN_ACKS_H

#include "base/cursor.h"
#include "base/ranges.h"

#define BELAY_ACK_EVERY_MIN 2 /* eliciting packets */
#define BELAY_ACK_EVERY_MAX 8
#define BELAY_ACK_SHARE     32 /* of those of a round trip: so many ACKs in it, or more */
#define BELAY_ACK_RANGES_SENT                                                                  \
    64 /* in one ACK: each range is repeated for a round trip anyway */

enum belay_packet_novelty {
    BELAY_PACKET_NEW,
    BELAY_PACKET_SEEN,
    BELAY_PACKET_TOO_OLD,
};

struct belay_acks {
    struct belay_ranges received;
    uint64_t floor;         /* below: refused */
    uint64_t report_floor;  /* below: not reported */
    uint64_t next_expected; /* largest received + 1 */
    uint64_t largest_ns;    /* when the largest came */
    uint64_t deadline_ns;   /* when an ACK must leave */
    uint64_t delay_max_ns;
    /* Late packets, those since the last rotation in [1]: the lowest of them, and the largest
     * number when they came. Only an ACK with a larger one is sure to have told of them. */
    struct {
        uint64_t low, largest;
    } late[2];
    uint64_t ecn[3];          /* ECT(0), ECT(1), CE */
    uint32_t unacked;         /* eliciting packets since the last ACK */
    uint32_t since_eliciting; /* the same since we last sent an eliciting packet */
    bool immediate;
    uint32_t every;       /* n */
    uint64_t round_ns;    /* this round trip began */
    uint32_t round_count; /* eliciting packets in it, */
    uint32_t round_late;  /* those of them that came late */
    bool is_reordering;   /* many did in the last one */
    uint64_t evicted;     /* ranges forgotten */
};

void belay_acks_init(struct belay_acks *acks, struct belay_mem *mem, uint64_t first_number,
                     size_t ranges_max, uint64_t delay_max_ns);
void belay_acks_dispose(struct belay_acks *acks);

enum belay_packet_novelty belay_acks_check(const struct belay_acks *acks, uint64_t number);

/* Before a packet: a round trip as it is known by now; how long an ACK may wait. */
void belay_acks_tune(struct belay_acks *acks, uint64_t rtt_ns, uint64_t delay_max_ns,
                     uint64_t now_ns);

/* Notes a new packet. 0 or BELAY_ENOMEM. ecn: the IP header's two bits. */
int belay_acks_received(struct belay_acks *acks, uint64_t number, bool eliciting, unsigned ecn,
                        uint64_t now_ns);

bool belay_acks_is_due(const struct belay_acks *acks, uint64_t now_ns);
bool belay_acks_is_pending(const struct belay_acks *acks); /* worth adding to a packet */

/* Writes an ACK frame if it fits; *largest gets its largest number. */
bool belay_acks_write(struct belay_acks *acks, struct belay_writer *w, uint64_t now_ns,
                      uint64_t *largest);
/* The ACK written was sent. */
void belay_acks_sent(struct belay_acks *acks);
/* What was told may not have arrived: once more, at once. */
void belay_acks_repeat(struct belay_acks *acks);
/* The peer acknowledged a packet with an ACK up to largest. */
void belay_acks_confirmed(struct belay_acks *acks, uint64_t largest);

#endif
