#include "netsim/model/line.h"

#include "netsim/model/rate.h"
#include "netsim/model/trace.h"

#define LATEST_NS ((uint64_t)INT64_MAX)

void netsim_line_init(struct netsim_line_state *line, const struct netsim_words *words)
{
    *line = (struct netsim_line_state){.words = words};
}

void netsim_line_change(struct netsim_line_state *line, const struct netsim_words *words)
{
    if (words->trace != line->words->trace)
        line->opportunity = line->credit_bytes = 0;
    line->words = words;
}

bool netsim_line_is_asked(const struct netsim_words *words)
{
    return words->line != NETSIM_LINE_NONE || words->trace != NULL;
}

bool netsim_line_is_on(const struct netsim_line_state *line)
{
    return line->sending != NULL || line->first != NULL || netsim_line_is_asked(line->words);
}

uint64_t netsim_line_capacity(const struct netsim_words *words)
{
    if (!netsim_line_is_asked(words))
        return 0;
    if (words->line == NETSIM_LINE_DROPTAIL)
        return words->line_bytes / NETSIM_LINE_ITEM_MIN + 1;
    return (uint64_t)words->limit + 1;
}

size_t netsim_line_inside(const struct netsim_line_state *line)
{
    return line->count + (line->sending != NULL);
}

static uint32_t bytes_of(const struct netsim_line_item *item)
{
    return item->len > NETSIM_LINE_ITEM_MIN ? item->len : NETSIM_LINE_ITEM_MIN;
}

/* When a packet that begins at start_ns has had opportunities for all its bytes. */
static uint64_t trace_end_ns(struct netsim_line_state *line, uint32_t len, uint64_t start_ns)
{
    uint64_t first, n;

    if (len <= line->credit_bytes) {
        line->credit_bytes -= len;
        return start_ns;
    }
    len -= line->credit_bytes;
    first = netsim_trace_after(line->words->trace, start_ns);
    if (first < line->opportunity)
        first = line->opportunity;
    n = (len + UINT64_C(0) + NETSIM_TRACE_BYTES - 1) / NETSIM_TRACE_BYTES;
    line->credit_bytes = (uint32_t)(n * NETSIM_TRACE_BYTES - len);
    line->opportunity = first + n;
    return netsim_trace_time_ns(line->words->trace, first + n - 1);
}

static uint64_t end_ns(struct netsim_line_state *line, uint32_t len, uint64_t start_ns)
{
    if (!netsim_line_is_asked(line->words))
        return start_ns;
    if (line->words->trace != NULL)
        return trace_end_ns(line, len, start_ns);
    return start_ns + (uint64_t)netsim_rate_time_ns(line->words, len);
}

static void begin(struct netsim_line_state *line, struct netsim_line_item *item,
                  uint64_t now_ns)
{
    uint64_t ns = end_ns(line, item->len, now_ns);

    line->sending = item;
    line->free_ns = ns < LATEST_NS ? ns : LATEST_NS;
}

/* Nobody waits for what is left of an opportunity. */
static void run_dry(struct netsim_line_state *line)
{
    line->credit_bytes = 0;
    netsim_codel_empty(&line->codel);
}

static enum netsim_why refuse(const struct netsim_line_state *line, uint32_t bytes)
{
    const struct netsim_words *w = line->words;

    if (w->line == NETSIM_LINE_DROPTAIL)
        return line->bytes + bytes > w->line_bytes ? NETSIM_DROP_QUEUE : NETSIM_NOT_DROPPED;
    return line->count >= w->limit ? NETSIM_DROP_LIMIT : NETSIM_NOT_DROPPED;
}

enum netsim_why netsim_line_send(struct netsim_line_state *line, struct netsim_line_item *item)
{
    enum netsim_why why;

    item->next = NULL;
    item->ce = false;
    if (line->sending == NULL && line->first == NULL) {
        begin(line, item, item->came_ns);
        return NETSIM_NOT_DROPPED;
    }
    why = refuse(line, bytes_of(item));
    if (why != NETSIM_NOT_DROPPED)
        return why;
    if (line->first == NULL)
        line->first = item;
    else
        line->last->next = item;
    line->last = item;
    line->count++;
    line->bytes += bytes_of(item);
    return NETSIM_NOT_DROPPED;
}

static struct netsim_line_item *take_first(struct netsim_line_state *line)
{
    struct netsim_line_item *item = line->first;

    line->first = item->next;
    line->count--;
    line->bytes -= bytes_of(item);
    return item;
}

/* CoDel's word on a packet that is about to be sent; ECN-capable ones are sent all the same. */
static bool is_hit(struct netsim_line_state *line, struct netsim_line_item *item,
                   uint64_t now_ns)
{
    if (line->words->line != NETSIM_LINE_CODEL ||
        !netsim_codel_hits(&line->codel, now_ns - item->came_ns, line->bytes, now_ns))
        return false;
    item->ce = line->words->ecn && item->ect;
    return !item->ce;
}

/* The next packet that waits comes to its turn: it is sent now, or returned: CoDel drops it. */
static struct netsim_line_item *turn(struct netsim_line_state *line)
{
    struct netsim_line_item *item = take_first(line);

    if (!is_hit(line, item, line->free_ns)) {
        begin(line, item, line->free_ns);
        return NULL;
    }
    if (line->first == NULL)
        run_dry(line);
    return item;
}

struct netsim_line_item *netsim_line_receive(struct netsim_line_state *line, uint64_t now_ns,
                                             enum netsim_why *why, uint64_t *at_ns)
{
    struct netsim_line_item *item = NULL;

    if (netsim_line_inside(line) == 0 || line->free_ns > now_ns)
        return NULL;
    *at_ns = line->free_ns;
    *why = NETSIM_DROP_CODEL;
    if (line->sending == NULL)
        item = turn(line);
    if (item != NULL || line->free_ns > now_ns)
        return item;
    *at_ns = line->free_ns;
    *why = NETSIM_NOT_DROPPED;
    item = line->sending;
    line->sending = NULL;
    if (line->first == NULL)
        run_dry(line);
    return item;
}

uint64_t netsim_line_deadline(const struct netsim_line_state *line)
{
    return netsim_line_inside(line) == 0 ? BELAY_NEVER : line->free_ns;
}
