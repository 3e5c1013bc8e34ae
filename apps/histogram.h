/*
 * histogram.h - times of which the percentiles are wanted, in fixed memory: each is counted in
 * a bucket that is at most 1/256 of its value wide.
 */
#ifndef BELAY_APPS_HISTOGRAM_H
#define BELAY_APPS_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS   256 /* buckets of one power of two */
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 37)
/* Longer ones count as this: about 2.4 hours. */
#define HISTOGRAM_MAX_NS (UINT64_C(1) << 43)

struct histogram {
    uint64_t count, min_ns, max_ns;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

/* One that is all zero is empty. */
void histogram_add(struct histogram *histogram, uint64_t ns);
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/* By nearest rank, share from 0 to 1: no smaller than the true one, larger by at most 1/256. 0
 * when empty. */
uint64_t histogram_at_ns(const struct histogram *histogram, double share);

#endif
