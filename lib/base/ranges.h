/*
 * ranges.h - a set of 64-bit numbers kept as sorted, disjoint, non-adjacent ranges [lo, hi).
 *
 * Bounded: at most max_count ranges (0: no bound but memory). Insertion at either end is O(1),
 * elsewhere O(log n) to find and a memmove of the shorter side. An insertion that
 * would pass the bound drops the lowest range, and says so: the owner decides what that means
 * (a receiver raises its floor). The lowest may be the very range that was to be added.
 */
#ifndef BELAY_BASE_RANGES_H
#define BELAY_BASE_RANGES_H

#include "base/memory.h"

struct belay_range {
    uint64_t lo, hi; /* hi is exclusive */
};

struct belay_ranges {
    struct belay_mem *mem;
    union {
        struct belay_range one; /* capacity 0: most sets have one range, and need no memory */
        struct belay_range
            *items; /* capacity slots; the set is items[start .. start + count) */
    };
    uint32_t start, count, capacity, max_count;
};

void belay_ranges_init(struct belay_ranges *set, struct belay_mem *mem, uint32_t max_count);
void belay_ranges_dispose(struct belay_ranges *set);
void belay_ranges_clear(struct belay_ranges *set); /* keeps its memory */

/* The i-th range from the lowest; i < count. */
const struct belay_range *belay_ranges_at(const struct belay_ranges *set, size_t i);

/* Adds [lo, hi), lo < hi. Returns 0 or BELAY_ENOMEM (nothing changed). *evicted, when not
 * NULL, gets the range dropped for want of room (lo == hi: none). */
int belay_ranges_add(struct belay_ranges *set, uint64_t lo, uint64_t hi,
                     struct belay_range *evicted);

/* Takes [lo, hi) out. May split a range; BELAY_ENOMEM when that finds no room. */
int belay_ranges_remove(struct belay_ranges *set, uint64_t lo, uint64_t hi);

bool belay_ranges_has(const struct belay_ranges *set, uint64_t number);
bool belay_ranges_has_all(const struct belay_ranges *set, uint64_t lo, uint64_t hi);

/* Count of numbers in the set (not of ranges). O(ranges). */
uint64_t belay_ranges_total(const struct belay_ranges *set);

/* The first part of [lo, hi) that the set lacks; false when it lacks nothing. */
bool belay_ranges_first_gap(const struct belay_ranges *set, uint64_t lo, uint64_t hi,
                            struct belay_range *gap);

#endif
