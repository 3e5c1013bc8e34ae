/*
 * insequence.h - which messages of one (channel, mode) came: all below `next`, none from `top`
 * on, and what the slots say about those between. The slots are in pages of BELAY_IN_PAGE,
 * taken as messages come and given back as `next` passes them, so that a number far ahead costs
 * us little more than it cost the peer. The pages are in a ring indexed by number, a power of
 * two, grown by doubling up to the window of message numbers. A sequence whose messages come in
 * order has neither.
 */
#ifndef BELAY_DELIVERY_INSEQUENCE_H
#define BELAY_DELIVERY_INSEQUENCE_H

#include "delivery/assembly.h"

#define BELAY_IN_PAGE 16

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
    uint64_t top;      /* one past the highest that something came of; next at least */
    uint64_t limit;    /* announced: numbers below it may come */
    uint64_t due_from; /* when next reaches this, a newer limit should be announced */
    struct belay_in_slot **pages;
    size_t page_capacity;
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
    uint64_t page = number / BELAY_IN_PAGE;
    if (seq->occupied == 0 || page - seq->next / BELAY_IN_PAGE >= seq->page_capacity)
        return NULL;
    struct belay_in_slot *slots = seq->pages[page & (seq->page_capacity - 1)];
    if (slots == NULL || slots[number % BELAY_IN_PAGE].state == BELAY_IN_EMPTY)
        return NULL;
    return &slots[number % BELAY_IN_PAGE];
}

/* The slot of next <= number < limit, empty or not; NULL when out of memory. */
struct belay_in_slot *belay_in_sequence_slot(struct belay_in_sequence *seq,
                                             struct belay_pool *pool, uint64_t number);

void belay_in_sequence_fill(struct belay_in_sequence *seq, struct belay_in_slot *slot,
                            struct belay_in_slot value);
void belay_in_sequence_empty(struct belay_in_sequence *seq, struct belay_in_slot *slot);

/* next is complete, its slot empty: goes past it. */
void belay_in_sequence_advance(struct belay_in_sequence *seq, struct belay_pool *pool);

#endif
