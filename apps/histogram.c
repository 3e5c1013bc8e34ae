#include "histogram.h"

#include <math.h>

/* Values below HISTOGRAM_STEPS have a bucket each; above, each power of two has as many. */
static unsigned bucket_of(uint64_t ns)
{
    if (ns < HISTOGRAM_STEPS)
        return (unsigned)ns;
    unsigned shift = 0;
    while (ns >> shift >= 2 * HISTOGRAM_STEPS)
        shift++;
    return HISTOGRAM_STEPS * (shift + 1) + (unsigned)(ns >> shift) - HISTOGRAM_STEPS;
}

/* The largest value that it counts. */
static uint64_t top_ns(unsigned bucket)
{
    if (bucket < HISTOGRAM_STEPS)
        return bucket;
    unsigned shift = bucket / HISTOGRAM_STEPS - 1;
    uint64_t step = bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS;
    return ((step + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    if (ns > HISTOGRAM_MAX_NS)
        ns = HISTOGRAM_MAX_NS;
    histogram->buckets[bucket_of(ns)]++;
    if (histogram->count++ == 0 || ns < histogram->min_ns)
        histogram->min_ns = ns;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
    if (other->count == 0)
        return;
    if (histogram->count == 0 || other->min_ns < histogram->min_ns)
        histogram->min_ns = other->min_ns;
    if (other->max_ns > histogram->max_ns)
        histogram->max_ns = other->max_ns;
    histogram->count += other->count;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram->buckets[i] += other->buckets[i];
}

uint64_t histogram_at_ns(const struct histogram *histogram, double share)
{
    uint64_t rank = (uint64_t)ceil(share * (double)histogram->count);
    uint64_t seen = 0;
    if (histogram->count == 0)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && seen >= rank)
            return top_ns(i) < histogram->max_ns ? top_ns(i) : histogram->max_ns;
    }
    return histogram->max_ns;
}
