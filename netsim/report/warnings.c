#include "netsim/report/warnings.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "netsim/model/units.h"
#include "netsim/report/numbers.h"

#define WORDS_SIZE 512
#define NS_PER_S   1e9

struct list {
    struct netsim_warning *at;
    unsigned count;
    const struct netsim_words *w;
    const struct netsim_forecast *e;
    const struct netsim_traffic *traffic;
};

static void warn(struct list *list, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void warn(struct list *list, const char *id, const char *format, ...)
{
    struct netsim_warning *warning;
    va_list args;

    if (list->count == NETSIM_WARNINGS_MAX)
        return;
    warning = &list->at[list->count++];
    warning->id = id;
    va_start(args, format);
    vsnprintf(warning->text, sizeof(warning->text), format, args);
    va_end(args);
}

static bool is_missed(const struct netsim_chance *chance)
{
    return fabs(chance->mean - chance->asked) > 0.02 * chance->asked;
}

/* The two-state chain whose losses have this mean, and from one packet to the next this
 * correlation: p + r = 1 - rho. */
static void warn_correlated_loss(struct list *list)
{
    const struct netsim_words *w = list->w;
    struct netsim_chance loss = netsim_chance(w->loss, w->loss_corr);
    double rho = (double)w->loss_corr / UINT32_MAX, m = loss.asked;
    double p = m * (1 - rho), r = (1 - m) * (1 - rho);

    if (w->loss_model != NETSIM_LOSS_RANDOM || w->loss_corr == 0 || w->loss == 0)
        return;
    if (w->loss_corr == UINT32_MAX) {
        warn(list, "correlation",
             "A correlation of 100%% makes the first draw decide for all packets: this link "
             "loses all of them or none. For bursts: loss gemodel 2%% 25%%.");
        return;
    }
    if (is_missed(&loss))
        warn(list, "correlation",
             "Correlation does not make bursts, it makes the draws narrower, so the percentage "
             "is "
             "missed: asked were %s, lost are %s. For %s in bursts of %s on average: loss "
             "gemodel "
             "%.4g%% %.4g%%.",
             netsim_say_share(m).text, netsim_say_share(loss.mean).text,
             netsim_say_share(m).text, netsim_say_count(1 / r).text, 100 * p, 100 * r);
}

static void warn_correlated(struct list *list, const char *what, uint32_t value, uint32_t corr)
{
    struct netsim_chance chance = netsim_chance(value, corr);
    char percent[NETSIM_UNIT_TEXT_SIZE];

    if (corr == 0 || value == 0 || !is_missed(&chance))
        return;
    netsim_format_percent(value, percent);
    warn(list, "correlation",
         "Correlation makes the draws narrower, so the percentage is missed: asked were %s, "
         "one gets %s. Without it: %s %s.",
         netsim_say_share(chance.asked).text, netsim_say_share(chance.mean).text, what,
         percent);
}

static void warn_delay_correlation(struct list *list)
{
    const struct netsim_words *w = list->w;

    if (w->delay_corr == 0 || w->jitter_ns == 0)
        return;
    if (!isnan(list->e->delay.p50_ns) || w->rate_bytes_per_s > 0)
        warn(list, "delay-correlation",
             "Delay's correlation does nothing here: netem takes the draw's remainder, and "
             "that of leaning draws is as good as uniform. For delays that change slowly: a "
             "schedule.");
    else
        warn(list, "delay-correlation",
             "With a jitter or a correlation as large as these, delays neither follow their "
             "distribution nor lean on the last in a way that has a formula.");
}

/* Notes of the language itself, but for the one on correlation, which has numbers above. */
static void warn_notes(struct list *list)
{
    const char *note;

    for (unsigned i = 0; (note = netsim_words_note(list->w, i)) != NULL; i++)
        if (strncmp(note, "correlated", 10) != 0)
            warn(list, "note", "%c%s.",
                 note[0] >= 'a' && note[0] <= 'z' && note[1] != '-' ? note[0] - 'a' + 'A'
                                                                    : note[0],
                 note + 1);
}

static void warn_jitter(struct list *list)
{
    const struct netsim_words *w = list->w;
    const struct netsim_forecast *e = list->e;

    if (w->jitter_ns == 0)
        return;
    if (!w->has_distribution)
        warn(list, "uniform",
             "Without `distribution` jitter is uniform, though tc's manual page says normal.");
    if (e->delay.at_once > 0)
        warn(list, "jitter-over-delay",
             "Jitter is larger than the delay: %s would leave before they came, and leave at "
             "once.",
             netsim_say_share(e->delay.at_once).text);
    if (!w->fifo && w->reorder == 0 && e->order.late > 0)
        warn(list, "jitter-reorders",
             "Jitter reorders as soon as it is longer than the packets are apart: here %s%s "
             "arrive after a later one. To keep the order: add x-fifo.",
             e->order.about ? "about " : "", netsim_say_share(e->order.late).text);
}

static void warn_reorder(struct list *list)
{
    const struct netsim_words *w = list->w;
    const struct netsim_order *order = &list->e->order;
    double interval = (double)list->traffic->interval_ns;

    if (w->reorder == 0)
        return;
    if ((double)w->delay_ns + (double)w->jitter_ns <= interval)
        warn(list, "reorder-delay",
             "A packet that passes the queue gains the delay, %s; with one sent every %s it "
             "overtakes none. Let the delay be longer, or send faster.",
             netsim_say_time((double)w->delay_ns).text, netsim_say_time(interval).text);
    if (w->gap > 1)
        warn(list, "gap",
             "`gap %u` lets at least %u packets wait between two that pass the queue, so %s of "
             "all pass it, not %s.",
             w->gap, w->gap - 1, netsim_say_share(order->early).text,
             netsim_say_share(order->early_asked).text);
}

static void warn_limit(struct list *list)
{
    const struct netsim_words *w = list->w;
    const struct netsim_forecast *e = list->e;
    double pps = NS_PER_S / (double)list->traffic->interval_ns;
    double most = e->delay.max_ns / NS_PER_S * pps * (1 - e->losses.lost + e->losses.twice);

    if (w->line != NETSIM_LINE_NONE || (e->line_ns > 0 && e->load > NETSIM_LOAD_MAX))
        return;
    if (e->limit_lost > 0)
        warn(
            list, "limit",
            "%s packets a second with a delay of %s are %s on their way, and `limit` keeps %u: "
            "%s are dropped in silence. Let it be at least: limit %.0f.",
            netsim_say_count(pps).text, netsim_say_time(e->delay.mean_ns).text,
            netsim_say_count(e->held).text, w->limit, netsim_say_share(e->limit_lost).text,
            ceil(most) + 1);
    else if (most > w->limit)
        warn(list, "limit",
             "With long delays up to %s packets are on their way, and `limit` keeps %u: some "
             "are dropped in silence. Let it be at least: limit %.0f.",
             netsim_say_count(most).text, w->limit, ceil(most) + 1);
}

static void warn_line(struct list *list)
{
    const struct netsim_words *w = list->w;
    const struct netsim_forecast *e = list->e;
    struct netsim_words line = *w, way;
    char first[WORDS_SIZE], second[WORDS_SIZE];

    if (w->rate_bytes_per_s == 0 || w->delay_ns == 0 || w->line != NETSIM_LINE_NONE)
        return;
    netsim_words_init(&way);
    way.delay_ns = w->delay_ns;
    way.jitter_ns = w->jitter_ns;
    way.delay_corr = w->delay_corr;
    way.distribution = w->distribution;
    way.has_distribution = w->has_distribution;
    memcpy(way.distribution_file, w->distribution_file, sizeof(way.distribution_file));
    way.reorder = w->reorder;
    way.reorder_corr = w->reorder_corr;
    way.gap = w->gap;
    line.delay_ns = line.jitter_ns = 0;
    line.delay_corr = line.reorder = line.reorder_corr = line.gap = 0;
    line.has_distribution = false;
    netsim_words_format(&line, first, sizeof(first));
    netsim_words_format(&way, second, sizeof(second));
    warn(list, "rate-delay",
         "In one netem, delay overlaps the wait for the line%s: a packet that waited longer "
         "than its delay has no delay on top. For a line and then a way: %s | %s",
         w->jitter_ns > 0 ? ", and jitter is held back by it" : "", first, second);
    if (e->load > 0 && w->reorder > 0)
        warn(list, "rate-reorder", "What `reorder` lets pass the queue passes the rate too.");
}

static void warn_others(struct list *list)
{
    const struct netsim_words *w = list->w;

    if (w->ecn)
        warn(list, "ecn",
             "`ecn` marks only packets whose sender set ECT(0) or ECT(1); from all others it "
             "loses as without it.");
    if (w->has_slot && w->slot_packets == 0 && w->slot_bytes == 0)
        warn(list, "slot",
             "A slot without `packets` and `bytes` bounds no rate: all that wait leave "
             "together when it opens.");
    if (w->mtu_bytes > 0 && list->traffic->size_bytes > w->mtu_bytes)
        warn(list, "mtu", "Packets of %u bytes are longer than x-mtu: none arrives.",
             list->traffic->size_bytes);
}

unsigned netsim_warnings(struct netsim_warning warnings[NETSIM_WARNINGS_MAX],
                         const struct netsim_words *words,
                         const struct netsim_forecast *forecast,
                         const struct netsim_traffic *traffic)
{
    struct list list = {warnings, 0, words, forecast, traffic};

    warn_correlated_loss(&list);
    warn_correlated(&list, "duplicate", words->duplicate, words->duplicate_corr);
    warn_correlated(&list, "corrupt", words->corrupt, words->corrupt_corr);
    warn_correlated(&list, "reorder", words->reorder, words->reorder_corr);
    warn_delay_correlation(&list);
    warn_notes(&list);
    warn_jitter(&list);
    warn_reorder(&list);
    warn_limit(&list);
    warn_line(&list);
    warn_others(&list);
    return list.count;
}
