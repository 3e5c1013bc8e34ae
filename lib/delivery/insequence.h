/*
 * insequence.h - which messages of one (channel, mode) came: all below `next`, and what the
 * slots say about those from there on. The slots are a ring indexed by number, a power of two,
 * grown by doubling up to the window of message numbers; none are needed while messages
 * come in order.
 */
#ifndef BELAY_DELIVERY_INSEQUENCE_H
#define BELAY_DELIVERY_INSEQUENCE_H

#include "delivery/assembly.h"

enum belay_in_state {
    BELAY_IN_EMPTY = 0,
    BELAY_IN_PARTIAL, /* some parts came: assembly */
    BELAY_IN_WAITING, /* complete, ordered, but one before it is not: data */
    BELAY_IN_DONE,    /* complete and delivered before its turn, as unordered ones may be */
};

struct belay_in_slot {
    union {
        struct belay_assembly *assembly;
        uint8_t *data; /* len bytes of the pool; NULL when len is 0 */
    };
    uint32_t len;
    uint8_t state;
};

struct belay_in_sequence {
    uint64_t next;     /* lowest number not complete */
    uint64_t limit;    /* announced: numbers below it may come */
    uint64_t due_from; /* when next reaches this, a newer limit should be announced */
    struct belay_in_slot *slots;
    size_t capacity;
    size_t occupied; /* slots that are not empty */
    struct belay_list due;
    uint32_t channel;
    uint8_t mode;
};

/* NULL when out of memory. */
struct belay_in_sequence *belay_in_sequence_new(struct belay_mem *mem, uint32_t channel,
                                                uint8_t mode, uint64_t first_number,
                                                uint32_t window);
void belay_in_sequence_free(struct belay_in_sequence *seq, struct belay_mem *mem,
                            struct belay_pool *pool);

/* number >= next. NULL: nothing came of it. */
static inline struct belay_in_slot *belay_in_sequence_at(const struct belay_in_sequence *seq,
                                                         uint64_t number)
{
    if (seq->occupied == 0 || number - seq->next >= seq->capacity)
        return NULL;
    struct belay_in_slot *slot = &seq->slots[number & (seq->capacity - 1)];
    return slot->state != BELAY_IN_EMPTY ? slot : NULL;
}

/* The slot of next <= number < limit, empty or not; NULL when out of memory. */
struct belay_in_slot *belay_in_sequence_slot(struct belay_in_sequence *seq,
                                             struct belay_mem *mem, uint64_t number);

void belay_in_sequence_fill(struct belay_in_sequence *seq, struct belay_in_slot *slot,
                            struct belay_in_slot value);
void belay_in_sequence_empty(struct belay_in_sequence *seq, struct belay_in_slot *slot);

#endif
