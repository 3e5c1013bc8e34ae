/*
 * sentlog.h - the packets sent and not yet settled: a ring indexed by packet number, and
 * beside it a ring of the records that they carried. Both grow by doubling, and shrink
 * from their tail as packets are settled.
 *
 * A packet is settled when it was acknowledged, carried nothing to acknowledge, or was
 * declared lost so long ago that a late ACK no longer matters.
 *
 * ACKs repeat what earlier ones said. So that this costs nothing, settled packets point
 * downwards over those that are settled too (a forest with path compression, as in
 * union-find): the next unsettled one below any number is found in O(log n), amortised.
 */
#ifndef BELAY_RECOVERY_SENTLOG_H
#define BELAY_RECOVERY_SENTLOG_H

#include "base/memory.h"

/* Opaque here: written and read by who sends. */
struct belay_record {
    uint64_t word[3];
};

enum belay_sent_state {
    BELAY_SENT_NONE,  /* settled: not ack-eliciting, or lost long ago */
    BELAY_SENT_ACKED, /* settled: was in flight or lost */
    BELAY_SENT_IN_FLIGHT,
    BELAY_SENT_LOST, /* declared lost, kept for a late ACK */
};

struct belay_sent_packet {
    uint64_t sent_ns;
    uint64_t record_start; /* serial number in the record ring */
    union {
        struct {                   /* in flight; rate.h */
            uint64_t delivered_ns; /* when it left: the time of the newest delivery, */
            uint32_t delivered;    /* bytes delivered so far, modulo 2^32, */
            uint32_t sending_ns;   /* and for how long its flight was being sent */
        } flight;
        struct {                /* lost */
            uint64_t at_ns;     /* when declared so */
            uint32_t reduction; /* of the window, that its loss belongs to */
        } loss;
    };
    uint32_t record_count;
    uint32_t bytes;
    uint32_t settled_count;   /* settled: so are this many, itself included, downwards */
    uint32_t in_flight_bytes; /* when it left, itself included */
    uint32_t lost_before;     /* bytes lost when it left, modulo 2^32 */
    uint8_t state;            /* enum belay_sent_state */
    bool repeated : 1;        /* records were repeated by a probe */
    bool app_limited : 1;     /* rate.h */
    bool marked : 1;          /* left with ECT(0) */
    bool mtu_probe : 1;       /* in no window; its loss is none */
};

_Static_assert(sizeof(struct belay_sent_packet) <= 56, "every packet in flight costs this");

struct belay_sentlog {
    struct belay_mem *mem;
    struct belay_sent_packet *packets; /* capacity: a power of two */
    size_t packet_capacity;
    uint64_t first_number, next_number; /* the ring holds [first, next) */
    struct belay_record *records;
    size_t record_capacity;
    uint64_t first_record, next_record;
    uint64_t visits; /* packets looked at so far: tests hold it against packets sent */
};

void belay_sentlog_init(struct belay_sentlog *log, struct belay_mem *mem,
                        uint64_t first_number);
void belay_sentlog_dispose(struct belay_sentlog *log);
/* Room for one packet and its records, or BELAY_ENOMEM and nothing has changed. So it is, too,
 * when 2^20 packets cannot be forgotten. */
int belay_sentlog_reserve(struct belay_sentlog *log, size_t record_count);
/* After reserve. The new packet, with its records copied in. */
struct belay_sent_packet *belay_sentlog_append(struct belay_sentlog *log,
                                               const struct belay_record *records,
                                               size_t record_count);
/* NULL when the number is outside the ring. */
struct belay_sent_packet *belay_sentlog_find(struct belay_sentlog *log, uint64_t number);
const struct belay_record *belay_sentlog_record(const struct belay_sentlog *log,
                                                uint64_t serial);

/* One past the highest unsettled number below end; first_number when there is none. end may
 * be anything up to next_number. */
uint64_t belay_sentlog_unsettled_end(struct belay_sentlog *log, uint64_t end);
/* All of [lo, hi) is settled: remember it. hi is at most next_number. */
void belay_sentlog_join(struct belay_sentlog *log, uint64_t lo, uint64_t hi);

/* Gives back settled packets at the tail. */
void belay_sentlog_trim(struct belay_sentlog *log);
/* Nothing will be sent for a while: gives the rings back if they are empty. The next reserve
 * takes new ones. */
void belay_sentlog_rest(struct belay_sentlog *log);

#endif
