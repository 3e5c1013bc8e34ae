/*
 * random.h - the generator of a link's decisions, and netem's correlated draw.
 *
 * LFSR113 of P. L'Ecuyer, "Tables of maximally-equidistributed combined LFSR generators",
 * Mathematics of Computation 68 (1999), seeded as Linux seeds it, so that `seed N` decides
 * as in the kernel.
 */
#ifndef NETSIM_RANDOM_H
#define NETSIM_RANDOM_H

#include <stdint.h>

struct netsim_random {
    uint32_t s[4];
};

/* Only 32 bits of seed count: (seed >> 32) ^ (seed << 10) ^ seed. */
void netsim_random_init(struct netsim_random *random, uint64_t seed);
uint32_t netsim_random_draw(struct netsim_random *random); /* uniform in [0, 2^32) */

/* A number in [0, bound), bound >= 1, by one draw. */
uint32_t netsim_random_below(struct netsim_random *random, uint32_t bound);

/*
 * A draw that leans on the one before: x = (u * (1 - rho) + last * rho), with rho a share of
 * UINT32_MAX; rho 0 is a plain draw. The result is narrower than uniform, so thresholds are
 * missed: that is what netem does.
 */
struct netsim_correlated {
    uint32_t rho, last;
};
uint32_t netsim_correlated_draw(struct netsim_correlated *state, struct netsim_random *random);

/*
 * Seeds derived from a seed: the n-th output (n >= 1) of SplitMix64 started at it. A stream
 * has a number, so that no two uses share one.
 */
#define NETSIM_STREAM_BACK  1 /* the way back of a proxy or simulator */
#define NETSIM_STREAM_EXTRA 2 /* what the kernel takes from the system: see link.c */
#define NETSIM_STREAM_STAGE 8 /* and the 7 after: the stages of a pipeline, but the first */
uint64_t netsim_seed_derive(uint64_t seed, unsigned stream);

#endif
