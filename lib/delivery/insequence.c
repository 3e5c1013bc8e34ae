#include "delivery/insequence.h"

#include <assert.h>
#include <string.h>

#define CAPACITY_FIRST 16

struct belay_in_sequence *belay_in_sequence_new(struct belay_mem *mem, uint32_t channel,
                                                uint8_t mode, uint64_t first_number,
                                                uint32_t window)
{
    struct belay_in_sequence *seq = belay_mem_zalloc(mem, sizeof(*seq));
    if (seq == NULL)
        return NULL;
    seq->channel = channel;
    seq->mode = mode;
    seq->next = first_number;
    seq->limit = first_number + window;
    seq->due_from = first_number + (window > 4 ? window / 4 : 1);
    return seq;
}

static void release(struct belay_in_slot *slot, struct belay_pool *pool)
{
    if (slot->state == BELAY_IN_PARTIAL)
        belay_assembly_free(slot->assembly, pool);
    else if (slot->state == BELAY_IN_WAITING)
        belay_pool_give(pool, slot->data, slot->len);
}

void belay_in_sequence_free(struct belay_in_sequence *seq, struct belay_mem *mem,
                            struct belay_pool *pool)
{
    for (size_t i = 0; i < seq->capacity; i++)
        release(&seq->slots[i], pool);
    belay_mem_free(mem, seq->slots, seq->capacity * sizeof(*seq->slots));
    belay_mem_free(mem, seq, sizeof(*seq));
}

static int grow(struct belay_in_sequence *seq, struct belay_mem *mem, uint64_t distance)
{
    size_t old = seq->capacity, capacity = old > 0 ? old : CAPACITY_FIRST;
    while (capacity <= distance) {
        if (capacity > SIZE_MAX / 2 / sizeof(*seq->slots))
            return BELAY_ENOMEM;
        capacity *= 2;
    }
    struct belay_in_slot *slots = belay_mem_zalloc(mem, capacity * sizeof(*slots));
    if (slots == NULL)
        return BELAY_ENOMEM;
    for (uint64_t number = seq->next; number < seq->next + old; number++)
        slots[number & (capacity - 1)] = seq->slots[number & (old - 1)];
    belay_mem_free(mem, seq->slots, old * sizeof(*slots));
    seq->slots = slots;
    seq->capacity = capacity;
    return 0;
}

struct belay_in_slot *belay_in_sequence_slot(struct belay_in_sequence *seq,
                                             struct belay_mem *mem, uint64_t number)
{
    assert(number >= seq->next && number < seq->limit);
    uint64_t distance = number - seq->next;
    if (distance >= seq->capacity && grow(seq, mem, distance) != 0)
        return NULL;
    return &seq->slots[number & (seq->capacity - 1)];
}

void belay_in_sequence_fill(struct belay_in_sequence *seq, struct belay_in_slot *slot,
                            struct belay_in_slot value)
{
    seq->occupied += slot->state == BELAY_IN_EMPTY;
    *slot = value;
}

void belay_in_sequence_empty(struct belay_in_sequence *seq, struct belay_in_slot *slot)
{
    memset(slot, 0, sizeof(*slot));
    seq->occupied--;
}
