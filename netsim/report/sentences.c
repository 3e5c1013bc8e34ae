#include "netsim/report/sentences.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "netsim/model/trace.h"
#include "netsim/report/numbers.h"

#define TEXT_SIZE 1024
#define WIDTH     78
#define INDENT    13
#define NS_PER_S  1e9

struct story {
    FILE *out;
    const struct netsim_words *w;
    const struct netsim_forecast *e;
    const struct netsim_traffic *traffic;
};

static bool is_unit(const char *word, size_t len)
{
    static const char *const units[] = {"%",      "s",      "ms",     "us",    "ns", "bytes",
                                        "kbit/s", "Mbit/s", "Gbit/s", "bit/s", "kB", "MB"};

    while (len > 0 && strchr(".,:;)", word[len - 1]) != NULL)
        len--;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strlen(units[i]) == len && strncmp(units[i], word, len) == 0)
            return true;
    return false;
}

/* A word's length, a number's with its unit. */
static size_t word_len(const char *word)
{
    size_t len = strcspn(word, " ");

    if (len > 0 && word[len] == ' ' && word[len - 1] >= '0' && word[len - 1] <= '9' &&
        is_unit(word + len + 1, strcspn(word + len + 1, " ")))
        len += 1 + strcspn(word + len + 1, " ");
    return len;
}

void netsim_sentence(FILE *out, const char *label, const char *format, ...)
{
    char text[TEXT_SIZE];
    size_t column = INDENT;
    const char *word = text;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(out, "  %-*s", INDENT - 2, label);
    while (*word != '\0') {
        size_t len = word_len(word);

        if (column + len > WIDTH && column > INDENT) {
            fprintf(out, "\n%*s", INDENT, "");
            column = INDENT;
        } else if (column > INDENT) {
            fputc(' ', out);
        }
        fprintf(out, "%.*s", (int)len, word);
        column += len + 1;
        word += len + (word[len] == ' ');
    }
    fputc('\n', out);
}

static void tell_drops(const struct story *s)
{
    const struct netsim_words *w = s->w;
    char list[TEXT_SIZE / 2] = "";
    size_t len = 0;

    for (unsigned i = 0; i < w->drops && len < sizeof(list) - 64; i++) {
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%" PRIu64, i > 0 ? ", " : "",
                                w->drop[i].first);
        if (w->drop[i].last > w->drop[i].first)
            len += (size_t)snprintf(list + len, sizeof(list) - len, " to %" PRIu64,
                                    w->drop[i].last);
    }
    if (w->drops > 0)
        netsim_sentence(s->out, "x-drop", "Packets %s are lost, counted from 0.", list);
}

static void tell_blackout(const struct story *s)
{
    const struct netsim_words *w = s->w;
    double on = (double)w->blackout_on_ns, off = (double)w->blackout_off_ns;

    if (!w->has_blackout)
        return;
    if (w->blackout_repeats)
        netsim_sentence(s->out, "x-blackout",
                        "All pass for %s, then all are lost for %s, again and again: %s of the "
                        "time.",
                        netsim_say_time(on).text, netsim_say_time(off).text,
                        netsim_say_share(s->e->blackout_share).text);
    else
        netsim_sentence(s->out, "x-blackout", "From %s to %s all packets are lost, once.",
                        netsim_say_time(on).text, netsim_say_time(on + off).text);
}

static void tell_mtu(const struct story *s)
{
    if (s->w->mtu_bytes > 0)
        netsim_sentence(s->out, "x-mtu",
                        "IP packets of more than %u bytes are lost in silence, and nobody is "
                        "told.",
                        s->w->mtu_bytes);
}

static void tell_model(const struct story *s)
{
    const struct netsim_words *w = s->w;

    if (w->loss_model == NETSIM_LOSS_GEMODEL)
        netsim_sentence(s->out, "gemodel",
                        "Two states. The good one loses %s and turns bad with %s a packet; the "
                        "bad one loses %s and turns good with %s.",
                        netsim_say_share((double)w->ge_1k / UINT32_MAX).text,
                        netsim_say_share((double)w->ge_p / UINT32_MAX).text,
                        netsim_say_share(1 - (double)w->ge_h / UINT32_MAX).text,
                        netsim_say_share((double)w->ge_r / UINT32_MAX).text);
    if (w->loss_model == NETSIM_LOSS_STATE)
        netsim_sentence(s->out, "state",
                        "Four states. In a gap a packet is lost alone with %s, and a burst of "
                        "losses begins with %s. After a loss the burst ends with %s; a run of "
                        "packets that arrive begins inside it with %s and ends with %s.",
                        netsim_say_share((double)w->p14 / UINT32_MAX).text,
                        netsim_say_share((double)w->p13 / UINT32_MAX).text,
                        netsim_say_share((double)w->p31 / UINT32_MAX).text,
                        netsim_say_share((double)w->p32 / UINT32_MAX).text,
                        netsim_say_share((double)w->p23 / UINT32_MAX).text);
}

static void tell_loss(const struct story *s)
{
    const struct netsim_losses *l = &s->e->losses;
    const struct netsim_words *w = s->w;
    char row[64] = "", asked[64] = "";

    if (w->loss_model == NETSIM_LOSS_NONE)
        return;
    tell_model(s);
    if (l->burst >= 1e6)
        snprintf(row, sizeof(row), ", in one row without an end");
    else if (l->burst > 1.0005 && l->lost > 1e-6)
        snprintf(row, sizeof(row), ", %s in a row on average", netsim_say_count(l->burst).text);
    if (fabs(l->asked - l->events) > 0.02 * l->asked)
        snprintf(asked, sizeof(asked), "; %s were asked for", netsim_say_share(l->asked).text);
    netsim_sentence(s->out, "loss", "%s%s of the packets are lost%s%s.%s",
                    l->about ? "About " : "", netsim_say_share(l->lost).text, row, asked,
                    l->duplicate > 0 ? " Lost and doubled at a time leaves one." : "");
    if (w->ecn)
        netsim_sentence(s->out, "ecn",
                        "A packet that is ECN-capable is marked where it would be lost: %s of "
                        "them.",
                        netsim_say_share(l->events).text);
}

static void tell_duplicate(const struct story *s)
{
    const struct netsim_losses *l = &s->e->losses;

    if (s->w->duplicate == 0)
        return;
    if (l->events > 0)
        netsim_sentence(s->out, "duplicate", "%s are doubled; %s arrive twice.",
                        netsim_say_share(l->duplicate).text, netsim_say_share(l->twice).text);
    else
        netsim_sentence(s->out, "duplicate", "%s of the packets arrive twice.",
                        netsim_say_share(l->twice).text);
}

static void tell_corrupt(const struct story *s)
{
    if (s->w->corrupt > 0)
        netsim_sentence(s->out, "corrupt",
                        "In %s of those that are not lost one bit is flipped, anywhere in the "
                        "packet, headers included.",
                        netsim_say_share(s->e->corrupt.mean).text);
}

static void tell_jitter(const struct story *s)
{
    const struct netsim_words *w = s->w;
    const struct netsim_delays_summary *d = &s->e->delay;
    const char *shape = w->distribution == NETSIM_UNIFORM ? "spread evenly"
                        : w->distribution == NETSIM_FROM_FILE
                            ? w->distribution_file
                            : netsim_distribution_name(w->distribution);

    if (isnan(d->p50_ns)) {
        netsim_sentence(s->out, "delay",
                        "%s to %s (%s), and no less than the wait for those in "
                        "front.",
                        netsim_say_time(d->min_ns).text, netsim_say_time(d->max_ns).text,
                        shape);
        return;
    }
    netsim_sentence(s->out, "delay",
                    "%s to %s (%s%s), %s on average: half of the packets within %s, 99 %% "
                    "within %s.",
                    netsim_say_time(d->min_ns).text, netsim_say_time(d->max_ns).text, shape,
                    w->fifo ? ", in order" : "", netsim_say_about_time(d->mean_ns).text,
                    netsim_say_about_time(d->p50_ns).text,
                    netsim_say_about_time(d->p99_ns).text);
}

static void tell_delay(const struct story *s)
{
    const struct netsim_words *w = s->w;
    char gap[64] = "";

    if (w->gap > 1)
        snprintf(gap, sizeof(gap), ", and at least %u wait in between", w->gap - 1);
    if (w->jitter_ns > 0)
        tell_jitter(s);
    else if (w->delay_ns > 0)
        netsim_sentence(s->out, "delay", "%s for each packet.",
                        netsim_say_time((double)w->delay_ns).text);
    if (w->fifo)
        netsim_sentence(s->out, "x-fifo",
                        "Jitter never reorders: a packet waits for the one in "
                        "front of it.");
    if (w->reorder > 0)
        netsim_sentence(s->out, "reorder",
                        "%s of the packets leave at once, past delay, rate and slot%s.",
                        netsim_say_share(s->e->order.early).text, gap);
}

static void tell_order(const struct story *s)
{
    const struct netsim_order *o = &s->e->order;
    struct netsim_number every = netsim_say_time((double)s->traffic->interval_ns);

    if (s->w->jitter_ns == 0 && s->w->reorder == 0)
        return;
    if (isnan(o->late) || o->unknown)
        netsim_sentence(s->out, "order",
                        "How many arrive after a later one has no formula for "
                        "these words: run belay-netsim sim.");
    else if (o->late > 0)
        netsim_sentence(s->out, "order",
                        "%s%s arrive after a later one when one is sent every "
                        "%s.",
                        o->about ? "About " : "", netsim_say_share(o->late).text, every.text);
    else
        netsim_sentence(s->out, "order", "All arrive in order when one is sent every %s.",
                        every.text);
}

static void tell_load(const struct story *s)
{
    const struct netsim_forecast *e = s->e;
    struct netsim_number every = netsim_say_time((double)s->traffic->interval_ns);

    if (e->load <= NETSIM_LOAD_MAX)
        netsim_sentence(s->out, "", "One every %s keeps it busy for %s of the time.",
                        every.text, netsim_say_share(e->load).text);
    else if (s->w->line == NETSIM_LINE_CODEL)
        netsim_sentence(s->out, "", "One every %s is too much: %s are dropped.", every.text,
                        netsim_say_share(1 - 1 / e->load).text);
    else
        netsim_sentence(s->out, "",
                        "One every %s is too much: the queue fills, %s are dropped, "
                        "and the others wait %s.",
                        every.text, netsim_say_share(1 - 1 / e->load).text,
                        netsim_say_time(e->full_ns).text);
}

static void tell_line(const struct story *s)
{
    const struct netsim_words *w = s->w;
    const struct netsim_forecast *e = s->e;

    if (e->line_ns <= 0)
        return;
    netsim_sentence(s->out, w->rate_bytes_per_s > 0 ? "rate" : "x-trace",
                    "A packet of %u bytes takes %s%s: %s a second, %s.", s->traffic->size_bytes,
                    netsim_say_time(e->line_ns).text,
                    w->rate_bytes_per_s > 0 ? " on the line" : " on average",
                    netsim_say_count(e->line_pps).text,
                    netsim_say_rate(e->line_pps * s->traffic->size_bytes * 8).text);
    tell_load(s);
    if (w->line == NETSIM_LINE_DROPTAIL)
        netsim_sentence(s->out, "x-queue",
                        "%s wait at most, which takes %s; what does not fit "
                        "is dropped.",
                        netsim_say_bytes(w->line_bytes).text, netsim_say_time(e->full_ns).text);
    else if (w->line == NETSIM_LINE_CODEL)
        netsim_sentence(s->out, "x-queue",
                        "CoDel drops until packets wait less than 5 ms; at "
                        "most %u wait.",
                        w->limit);
    else
        netsim_sentence(s->out, "limit",
                        "%u packets wait at most, which takes %s; one more is "
                        "dropped.",
                        w->limit, netsim_say_time(e->full_ns).text);
}

static void tell_slot(const struct story *s)
{
    const struct netsim_forecast *e = s->e;

    if (!s->w->has_slot)
        return;
    if (e->slot_pps > 0)
        netsim_sentence(s->out, "slot",
                        "Opens every %s on average, for at most %s packets of %u "
                        "bytes: %s a second.",
                        netsim_say_time(e->slot_ns).text,
                        netsim_say_count(e->slot_pps * e->slot_ns / NS_PER_S).text,
                        s->traffic->size_bytes, netsim_say_count(e->slot_pps).text);
    else
        netsim_sentence(s->out, "slot",
                        "Opens %s on average after a packet has come, and lets "
                        "all pass that wait by then.",
                        netsim_say_time(e->slot_ns).text);
}

static void tell_limit(const struct story *s)
{
    const struct netsim_forecast *e = s->e;

    if (e->line_ns > 0 || e->limit_pps <= 0)
        return;
    netsim_sentence(
        s->out, "limit",
        "With one sent every %s %s are on their way; at most %u can be, so from %s a "
        "second on it drops.",
        netsim_say_time((double)s->traffic->interval_ns).text, netsim_say_count(e->held).text,
        s->w->limit, netsim_say_count(e->limit_pps).text);
}

static void tell_rest(const struct story *s)
{
    const struct netsim_words *w = s->w;

    if (w->has_rebind)
        netsim_sentence(s->out, "x-rebind",
                        "%s %s the NAT forgets its ports: what the client "
                        "sends then comes from a new one.",
                        w->rebind_repeats ? "Every" : "After",
                        netsim_say_time((double)w->rebind_ns).text);
    if (w->has_seed)
        netsim_sentence(s->out, "seed",
                        "The random draws are those of %" PRIu64 ": the same again each time.",
                        w->seed);
}

void netsim_sentences(FILE *out, const struct netsim_words *words,
                      const struct netsim_forecast *forecast,
                      const struct netsim_traffic *traffic)
{
    const struct story s = {out, words, forecast, traffic};

    if (netsim_forecast_is_clean(words))
        netsim_sentence(out, "clean", "Nothing happens to packets.");
    tell_drops(&s);
    tell_blackout(&s);
    tell_mtu(&s);
    tell_duplicate(&s);
    tell_loss(&s);
    tell_corrupt(&s);
    tell_delay(&s);
    tell_order(&s);
    tell_line(&s);
    tell_slot(&s);
    tell_limit(&s);
    tell_rest(&s);
}
