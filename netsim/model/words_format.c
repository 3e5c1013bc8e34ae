#include "netsim/model/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "netsim/model/units.h"

struct text {
    char *out;
    size_t size, len; /* len: what there would be with room enough */
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends, with a blank in front of all but the first. */
static void put(struct text *t, const char *format, ...)
{
    char word[96];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(word, sizeof(word), format, args);
    va_end(args);
    if (len <= 0)
        return;
    if (t->len > 0) {
        if (t->len + 1 < t->size)
            t->out[t->len] = ' ';
        t->len++;
    }
    if (t->len < t->size)
        snprintf(t->out + t->len, t->size - t->len, "%s", word);
    t->len += (size_t)len;
}

static void put_percent(struct text *t, uint32_t value)
{
    char text[NETSIM_UNIT_TEXT_SIZE];

    netsim_format_percent(value, text);
    put(t, "%s", text);
}

static void put_pair(struct text *t, const char *keyword, uint32_t percent, uint32_t corr)
{
    put(t, "%s", keyword);
    put_percent(t, percent);
    if (corr > 0)
        put_percent(t, corr);
}

static void put_time(struct text *t, int64_t ns)
{
    char text[NETSIM_UNIT_TEXT_SIZE];

    netsim_format_time(ns, text);
    put(t, "%s", text);
}

static void put_delay(struct text *t, const struct netsim_words *w)
{
    if (w->delay_ns == 0 && w->jitter_ns == 0)
        return;
    put(t, "delay");
    put_time(t, w->delay_ns);
    if (w->jitter_ns > 0 || w->delay_corr > 0)
        put_time(t, w->jitter_ns);
    if (w->delay_corr > 0)
        put_percent(t, w->delay_corr);
    if (w->has_distribution)
        put(t, "distribution %s", netsim_distribution_name(w->distribution));
}

static void put_loss(struct text *t, const struct netsim_words *w)
{
    switch (w->loss_model) {
    case NETSIM_LOSS_NONE:
        return;
    case NETSIM_LOSS_RANDOM:
        put_pair(t, "loss", w->loss, w->loss_corr);
        break;
    case NETSIM_LOSS_STATE:
        put_pair(t, "loss state", w->p13, 0);
        put_percent(t, w->p31);
        put_percent(t, w->p32);
        put_percent(t, w->p23);
        put_percent(t, w->p14);
        break;
    case NETSIM_LOSS_GEMODEL:
        put_pair(t, "loss gemodel", w->ge_p, 0);
        put_percent(t, w->ge_r);
        put_percent(t, UINT32_MAX - w->ge_h);
        put_percent(t, w->ge_1k);
        break;
    }
    if (w->ecn)
        put(t, "ecn");
}

static void put_rate(struct text *t, const struct netsim_words *w)
{
    char text[NETSIM_UNIT_TEXT_SIZE];

    if (w->rate_bytes_per_s == 0)
        return;
    netsim_format_rate(w->rate_bytes_per_s, text);
    put(t, "rate %s", text);
    if (w->packet_overhead_bytes != 0 || w->cell_bytes != 0)
        put(t, "%" PRId32, w->packet_overhead_bytes);
    if (w->cell_bytes != 0)
        put(t, "%" PRIu32 " %" PRId32, w->cell_bytes, w->cell_overhead_bytes);
}

static void put_slot(struct text *t, const struct netsim_words *w)
{
    if (!w->has_slot)
        return;
    put(t, "slot");
    if (w->slot_has_distribution)
        put(t, "distribution %s", netsim_distribution_name(w->slot_distribution));
    put_time(t, w->slot_has_distribution ? w->slot_delay_ns : w->slot_min_ns);
    put_time(t, w->slot_has_distribution ? w->slot_jitter_ns : w->slot_max_ns);
    if (w->slot_packets > 0)
        put(t, "packets %" PRIu32, w->slot_packets);
    if (w->slot_bytes > 0)
        put(t, "bytes %" PRIu32, w->slot_bytes);
}

size_t netsim_words_format(const struct netsim_words *w, char *out, size_t size)
{
    struct text t = {out, size, 0};

    if (size > 0)
        out[0] = '\0';
    if (w->limit != 1000)
        put(&t, "limit %" PRIu32, w->limit);
    put_delay(&t, w);
    put_loss(&t, w);
    if (w->corrupt > 0)
        put_pair(&t, "corrupt", w->corrupt, w->corrupt_corr);
    if (w->duplicate > 0)
        put_pair(&t, "duplicate", w->duplicate, w->duplicate_corr);
    if (w->reorder > 0) {
        put_pair(&t, "reorder", w->reorder, w->reorder_corr);
        put(&t, "gap %" PRIu32, w->gap);
    }
    put_rate(&t, w);
    put_slot(&t, w);
    if (w->has_seed)
        put(&t, "seed %" PRIu64, w->seed);
    return t.len;
}
