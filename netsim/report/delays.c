#include "netsim/report/delays.h"

#include <math.h>
#include <stdlib.h>

#define DRAWS          4294967296.0
#define UNIFORM_POINTS 4096
#define ROUNDS_LEAST   16 /* of 2J in one correlated step, that the correlation is washed out */

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The share of draws whose remainder by `span` is below `part`. */
static double remainder_below(double part, double span)
{
    double rounds = floor(DRAWS / span), rest = DRAWS - rounds * span;

    if (part <= 0 || span <= 0)
        return 0;
    if (part >= span)
        return 1;
    return (part * rounds + (part < rest ? part : rest)) / DRAWS;
}

static void uniform_points(struct netsim_delays *d)
{
    double span = 2.0 * (double)d->jitter_ns, low = (double)(d->delay_ns - d->jitter_ns);

    d->uniform = true;
    d->count = UNIFORM_POINTS;
    for (unsigned i = 0; i < d->count; i++) {
        double from = span * i / d->count, to = span * (i + 1) / d->count;

        d->at_ns[i] = (int64_t)(low + (from + to) / 2);
        d->weight[i] = remainder_below(to, span) - remainder_below(from, span);
    }
}

static void table_points(struct netsim_delays *d, const struct netsim_table *table)
{
    d->count = table->size;
    for (unsigned i = 0; i < d->count; i++) {
        d->at_ns[i] = netsim_table_delay_ns(table, i, d->delay_ns, d->jitter_ns);
        d->weight[i] = 1.0 / d->count;
    }
    qsort(d->at_ns, d->count, sizeof(d->at_ns[0]), compare);
}

static const struct netsim_table *table_of(const struct netsim_words *w,
                                           struct netsim_table *made)
{
    return netsim_table_fill(made, w->distribution) ? made : w->distribution_table;
}

void netsim_delays(struct netsim_delays *d, const struct netsim_words *words)
{
    double step = DRAWS - words->delay_corr; /* how far one correlated draw may move */
    struct netsim_table *made;

    d->delay_ns = words->delay_ns;
    d->jitter_ns = words->jitter_ns;
    d->uniform = false;
    d->correlated = false;
    d->count = 1;
    d->at_ns[0] = words->delay_ns;
    d->weight[0] = 1;
    if (words->jitter_ns == 0)
        return;
    made = malloc(sizeof(*made));
    if (made != NULL && table_of(words, made) != NULL)
        table_points(d, table_of(words, made));
    else
        uniform_points(d);
    free(made);
    d->correlated = words->delay_corr > 0 &&
                    step / (d->uniform ? 2.0 * (double)d->jitter_ns : d->count) < ROUNDS_LEAST;
}

/* How many of the points are below y. */
static unsigned points_below(const struct netsim_delays *d, int64_t y)
{
    unsigned low = 0, high = d->count;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (d->at_ns[middle] < y)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

double netsim_delays_below(const struct netsim_delays *d, int64_t y_ns)
{
    if (y_ns <= 0)
        return 0;
    if (d->uniform)
        return remainder_below((double)(y_ns - (d->delay_ns - d->jitter_ns)),
                               2.0 * (double)d->jitter_ns);
    return (double)points_below(d, y_ns) / d->count;
}

static double cut(int64_t ns)
{
    return ns > 0 ? (double)ns : 0;
}

/* The least point at which the weights sum up to a share. */
static double quantile(const struct netsim_delays *d, double share)
{
    double sum = 0;

    for (unsigned i = 0; i < d->count; i++) {
        sum += d->weight[i];
        if (sum >= share - 1e-12)
            return cut(d->at_ns[i]);
    }
    return cut(d->at_ns[d->count - 1]);
}

/* The chance that neither this packet's jitter nor one's before it makes it leave after y. */
static double fifo_until(const struct netsim_delays *d, int64_t y, int64_t interval,
                         double present)
{
    double product = netsim_delays_below(d, y + 1);

    for (int64_t z = y + interval; z < d->at_ns[d->count - 1] && product > 1e-9; z += interval)
        product *= 1 - present * (1 - netsim_delays_below(d, z + 1));
    return product;
}

/* Over 512 steps between least and greatest. */
static void fifo_sum_up(const struct netsim_delays *d, int64_t interval, double present,
                        struct netsim_delays_summary *s)
{
    double step = (s->max_ns - s->min_ns) / 512, before = 0;

    s->mean_ns = s->max_ns;
    s->p50_ns = s->p99_ns = -1;
    for (int i = 0; i <= 512; i++) {
        double y = s->min_ns + step * i;
        double now = fifo_until(d, (int64_t)y, interval, present);

        if (i > 0)
            s->mean_ns -= step * (before + now) / 2;
        if (s->p50_ns < 0 && now >= 0.5)
            s->p50_ns = y;
        if (s->p99_ns < 0 && now >= 0.99)
            s->p99_ns = y;
        before = now;
    }
    s->at_once = fifo_until(d, 0, interval, present);
}

void netsim_delays_sum_up(const struct netsim_delays *d, bool fifo, int64_t interval_ns,
                          double present, struct netsim_delays_summary *s)
{
    bool wide = d->jitter_ns > 0;

    *s = (struct netsim_delays_summary){
        .min_ns = cut(d->uniform ? d->delay_ns - d->jitter_ns : d->at_ns[0]),
        .max_ns = cut(d->uniform ? d->delay_ns + d->jitter_ns - 1 : d->at_ns[d->count - 1]),
        .p50_ns = quantile(d, 0.5),
        .p99_ns = quantile(d, 0.99),
        .at_once = netsim_delays_below(d, 1),
    };
    for (unsigned i = 0; i < d->count; i++)
        s->mean_ns += d->weight[i] * cut(d->at_ns[i]);
    if (fifo && wide && interval_ns > 0)
        fifo_sum_up(d, interval_ns, present, s);
}
