#include "delivery/outsequence.h"

#define CAPACITY_FIRST 16

struct belay_out_sequence *belay_out_sequence_new(struct belay_mem *mem, uint32_t channel,
                                                  uint8_t mode, uint64_t first_number)
{
    struct belay_out_sequence *seq = belay_mem_zalloc(mem, sizeof(*seq));
    if (seq == NULL)
        return NULL;
    seq->channel = channel;
    seq->mode = mode;
    seq->first = seq->next = seq->end = first_number;
    belay_ranges_init(&seq->lost, mem, 0);
    return seq;
}

void belay_out_sequence_free(struct belay_out_sequence *seq, struct belay_mem *mem)
{
    belay_ranges_dispose(&seq->lost);
    belay_mem_free(mem, seq->ring, seq->capacity * sizeof(*seq->ring));
    belay_mem_free(mem, seq, sizeof(*seq));
}

int belay_out_sequence_grow(struct belay_out_sequence *seq, struct belay_mem *mem)
{
    size_t capacity = seq->capacity > 0 ? seq->capacity * 2 : CAPACITY_FIRST;
    if (capacity > SIZE_MAX / 2 / sizeof(*seq->ring))
        return BELAY_ENOMEM;
    struct belay_out_message *ring = belay_mem_alloc(mem, capacity * sizeof(*ring));
    if (ring == NULL)
        return BELAY_ENOMEM;
    for (uint64_t number = seq->first; number < seq->end; number++)
        ring[number & (capacity - 1)] = *belay_out_sequence_at(seq, number);
    belay_mem_free(mem, seq->ring, seq->capacity * sizeof(*ring));
    seq->ring = ring;
    seq->capacity = capacity;
    return 0;
}

void belay_out_sequence_advance(struct belay_out_sequence *seq)
{
    while (seq->first < seq->next) {
        const struct belay_out_message *m = belay_out_sequence_at(seq, seq->first);
        if (!m->settled)
            return;
        seq->held -= belay_out_message_cost(m);
        seq->first++;
    }
}

bool belay_out_sequence_due(struct belay_out_sequence *seq, uint64_t *number,
                            struct belay_range *range)
{
    /* Removal at the low end splits nothing, so it cannot fail. */
    (void)belay_ranges_remove(&seq->lost, 0, seq->first);
    while (seq->lost.count > 0) {
        *number = belay_ranges_at(&seq->lost, 0)->lo;
        const struct belay_out_message *m = belay_out_sequence_at(seq, *number);
        if (!m->settled && belay_out_message_due(m, range))
            return true;
        (void)belay_ranges_remove(&seq->lost, *number, *number + 1);
    }
    return false;
}
