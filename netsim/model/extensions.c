#include "netsim/model/extensions.h"

#include <belay/common.h>

#include <string.h>

#include "netsim/model/units.h"

/* The list of ranges */

#define RANGE_SIZE 48 /* two numbers of 64 bits and a dash */

static const char drop_hint[] = "x-drop 3,7-9";

/* "I" or "I-J" in text; the text is taken apart. */
static const char *parse_range(char *text, struct netsim_drop_range *range)
{
    char *dash = strchr(text, '-');
    const char *wrong;

    if (dash != NULL)
        *dash = '\0';
    wrong = netsim_parse_u64(text, &range->first);
    range->last = range->first;
    if (wrong == NULL && dash != NULL)
        wrong = netsim_parse_u64(dash + 1, &range->last);
    if (wrong != NULL)
        return "x-drop takes packets as I or I-J from 0, with commas and no blanks";
    return range->last < range->first ? "x-drop has a range that ends before it begins" : NULL;
}

static int take_range(struct netsim_parser *p, struct netsim_span at)
{
    struct netsim_words *w = p->words;
    char text[RANGE_SIZE] = "";
    const char *wrong;

    if (w->drops == NETSIM_DROPS_MAX)
        return netsim_parser_fail_at(p, at, "x-drop takes at most 64 ranges", drop_hint);
    memcpy(text, p->text + at.at, at.len < RANGE_SIZE ? at.len : RANGE_SIZE - 1);
    wrong = parse_range(text, &w->drop[w->drops]);
    if (wrong != NULL)
        return netsim_parser_fail_at(p, at, wrong, drop_hint);
    w->drops++;
    return BELAY_OK;
}

/* By insertion: there are few, mostly in order. */
static void sort_ranges(struct netsim_drop_range *range, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct netsim_drop_range moved = range[i];
        unsigned to = i;

        for (; to > 0 && range[to - 1].first > moved.first; to--)
            range[to] = range[to - 1];
        range[to] = moved;
    }
}

/* Ranges that overlap or touch become one. How many are left. */
static unsigned merge_ranges(struct netsim_drop_range *range, unsigned count)
{
    unsigned kept = 0;

    for (unsigned i = 1; i < count; i++)
        if (range[i].first > range[kept].last && range[i].first - range[kept].last > 1)
            range[++kept] = range[i];
        else if (range[i].last > range[kept].last)
            range[kept].last = range[i].last;
    return kept + 1;
}

int netsim_take_x_drop(struct netsim_parser *p)
{
    struct netsim_words *w = p->words;
    size_t at, end;

    if (netsim_parser_need(p, "x-drop's list of packets", drop_hint) != 0)
        return BELAY_EINVAL;
    end = p->token.at + p->token.len;
    for (at = p->token.at; at <= end; at++) {
        struct netsim_span range = {at, 0};

        while (at < end && p->text[at] != ',')
            at++;
        range.len = at - range.at;
        if (take_range(p, range) != 0)
            return BELAY_EINVAL;
    }
    sort_ranges(w->drop, w->drops);
    w->drops = merge_ranges(w->drop, w->drops);
    return BELAY_OK;
}

/* The others */

/* A time above 0. */
static int take_span(struct netsim_parser *p, uint64_t *ns, const char *what, const char *hint)
{
    int64_t time;

    if (netsim_parser_take_time(p, &time, what, hint) != 0)
        return BELAY_EINVAL;
    if (time == 0)
        return netsim_parser_fail(p, "is no time at all: it must be above 0", hint);
    *ns = (uint64_t)time;
    return BELAY_OK;
}

static bool take_repeat(struct netsim_parser *p)
{
    return netsim_parser_next_is(p, "repeat") && netsim_parser_take(p);
}

int netsim_take_x_blackout(struct netsim_parser *p)
{
    static const char hint[] = "x-blackout 10s 2s repeat";
    struct netsim_words *w = p->words;

    if (take_span(p, &w->blackout_on_ns, "x-blackout's time before it", hint) != 0 ||
        take_span(p, &w->blackout_off_ns, "x-blackout's length", hint) != 0)
        return BELAY_EINVAL;
    w->has_blackout = true;
    w->blackout_repeats = take_repeat(p);
    return BELAY_OK;
}

/* A number of bytes above 0. */
static int take_bytes(struct netsim_parser *p, uint32_t *bytes, const char *what,
                      const char *hint)
{
    if (netsim_parser_take_size(p, bytes, what, hint) != 0)
        return BELAY_EINVAL;
    if (*bytes == 0)
        return netsim_parser_fail(p, "bytes let nothing pass", hint);
    return BELAY_OK;
}

int netsim_take_x_mtu(struct netsim_parser *p)
{
    return take_bytes(p, &p->words->mtu_bytes, "x-mtu's bytes", "x-mtu 1280");
}

int netsim_take_x_queue(struct netsim_parser *p)
{
    static const char hint[] = "rate 10mbit x-queue droptail 64k";
    struct netsim_words *w = p->words;

    if (netsim_parser_need(p, "x-queue's kind, droptail or codel", hint) != 0)
        return BELAY_EINVAL;
    if (strcmp(p->word, "codel") == 0) {
        w->line = NETSIM_LINE_CODEL;
        return BELAY_OK;
    }
    if (strcmp(p->word, "droptail") != 0)
        return netsim_parser_fail(p, "is neither droptail nor codel", hint);
    w->line = NETSIM_LINE_DROPTAIL;
    return take_bytes(p, &w->line_bytes, "droptail's bytes", hint);
}

int netsim_take_x_trace(struct netsim_parser *p)
{
    return netsim_clause_take_file(p, p->words->trace_file, "x-trace's file",
                                   "x-trace downlink.trace");
}

int netsim_take_x_fifo(struct netsim_parser *p)
{
    p->words->fifo = true;
    return BELAY_OK;
}

int netsim_take_x_rebind(struct netsim_parser *p)
{
    struct netsim_words *w = p->words;

    if (take_span(p, &w->rebind_ns, "x-rebind's time", "x-rebind 5s repeat") != 0)
        return BELAY_EINVAL;
    w->has_rebind = true;
    w->rebind_repeats = take_repeat(p);
    return BELAY_OK;
}

int netsim_extensions_check(struct netsim_parser *p,
                            const struct netsim_span seen[NETSIM_CLAUSES])
{
    struct netsim_words *w = p->words;
    bool has_trace = w->trace_file[0] != '\0';

    if (has_trace && w->rate_bytes_per_s > 0)
        return netsim_parser_fail_at(p, seen[NETSIM_WORD_X_TRACE],
                                     "x-trace excludes rate: the trace is the rate",
                                     "x-trace downlink.trace");
    if (w->line != NETSIM_LINE_NONE && !has_trace && w->rate_bytes_per_s == 0)
        return netsim_parser_fail_at(p, seen[NETSIM_WORD_X_QUEUE],
                                     "x-queue needs a rate or an x-trace: else nothing waits",
                                     "rate 10mbit x-queue droptail 64k");
    if (has_trace && w->line == NETSIM_LINE_NONE)
        w->line = NETSIM_LINE_LIMIT;
    return BELAY_OK;
}
