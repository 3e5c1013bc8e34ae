/*
 * outsequence.h - the messages of one (channel, mode) on their way out, in a ring indexed by
 * number:
 *
 *     first <= next <= end       first: lowest that is not settled
 *                                next:  the one that is being handed out, or will be next
 *                                end:   one past the newest
 *
 * so that an acknowledgement finds its messages without a search, and a run of them lies side
 * by side. The ring's size is a power of two and doubles when it is full.
 */
#ifndef BELAY_DELIVERY_OUTSEQUENCE_H
#define BELAY_DELIVERY_OUTSEQUENCE_H

#include "delivery/keys.h"
#include "delivery/outmessage.h"

/* Where a sequence stands in the schedule (outturn.h). */
enum belay_out_place {
    BELAY_OUT_IDLE,         /* nothing new to hand out, or the box is not open yet */
    BELAY_OUT_READY,        /* in ready: may have something to hand out */
    BELAY_OUT_WAITS_DATA,   /* in stuck: for MAX_DATA */
    BELAY_OUT_WAITS_NUMBER, /* in numbered: for MAX_MESSAGES */
    BELAY_OUT_HELD,         /* for acknowledgements of its own messages */
};

struct belay_out_sequence {
    struct belay_list turn;  /* in ready, stuck or numbered, as place says */
    struct belay_list again; /* in resend while lost is not empty */
    struct belay_out_message *ring;
    size_t capacity;
    uint64_t first, next, end;
    uint64_t held;  /* cost of the started messages from first on, settled ones included */
    uint64_t limit; /* MAX_MESSAGES */
    struct belay_ranges lost; /* numbers with something due again; some may be settled since */
    uint32_t turn_bytes, again_bytes; /* taken in its present turn */
    uint32_t channel;
    uint8_t mode;
    enum belay_out_place place;
};

/* NULL when out of memory. */
struct belay_out_sequence *belay_out_sequence_new(struct belay_mem *mem, uint32_t channel,
                                                  uint8_t mode, uint64_t first_number);
/* Its messages must be settled. */
void belay_out_sequence_free(struct belay_out_sequence *seq, struct belay_mem *mem);

/* NULL when nothing was ever queued there. */
static inline struct belay_out_sequence *belay_out_sequence_find(const struct belay_outbox *box,
                                                                 uint32_t channel, uint8_t mode)
{
    size_t key = belay_key(channel, mode);
    return mode < BELAY_MODES && key < box->sequence_capacity ? box->sequences[key] : NULL;
}

static inline struct belay_out_message *
belay_out_sequence_at(const struct belay_out_sequence *seq, uint64_t number)
{
    return &seq->ring[number & (seq->capacity - 1)];
}

/* Makes room for one more at end. 0 or BELAY_ENOMEM. */
int belay_out_sequence_grow(struct belay_out_sequence *seq, struct belay_mem *mem);
static inline int belay_out_sequence_reserve(struct belay_out_sequence *seq,
                                             struct belay_mem *mem)
{
    return seq->end - seq->first < seq->capacity ? 0 : belay_out_sequence_grow(seq, mem);
}

/* Moves first past what is settled. */
void belay_out_sequence_advance(struct belay_out_sequence *seq);

/* The lowest message with something due again: true, its number and the range. Forgets on
 * the way numbers that were settled since. */
bool belay_out_sequence_due(struct belay_out_sequence *seq, uint64_t *number,
                            struct belay_range *range);

#endif
