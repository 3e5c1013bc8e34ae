#include "netsim/model/trace.h"

#include <stdbool.h>

#define NS_PER_MS UINT64_C(1000000)
#define COUNT_MAX 1000000 /* 1.5 GB of packets, or a minute of 200 Mbit/s */
#define TIME_MAX  UINT32_MAX

struct reader {
    const char *text;
    size_t at, len, line;
    const char *wrong;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->len && is_blank(r->text[r->at]))
        r->at++;
}

static void skip_comment(struct reader *r)
{
    if (r->at < r->len && r->text[r->at] == '#')
        while (r->at < r->len && r->text[r->at] != '\n')
            r->at++;
}

static bool take_number(struct reader *r, uint64_t *value)
{
    size_t begin = r->at;

    for (*value = 0; r->at < r->len && r->text[r->at] >= '0' && r->text[r->at] <= '9';
         r->at++) {
        *value = 10 * *value + (uint64_t)(r->text[r->at] - '0');
        if (*value > TIME_MAX)
            return false;
    }
    return r->at > begin;
}

/* The next line's number. False at the end, or with wrong set. */
static bool next(struct reader *r, uint64_t *value)
{
    for (; r->at < r->len; r->at++, r->line++) {
        bool has_number;

        skip_blanks(r);
        has_number = r->at < r->len && r->text[r->at] != '\n' && r->text[r->at] != '#';
        if (has_number && !take_number(r, value)) {
            r->wrong = "is not a whole number of milliseconds below 4294967296";
            return false;
        }
        skip_blanks(r);
        skip_comment(r);
        if (r->at < r->len && r->text[r->at] != '\n') {
            r->wrong = "has more than one whole number of milliseconds";
            return false;
        }
        if (has_number)
            return true;
    }
    return false;
}

/* at_ms NULL: only counts. The lines are checked either way. */
static size_t read_all(struct reader *r, uint64_t *at_ms)
{
    uint64_t value, last = 0;
    size_t count = 0;

    for (; next(r, &value); r->at += r->at < r->len, r->line++) {
        if (value < last)
            r->wrong = "is before the line above it: times ascend";
        if (count == COUNT_MAX)
            r->wrong = "is more than 1000000 opportunities";
        if (r->wrong != NULL)
            return 0;
        if (at_ms != NULL)
            at_ms[count] = value;
        last = value;
        count++;
    }
    return r->wrong == NULL ? count : 0;
}

static size_t size_of(size_t count)
{
    return sizeof(struct netsim_trace) + count * sizeof(uint64_t);
}

struct netsim_trace *netsim_trace_parse(const char *text, size_t len, struct belay_mem *mem,
                                        const char **wrong, size_t *line)
{
    struct reader begin = {.text = text, .len = len, .line = 1}, r = begin;
    struct netsim_trace *trace;
    size_t count = read_all(&r, NULL);

    *line = r.line;
    *wrong = r.wrong;
    if (count == 0 && r.wrong == NULL)
        *wrong = "has no times in it";
    if (count == 0)
        return NULL;
    trace = belay_mem_alloc(mem, size_of(count));
    if (trace == NULL) {
        *wrong = "needs more memory than there is";
        return NULL;
    }
    trace->count = count;
    read_all(&begin, trace->at_ms);
    trace->round_ms = trace->at_ms[count - 1] > 0 ? trace->at_ms[count - 1] : 1;
    return trace;
}

void netsim_trace_free(struct netsim_trace *trace, struct belay_mem *mem)
{
    if (trace != NULL)
        belay_mem_free(mem, trace, size_of(trace->count));
}

uint64_t netsim_trace_time_ns(const struct netsim_trace *trace, uint64_t n)
{
    uint64_t round = n / trace->count, at_ms = trace->at_ms[n % trace->count];

    if (round > (BELAY_NEVER / NS_PER_MS - at_ms) / trace->round_ms)
        return BELAY_NEVER;
    return (round * trace->round_ms + at_ms) * NS_PER_MS;
}

/* The first in a round that comes at or after a time, which the last one does. */
static size_t search(const struct netsim_trace *trace, uint64_t ms)
{
    size_t low = 0, high = trace->count - 1;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (trace->at_ms[middle] >= ms)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

uint64_t netsim_trace_after(const struct netsim_trace *trace, uint64_t now_ns)
{
    uint64_t now = now_ns < INT64_MAX ? now_ns : INT64_MAX; /* so that nothing below wraps */
    uint64_t ms = now / NS_PER_MS + (now % NS_PER_MS > 0);
    uint64_t last = trace->at_ms[trace->count - 1], round = 0;

    if (ms > last)
        round = (ms - last + trace->round_ms - 1) / trace->round_ms;
    return round * trace->count + search(trace, ms - round * trace->round_ms);
}
