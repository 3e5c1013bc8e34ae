/*
 * seeds.h - a list of seeds: `1-20`, or `1,4,9-12`.
 */
#ifndef NETSIM_SEEDS_H
#define NETSIM_SEEDS_H

#include <stddef.h>
#include <stdint.h>

#define NETSIM_SEED_RANGES_MAX 64
#define NETSIM_SEEDS_MAX       100000

struct netsim_seed_range {
    uint64_t first, last; /* both included */
};

struct netsim_seeds {
    struct netsim_seed_range ranges[NETSIM_SEED_RANGES_MAX];
    size_t ranges_count;
    size_t count; /* of seeds, 1 to NETSIM_SEEDS_MAX */
};

/* NULL, or a sentence part saying what is wrong with text. */
const char *netsim_seeds_parse(struct netsim_seeds *seeds, const char *text);

/* The i-th as they were written, i < count. */
uint64_t netsim_seeds_at(const struct netsim_seeds *seeds, size_t i);

#endif
