#include "netsim/report/forecast.h"

#include <math.h>
#include <stdlib.h>

#include "netsim/model/rate.h"
#include "netsim/model/trace.h"

#define NS_PER_S 1e9

/* Entries in the queue for each packet sent. */
static double entries(const struct netsim_forecast *e)
{
    return 1 - e->losses.lost + e->losses.twice;
}

static double packets_per_s(const struct netsim_traffic *traffic)
{
    return NS_PER_S / (double)traffic->interval_ns;
}

static void fill_unknown(struct netsim_forecast *e)
{
    e->delay = (struct netsim_delays_summary){NAN, NAN, NAN, NAN, NAN, NAN};
    e->order.late = NAN;
}

static void fill_delay(struct netsim_forecast *e, const struct netsim_words *w,
                       const struct netsim_traffic *traffic)
{
    struct netsim_delays *delays = malloc(sizeof(*delays));

    if (delays == NULL) {
        fill_unknown(e);
        return;
    }
    netsim_delays(delays, w);
    netsim_delays_sum_up(delays, w->fifo, traffic->interval_ns, 1 - e->losses.lost, &e->delay);
    netsim_order(&e->order, w, delays, &e->losses, traffic);
    if (e->order.unknown)
        e->order.late = NAN;
    /* On netem's line delays overlap the wait, and jitter is held back by it. */
    if (delays->correlated || (w->rate_bytes_per_s > 0 && w->jitter_ns > 0 && !w->fifo &&
                               w->line == NETSIM_LINE_NONE))
        e->delay.p50_ns = e->delay.p99_ns = e->delay.mean_ns = e->delay.at_once = NAN;
    free(delays);
}

static double line_time_ns(const struct netsim_words *w, const struct netsim_traffic *traffic)
{
    const struct netsim_trace *trace = w->trace;

    if (w->rate_bytes_per_s > 0)
        return (double)netsim_rate_time_ns(w, traffic->size_bytes);
    if (trace == NULL || trace->count == 0)
        return 0;
    return (double)trace->round_ms * 1e6 / (double)trace->count * traffic->size_bytes /
           NETSIM_TRACE_BYTES;
}

/* How many packets wait at most. */
static double room(const struct netsim_words *w, const struct netsim_traffic *traffic)
{
    if (w->line == NETSIM_LINE_DROPTAIL && traffic->size_bytes > 0)
        return floor((double)w->line_bytes / traffic->size_bytes);
    return w->limit;
}

static void fill_line(struct netsim_forecast *e, const struct netsim_words *w,
                      const struct netsim_traffic *traffic)
{
    e->line_ns = line_time_ns(w, traffic);
    if (e->line_ns <= 0)
        return;
    e->line_pps = NS_PER_S / e->line_ns;
    e->load = e->line_ns * entries(e) / (double)traffic->interval_ns;
    e->full_ns = w->line == NETSIM_LINE_CODEL ? NAN : e->line_ns * room(w, traffic);
}

/* Without a line packets only wait for their delay, and Little's law tells how many do. */
static void fill_limit(struct netsim_forecast *e, const struct netsim_words *w,
                       const struct netsim_traffic *traffic)
{
    double holds = e->delay.mean_ns * (1 - e->order.early), n = entries(e);

    if (isnan(holds) || n <= 0)
        return;
    if (e->line_ns > 0 && e->load > NETSIM_LOAD_MAX) {
        e->held = room(w, traffic);
        e->limit_lost = 1 - 1 / e->load;
        return;
    }
    holds += e->line_ns;
    e->held = holds / NS_PER_S * packets_per_s(traffic) * n;
    if (holds > 0 && w->line == NETSIM_LINE_NONE)
        e->limit_pps = w->limit / (holds / NS_PER_S) / n;
    if (e->held > w->limit && w->line == NETSIM_LINE_NONE)
        e->limit_lost = 1 - w->limit / e->held;
}

static double mean_of_table_ns(const struct netsim_words *w)
{
    struct netsim_table *made = malloc(sizeof(*made));
    const struct netsim_table *table = w->slot_distribution_table;
    double sum = 0;

    if (made == NULL)
        return NAN;
    if (netsim_table_fill(made, w->slot_distribution))
        table = made;
    for (uint32_t i = 0; table != NULL && i < table->size; i++)
        sum += table->value[i];
    sum = table != NULL ? sum / table->size / 8192 : 0;
    free(made);
    return (double)w->slot_delay_ns + sum * (double)w->slot_jitter_ns;
}

/* The packet that passes the bound in bytes still leaves. */
static double slot_packets(const struct netsim_words *w, const struct netsim_traffic *traffic)
{
    double packets = INFINITY;

    if (w->slot_packets > 0)
        packets = w->slot_packets;
    if (w->slot_bytes > 0 && traffic->size_bytes > 0)
        packets = fmin(packets, ceil((double)w->slot_bytes / traffic->size_bytes));
    return packets;
}

static void fill_slot(struct netsim_forecast *e, const struct netsim_words *w,
                      const struct netsim_traffic *traffic)
{
    double packets = slot_packets(w, traffic);

    if (!w->has_slot)
        return;
    e->slot_ns = w->slot_has_distribution
                     ? mean_of_table_ns(w)
                     : (double)w->slot_min_ns + (double)(w->slot_max_ns - w->slot_min_ns) / 2;
    if (isfinite(packets) && e->slot_ns > 0)
        e->slot_pps = packets / e->slot_ns * NS_PER_S;
}

void netsim_forecast(struct netsim_forecast *e, const struct netsim_words *w,
                     const struct netsim_traffic *traffic)
{
    *e = (struct netsim_forecast){.corrupt = netsim_chance(w->corrupt, w->corrupt_corr)};
    netsim_losses(&e->losses, w);
    fill_delay(e, w, traffic);
    fill_line(e, w, traffic);
    fill_limit(e, w, traffic);
    fill_slot(e, w, traffic);
    if (w->has_blackout && w->blackout_repeats)
        e->blackout_share = (double)w->blackout_off_ns /
                            ((double)w->blackout_on_ns + (double)w->blackout_off_ns);
}

bool netsim_forecast_is_clean(const struct netsim_words *w)
{
    return w->delay_ns == 0 && w->jitter_ns == 0 && w->loss_model == NETSIM_LOSS_NONE &&
           w->corrupt == 0 && w->duplicate == 0 && w->rate_bytes_per_s == 0 && !w->has_slot &&
           netsim_words_extension(w) == NULL;
}
