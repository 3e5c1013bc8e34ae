/*
 * chance.h - how often a draw is at most a threshold, by formula: plain draws and netem's
 * correlated ones.
 *
 * A correlated draw x = u (1 - rho) + last rho settles at the sum of (1 - rho) rho^k u_k over
 * all k, which is narrower than uniform. Its density lives on [0, 1] and so is a Fourier
 * series whose n-th coefficient is the product over k of sinc(pi n (1 - rho) rho^k); summed
 * here until the rest is below 1e-7.
 */
#ifndef NETSIM_CHANCE_H
#define NETSIM_CHANCE_H

#include <stdint.h>

struct netsim_chance {
    double asked; /* what stands in the words, 0 .. 1 */
    double mean;  /* what one gets in the long run */
    double again; /* the same, just after it has happened */
};

/* probability and rho as in struct netsim_words. rho of 100 %: the first draw decides for all
 * packets; then mean is what one gets on average of many runs, and again is 1. */
struct netsim_chance netsim_chance(uint32_t probability, uint32_t rho);

#endif
