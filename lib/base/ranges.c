#include "base/ranges.h"

#include <assert.h>
#include <string.h>

#define CAPACITY_FIRST 4

void belay_ranges_init(struct belay_ranges *set, struct belay_mem *mem, uint32_t max_count)
{
    *set = (struct belay_ranges){.mem = mem, .max_count = max_count};
}

void belay_ranges_dispose(struct belay_ranges *set)
{
    if (set->capacity > 0)
        belay_mem_free(set->mem, set->items, set->capacity * sizeof(*set->items));
    belay_ranges_init(set, set->mem, set->max_count);
}

void belay_ranges_clear(struct belay_ranges *set)
{
    set->count = 0;
    set->start = set->capacity / 2;
}

static struct belay_range *at(const struct belay_ranges *set, size_t i)
{
    if (set->capacity == 0)
        return (struct belay_range *)&set->one + i;
    return &set->items[set->start + i];
}

const struct belay_range *belay_ranges_at(const struct belay_ranges *set, size_t i)
{
    assert(i < set->count);
    return at(set, i);
}

/* The first range with hi > number; count when there is none. Both ends are tried first:
 * numbers mostly come in order. */
static size_t find(const struct belay_ranges *set, uint64_t number)
{
    size_t low = 0, high = set->count;
    if (high == 0 || at(set, high - 1)->hi <= number)
        return high;
    if (at(set, high - 1)->lo <= number)
        return high - 1;
    if (at(set, 0)->hi > number)
        return 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at(set, middle)->hi > number)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void move_to(struct belay_ranges *set, uint32_t start)
{
    if (set->count > 0)
        memmove(set->items + start, at(set, 0), set->count * sizeof(*set->items));
    set->start = start;
}

/* From the set's own range to an array. */
static int make_array(struct belay_ranges *set)
{
    struct belay_range *items = belay_mem_alloc(set->mem, CAPACITY_FIRST * sizeof(*items));
    if (items == NULL)
        return BELAY_ENOMEM;
    items[0] = set->one;
    set->items = items;
    set->capacity = CAPACITY_FIRST;
    return 0;
}

static int grow_array(struct belay_ranges *set)
{
    if (set->capacity > UINT32_MAX / 2)
        return BELAY_ENOMEM;
    size_t bytes = set->capacity * sizeof(*set->items);
    struct belay_range *items = belay_mem_resize(set->mem, set->items, bytes, 2 * bytes);
    if (items == NULL)
        return BELAY_ENOMEM;
    set->items = items;
    set->capacity *= 2;
    return 0;
}

/*
 * Centres the ranges in an array at least twice as large as they need, so that both ends get
 * room for count / 2 insertions: that pays for the move.
 */
static int spread(struct belay_ranges *set)
{
    int error = 0;
    if (set->capacity == 0)
        error = make_array(set);
    else if (set->count > set->capacity / 2)
        error = grow_array(set);
    if (error == 0)
        move_to(set, (set->capacity - set->count) / 2);
    return error;
}

static bool moves_upper(const struct belay_ranges *set, size_t i)
{
    return i >= set->count - i;
}

/* Makes sure that open_slot(i) has a free slot on the side that it moves. */
static int reserve(struct belay_ranges *set, size_t i)
{
    if (set->capacity == 0)
        return set->count == 0 ? 0 : spread(set);
    bool has_room =
        moves_upper(set, i) ? set->start + set->count < set->capacity : set->start > 0;
    return has_room ? 0 : spread(set);
}

static struct belay_range *open_slot(struct belay_ranges *set, size_t i)
{
    if (moves_upper(set, i)) {
        memmove(at(set, i) + 1, at(set, i), (set->count - i) * sizeof(*set->items));
    } else {
        memmove(at(set, 0) - 1, at(set, 0), i * sizeof(*set->items));
        set->start--;
    }
    set->count++;
    return at(set, i);
}

/* Takes the ranges i .. end - 1 out, moving the shorter side. */
static void erase(struct belay_ranges *set, size_t i, size_t end)
{
    size_t gone = end - i;
    if (gone == 0)
        return;
    if (i < set->count - end) {
        memmove(at(set, gone), at(set, 0), i * sizeof(*set->items));
        set->start += (uint32_t)gone;
    } else {
        memmove(at(set, i), at(set, end), (set->count - end) * sizeof(*set->items));
    }
    set->count -= (uint32_t)gone;
}

/* A range that touches no other goes in before the i-th. */
static int insert(struct belay_ranges *set, size_t i, struct belay_range new,
                  struct belay_range *evicted)
{
    bool full = set->max_count > 0 && set->count >= set->max_count;
    /* Room first: when there is none, nothing may have changed. */
    if (reserve(set, i) != 0)
        return BELAY_ENOMEM;
    *open_slot(set, i) = new;
    if (full) {
        *evicted = *at(set, 0);
        erase(set, 0, 1);
    }
    return 0;
}

int belay_ranges_add(struct belay_ranges *set, uint64_t lo, uint64_t hi,
                     struct belay_range *evicted)
{
    assert(lo < hi);
    struct belay_range ignored;
    if (evicted == NULL)
        evicted = &ignored;
    *evicted = (struct belay_range){0, 0};

    /* Ranges i .. end - 1 overlap or touch [lo, hi). A range that ends at lo touches it. */
    size_t i = find(set, lo);
    if (i > 0 && at(set, i - 1)->hi == lo)
        i--;
    size_t end = i;
    while (end < set->count && at(set, end)->lo <= hi)
        end++;
    if (i == end)
        return insert(set, i, (struct belay_range){lo, hi}, evicted);

    if (at(set, end - 1)->hi > hi)
        hi = at(set, end - 1)->hi;
    if (at(set, i)->lo > lo)
        at(set, i)->lo = lo;
    at(set, i)->hi = hi;
    erase(set, i + 1, end);
    return 0;
}

static int split(struct belay_ranges *set, size_t i, uint64_t lo, uint64_t hi)
{
    if (set->max_count > 0 && set->count >= set->max_count)
        return BELAY_ENOMEM;
    if (reserve(set, i + 1) != 0)
        return BELAY_ENOMEM;
    struct belay_range *upper = open_slot(set, i + 1);
    struct belay_range *lower = at(set, i);
    *upper = (struct belay_range){hi, lower->hi};
    lower->hi = lo;
    return 0;
}

int belay_ranges_remove(struct belay_ranges *set, uint64_t lo, uint64_t hi)
{
    if (lo >= hi)
        return 0;
    size_t i = find(set, lo);
    if (i == set->count)
        return 0;
    if (at(set, i)->lo < lo) {
        if (at(set, i)->hi > hi)
            return split(set, i, lo, hi);
        at(set, i)->hi = lo;
        i++;
    }
    size_t end = i;
    while (end < set->count && at(set, end)->hi <= hi)
        end++;
    if (end < set->count && at(set, end)->lo < hi)
        at(set, end)->lo = hi;
    erase(set, i, end);
    return 0;
}

bool belay_ranges_has(const struct belay_ranges *set, uint64_t number)
{
    size_t i = find(set, number);
    return i < set->count && at(set, i)->lo <= number;
}

bool belay_ranges_has_all(const struct belay_ranges *set, uint64_t lo, uint64_t hi)
{
    if (lo >= hi)
        return true;
    size_t i = find(set, lo);
    return i < set->count && at(set, i)->lo <= lo && at(set, i)->hi >= hi;
}

uint64_t belay_ranges_total(const struct belay_ranges *set)
{
    uint64_t total = 0;
    for (size_t i = 0; i < set->count; i++)
        total += at(set, i)->hi - at(set, i)->lo;
    return total;
}

bool belay_ranges_first_gap(const struct belay_ranges *set, uint64_t lo, uint64_t hi,
                            struct belay_range *gap)
{
    size_t i = find(set, lo);
    if (i < set->count && at(set, i)->lo <= lo) {
        lo = at(set, i)->hi;
        i++;
    }
    if (lo >= hi)
        return false;
    if (i < set->count && at(set, i)->lo < hi)
        hi = at(set, i)->lo;
    *gap = (struct belay_range){lo, hi};
    return true;
}
