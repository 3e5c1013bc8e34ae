#include "netsim/report/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "netsim/model/rate.h"

#define GAP_MAX        100000 /* of places of the counter, and with jitter fewer */
#define GAP_JITTER_MAX 256    /* the same, with jitter */
#define WORK_MAX       200000 /* steps times places for one delay; the rest as if evenly */
#define NOTHING        1e-7
#define DOUBLED        2

/* The packets behind one, and where netem's gap counter may be. */
struct behind {
    const struct netsim_delays *delays;
    bool steady;        /* what is delayed keeps its order */
    double early;       /* of those that may pass the queue, who does */
    unsigned gap;       /* at least 1 */
    double lost, twice; /* of packets */
    int64_t line_ns;    /* that a packet takes on the line, behind its delay */
    int64_t interval_ns;
};

/* One more entry in the queue that does not overtake, sent y before x is due. */
static double step(const struct behind *b, double *counter, int64_t y)
{
    double stays = 1 - (b->steady ? 0 : netsim_delays_below(b->delays, y)), sum = 0;
    unsigned last = b->gap - 1;
    double open = counter[last] * (1 - b->early);

    for (unsigned c = last; c > 0; c--)
        counter[c] = counter[c - 1] * stays;
    counter[0] = 0;
    counter[last] += open * stays;
    for (unsigned c = 0; c < b->gap; c++)
        sum += counter[c];
    return sum;
}

/* One more packet: lost, or one entry, or two. */
static double next_packet(const struct behind *b, double *counter, double *scratch, int64_t y)
{
    double sum, one = 1 - b->lost - b->twice;

    memcpy(scratch, counter, b->gap * sizeof(counter[0]));
    sum = step(b, scratch, y);
    for (unsigned c = 0; c < b->gap; c++)
        counter[c] = b->lost * counter[c] + one * scratch[c];
    if (b->twice > 0)
        step(b, scratch, y);
    sum = 0;
    for (unsigned c = 0; c < b->gap; c++) {
        counter[c] += b->twice * scratch[c];
        sum += counter[c];
    }
    return sum;
}

/* No jitter comes so far down any more, and n packets may still pass the queue. With losses or
 * copies and a gap it is close only: so many of n are taken as are there on average. */
static double rest(const struct behind *b, const double *counter, double n)
{
    double each = 1 - (1 - b->lost - b->twice) * b->early -
                  b->twice * (1 - (1 - b->early) * (1 - b->early));
    double sum = 0;

    for (unsigned c = 0; c < b->gap; c++) {
        double shut = (b->gap - 1 - c) / (1 - b->lost + b->twice);

        sum += counter[c] * pow(each, n > shut ? n - shut : 0);
    }
    return sum;
}

/* The chance that no packet behind overtakes one of delay x. */
static double in_order(const struct behind *b, double *counter, double *scratch, int64_t x)
{
    int64_t steps = (x - 1) / b->interval_ns, least = b->delays->at_ns[0];
    bool one_each = b->lost <= 0 && b->twice <= 0;
    double sum = 0;

    for (unsigned c = 0; c < b->gap; c++)
        sum += counter[c];
    for (int64_t m = 1; m <= steps && sum > NOTHING; m++) {
        int64_t y = x - m * b->interval_ns;
        bool jitter_done = b->steady || y <= least;

        if ((jitter_done && (b->gap == 1 || one_each)) || m * b->gap > WORK_MAX)
            return rest(b, counter, (double)(steps - m + 1));
        sum = next_packet(b, counter, scratch, y);
    }
    return sum;
}

/* The counter before a packet that is delayed: each shut place is passed once a cycle, the open
 * one 1 / early times. */
static void start(const struct behind *b, double rate, double *counter)
{
    memset(counter, 0, b->gap * sizeof(counter[0]));
    for (unsigned c = 1; c < b->gap; c++)
        counter[c] = rate;
    counter[b->gap - 1] += b->early > 0 ? rate / b->early * (1 - b->early) : 1;
}

/* Of a packet that comes twice the first counts: the lesser of two delays. */
static double first_of_two(const struct behind *b, double before, double weight)
{
    double arrive = 1 - b->lost, later = (1 - b->early) * (1 - before - weight / 2);

    return (arrive - b->twice) / arrive + DOUBLED * b->twice / arrive * later;
}

static double late(const struct behind *b, double rate, double *counter, double *scratch)
{
    const struct netsim_delays *d = b->delays;
    double sum = 0, before = 0;
    unsigned stride = b->gap > 1 && d->count > 256 ? d->count / 256 : 1;

    for (unsigned i = 0; i + stride <= d->count; i += stride) {
        double weight = 0, delayed = 0;
        int64_t x;

        for (unsigned k = i; k < i + stride; k++)
            weight += d->weight[k];
        start(b, rate, counter);
        for (unsigned c = 0; c < b->gap; c++)
            delayed += counter[c];
        x = d->at_ns[i + stride / 2] + b->line_ns;
        if (x > 0)
            sum += weight * first_of_two(b, before, weight) *
                   (delayed - in_order(b, counter, scratch, x));
        before += weight;
    }
    return sum;
}

/* netem's own rate, which keeps the order. */
static bool is_netem_line(const struct netsim_words *w)
{
    return w->rate_bytes_per_s > 0 && w->line == NETSIM_LINE_NONE;
}

/* For something that has no formula here. A line that is free again before the next packet
 * comes only adds its time. */
static bool waits(const struct netsim_words *w, const struct behind *b)
{
    if (w->has_slot || w->trace_file[0] != '\0')
        return true;
    return is_netem_line(w) && b->early > 0 &&
           (w->jitter_ns > 0 || b->line_ns > b->interval_ns);
}

/* Of x-queue's line packets come out one by one, and have their delay then. */
static int64_t pace_ns(const struct netsim_words *w, const struct netsim_traffic *traffic)
{
    int64_t line_ns = netsim_rate_time_ns(w, traffic->size_bytes);

    return w->line != NETSIM_LINE_NONE && line_ns > traffic->interval_ns ? line_ns
                                                                         : traffic->interval_ns;
}

void netsim_order(struct netsim_order *order, const struct netsim_words *w,
                  const struct netsim_delays *delays, const struct netsim_losses *losses,
                  const struct netsim_traffic *traffic)
{
    struct netsim_chance early = netsim_chance(w->reorder, w->reorder_corr);
    struct behind b = {
        .delays = delays,
        .steady = w->fifo || is_netem_line(w) || delays->jitter_ns == 0,
        .early = w->gap > 0 ? early.mean : 0,
        .gap = w->gap > 0 ? w->gap : 1,
        .lost = losses->lost < 1 ? losses->lost : 0,
        .twice = losses->twice,
        .line_ns = is_netem_line(w) ? netsim_rate_time_ns(w, traffic->size_bytes) : 0,
        .interval_ns = pace_ns(w, traffic),
    };
    double rate = b.early > 0 ? 1 / (b.gap - 1 + 1 / b.early) : 0, *counter;

    *order = (struct netsim_order){.early_asked = early.asked, .early = rate};
    order->about = w->reorder_corr > 0 || losses->about || (b.gap > 1 && b.twice > 0) ||
                   (b.line_ns > 0 && b.twice > 0) ||
                   (losses->lost > 0 && w->loss_model != NETSIM_LOSS_RANDOM) ||
                   (b.gap > 1 && delays->jitter_ns > 0) || w->loss_corr > 0 ||
                   (b.gap > 1 && delays->delay_ns / b.interval_ns > WORK_MAX / b.gap);
    order->unknown =
        b.gap > (b.steady ? GAP_MAX : GAP_JITTER_MAX) || delays->correlated || waits(w, &b);
    counter = calloc(2 * (b.gap <= GAP_MAX ? b.gap : 1), sizeof(*counter));
    if (counter == NULL || order->unknown || (b.early <= 0 && b.steady)) {
        order->unknown = order->unknown || counter == NULL;
        free(counter);
        return;
    }
    order->late = late(&b, rate, counter, counter + b.gap);
    free(counter);
}
