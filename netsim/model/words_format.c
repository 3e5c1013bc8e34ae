#include "netsim/model/words.h"

#include <inttypes.h>
#include <stdio.h>

#include "netsim/model/text.h"
#include "netsim/model/units.h"

static void put_pair(struct netsim_text *t, const char *keyword, uint32_t percent,
                     uint32_t corr)
{
    netsim_text_put(t, "%s", keyword);
    netsim_text_put_percent(t, percent);
    if (corr > 0)
        netsim_text_put_percent(t, corr);
}

static void put_distribution(struct netsim_text *t, enum netsim_distribution distribution,
                             const char *file)
{
    netsim_text_put(t, "distribution %s",
                    distribution == NETSIM_FROM_FILE ? file
                                                     : netsim_distribution_name(distribution));
}

/* A correlation of 0 makes a difference where duplicate has one: without it tc, and so the
 * parser, ignores duplicate's. */
static bool needs_zero_corr(const struct netsim_words *w)
{
    return w->duplicate > 0 && w->duplicate_corr > 0 && w->delay_corr == 0 && w->loss_corr == 0;
}

static void put_delay(struct netsim_text *t, const struct netsim_words *w)
{
    bool zero_corr = needs_zero_corr(w) && w->loss_model != NETSIM_LOSS_RANDOM;

    if (w->delay_ns == 0 && w->jitter_ns == 0 && w->delay_corr == 0 && !zero_corr)
        return;
    netsim_text_put(t, "delay");
    netsim_text_put_time(t, w->delay_ns);
    if (w->jitter_ns > 0 || w->delay_corr > 0 || zero_corr)
        netsim_text_put_time(t, w->jitter_ns);
    if (w->delay_corr > 0 || zero_corr)
        netsim_text_put_percent(t, w->delay_corr);
    if (w->has_distribution)
        put_distribution(t, w->distribution, w->distribution_file);
}

/* 1 - h is what is written, h what is kept: the fewest digits that come back as the same h. */
static void put_one_minus(struct netsim_text *t, uint32_t h)
{
    char text[NETSIM_UNIT_TEXT_SIZE];

    for (int digits = 3; digits <= 17; digits++) {
        double share;

        snprintf(text, sizeof(text), "%.*g%%", digits, 100 - 100.0 * h / UINT32_MAX);
        if (netsim_parse_percent(text, &share) == NULL && netsim_share_to_u32(1 - share) == h)
            break;
    }
    netsim_text_put(t, "%s", text);
}

static void put_loss(struct netsim_text *t, const struct netsim_words *w)
{
    switch (w->loss_model) {
    case NETSIM_LOSS_NONE:
        break;
    case NETSIM_LOSS_RANDOM:
        put_pair(t, "loss", w->loss, w->loss_corr);
        if (needs_zero_corr(w))
            netsim_text_put_percent(t, 0);
        break;
    case NETSIM_LOSS_STATE:
        put_pair(t, "loss state", w->p13, 0);
        netsim_text_put_percent(t, w->p31);
        netsim_text_put_percent(t, w->p32);
        netsim_text_put_percent(t, w->p23);
        netsim_text_put_percent(t, w->p14);
        break;
    case NETSIM_LOSS_GEMODEL:
        put_pair(t, "loss gemodel", w->ge_p, 0);
        netsim_text_put_percent(t, w->ge_r);
        put_one_minus(t, w->ge_h);
        netsim_text_put_percent(t, w->ge_1k);
        break;
    }
    if (w->ecn)
        netsim_text_put(t, "ecn");
}

static void put_rate(struct netsim_text *t, const struct netsim_words *w)
{
    char text[NETSIM_UNIT_TEXT_SIZE];

    if (w->rate_bytes_per_s == 0)
        return;
    netsim_format_rate(w->rate_bytes_per_s, text);
    netsim_text_put(t, "rate %s", text);
    if (w->packet_overhead_bytes != 0 || w->cell_bytes != 0)
        netsim_text_put(t, "%" PRId32, w->packet_overhead_bytes);
    if (w->cell_bytes != 0)
        netsim_text_put(t, "%" PRIu32 " %" PRId32, w->cell_bytes, w->cell_overhead_bytes);
}

static void put_slot(struct netsim_text *t, const struct netsim_words *w)
{
    if (!w->has_slot)
        return;
    netsim_text_put(t, "slot");
    if (w->slot_has_distribution)
        put_distribution(t, w->slot_distribution, w->slot_distribution_file);
    netsim_text_put_time(t, w->slot_has_distribution ? w->slot_delay_ns : w->slot_min_ns);
    netsim_text_put_time(t, w->slot_has_distribution ? w->slot_jitter_ns : w->slot_max_ns);
    if (w->slot_packets > 0)
        netsim_text_put(t, "packets %" PRIu32, w->slot_packets);
    if (w->slot_bytes > 0)
        netsim_text_put(t, "bytes %" PRIu32, w->slot_bytes);
}

static void put_drop(struct netsim_text *t, const struct netsim_words *w)
{
    for (unsigned i = 0; i < w->drops; i++) {
        const struct netsim_drop_range *range = &w->drop[i];

        if (i == 0)
            netsim_text_put(t, "x-drop ");
        netsim_text_join(t, "%s%" PRIu64, i > 0 ? "," : "", range->first);
        if (range->last > range->first)
            netsim_text_join(t, "-%" PRIu64, range->last);
    }
}

static void put_line(struct netsim_text *t, const struct netsim_words *w)
{
    if (w->line == NETSIM_LINE_DROPTAIL)
        netsim_text_put(t, "x-queue droptail %" PRIu32, w->line_bytes);
    if (w->line == NETSIM_LINE_CODEL)
        netsim_text_put(t, "x-queue codel");
    if (w->trace_file[0] != '\0')
        netsim_text_put(t, "x-trace %s", w->trace_file);
}

static void put_repeat(struct netsim_text *t, bool repeats)
{
    if (repeats)
        netsim_text_put(t, "repeat");
}

static void put_extensions(struct netsim_text *t, const struct netsim_words *w)
{
    put_drop(t, w);
    if (w->has_blackout) {
        netsim_text_put(t, "x-blackout");
        netsim_text_put_time(t, (int64_t)w->blackout_on_ns);
        netsim_text_put_time(t, (int64_t)w->blackout_off_ns);
        put_repeat(t, w->blackout_repeats);
    }
    if (w->mtu_bytes > 0)
        netsim_text_put(t, "x-mtu %" PRIu32, w->mtu_bytes);
    put_line(t, w);
    if (w->fifo)
        netsim_text_put(t, "x-fifo");
    if (w->has_rebind) {
        netsim_text_put(t, "x-rebind");
        netsim_text_put_time(t, (int64_t)w->rebind_ns);
        put_repeat(t, w->rebind_repeats);
    }
}

void netsim_text_put_words(struct netsim_text *t, const struct netsim_words *w)
{
    if (w->limit != 1000)
        netsim_text_put(t, "limit %" PRIu32, w->limit);
    put_delay(t, w);
    put_loss(t, w);
    if (w->corrupt > 0)
        put_pair(t, "corrupt", w->corrupt, w->corrupt_corr);
    if (w->duplicate > 0)
        put_pair(t, "duplicate", w->duplicate, w->duplicate_corr);
    if (w->reorder > 0) {
        put_pair(t, "reorder", w->reorder, w->reorder_corr);
        netsim_text_put(t, "gap %" PRIu32, w->gap);
    }
    put_rate(t, w);
    put_slot(t, w);
    put_extensions(t, w);
    if (w->has_seed)
        netsim_text_put(t, "seed %" PRIu64, w->seed);
}

size_t netsim_words_format(const struct netsim_words *words, char *out, size_t size)
{
    struct netsim_text t = netsim_text_begin(out, size);

    netsim_text_put_words(&t, words);
    return t.len;
}
