#include "delivery/insequence.h"

#include <assert.h>
#include <string.h>

#define CAPACITY_FIRST 4
#define PAGE_BYTES     (BELAY_IN_PAGE * sizeof(struct belay_in_slot))

struct belay_in_sequence *belay_in_sequence_new(struct belay_mem *mem, uint32_t channel,
                                                uint8_t mode, uint64_t first_number,
                                                uint32_t window)
{
    struct belay_in_sequence *seq = belay_mem_zalloc(mem, sizeof(*seq));
    if (seq == NULL)
        return NULL;
    seq->channel = channel;
    seq->mode = mode;
    seq->next = seq->top = first_number;
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

static void give_pages(struct belay_in_sequence *seq, struct belay_pool *pool)
{
    for (size_t i = 0; i < seq->page_capacity; i++)
        belay_pool_give(pool, seq->pages[i], PAGE_BYTES);
    belay_pool_give(pool, seq->pages, seq->page_capacity * sizeof(*seq->pages));
    seq->pages = NULL;
    seq->page_capacity = 0;
}

void belay_in_sequence_free(struct belay_in_sequence *seq, struct belay_mem *mem,
                            struct belay_pool *pool)
{
    for (size_t i = 0; i < seq->page_capacity; i++) {
        for (size_t k = 0; seq->pages[i] != NULL && k < BELAY_IN_PAGE; k++)
            release(&seq->pages[i][k], pool);
    }
    give_pages(seq, pool);
    belay_mem_free(mem, seq, sizeof(*seq));
}

/* distance: of the farthest page, from that of next. */
static int grow(struct belay_in_sequence *seq, struct belay_pool *pool, uint64_t distance)
{
    size_t old = seq->page_capacity, capacity = old > 0 ? old : CAPACITY_FIRST;
    while (capacity <= distance) {
        if (capacity > SIZE_MAX / 2 / sizeof(*seq->pages))
            return BELAY_ENOMEM;
        capacity *= 2;
    }
    struct belay_in_slot **pages = belay_pool_take(pool, capacity * sizeof(*pages));
    if (pages == NULL)
        return BELAY_ENOMEM;
    memset(pages, 0, capacity * sizeof(*pages));
    uint64_t first = seq->next / BELAY_IN_PAGE;
    for (uint64_t page = first; page < first + old; page++)
        pages[page & (capacity - 1)] = seq->pages[page & (old - 1)];
    belay_pool_give(pool, seq->pages, old * sizeof(*pages));
    seq->pages = pages;
    seq->page_capacity = capacity;
    return 0;
}

struct belay_in_slot *belay_in_sequence_slot(struct belay_in_sequence *seq,
                                             struct belay_pool *pool, uint64_t number)
{
    assert(number >= seq->next && number < seq->limit);
    uint64_t page = number / BELAY_IN_PAGE, distance = page - seq->next / BELAY_IN_PAGE;
    if (distance >= seq->page_capacity && grow(seq, pool, distance) != 0)
        return NULL;
    struct belay_in_slot **slots = &seq->pages[page & (seq->page_capacity - 1)];
    if (*slots == NULL) {
        *slots = belay_pool_take(pool, PAGE_BYTES);
        if (*slots == NULL)
            return NULL;
        memset(*slots, 0, PAGE_BYTES);
    }
    return &(*slots)[number % BELAY_IN_PAGE];
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

void belay_in_sequence_advance(struct belay_in_sequence *seq, struct belay_pool *pool)
{
    seq->next++;
    if (seq->top < seq->next)
        seq->top = seq->next;
    if (seq->page_capacity == 0)
        return;
    if (seq->occupied == 0) {
        give_pages(seq, pool);
    } else if (seq->next % BELAY_IN_PAGE == 0) {
        size_t behind = (seq->next / BELAY_IN_PAGE - 1) & (seq->page_capacity - 1);
        belay_pool_give(pool, seq->pages[behind], PAGE_BYTES);
        seq->pages[behind] = NULL;
    }
}
