#include "netsim/model/link.h"

#include "netsim/model/loss.h"
#include "netsim/model/queue.h"
#include "netsim/model/random.h"
#include "netsim/model/rate.h"
#include "netsim/model/slot.h"
#include "netsim/model/table.h"

/*
 * Two generators: `random` decides, draw by draw as the kernel's does with the same seed.
 * `extra` gives what the kernel takes from the system's generator even with a seed, so that
 * here this replays too: what the correlated draws lean on first (in the order delay, loss,
 * duplicate, corrupt, reorder) and the corrupted bits' places.
 */
struct netsim_link {
    struct belay_mem mem;
    struct netsim_words words;
    uint64_t seed;
    struct netsim_random random, extra;
    struct netsim_correlated delay, duplicate, corrupt, reorder;
    struct netsim_loss loss;
    uint32_t since_reorder; /* netem's gap counter */
    struct netsim_queue queue;
    struct netsim_slot slot;
    int64_t open_ns;   /* when the first of the queue may leave */
    int64_t latest_ns; /* the greatest time a delayed packet was ever given */
    struct netsim_stats stats;
    const struct netsim_table *table; /* of jitter; NULL: uniform */
    struct netsim_table made;
};

const char *netsim_why_name(enum netsim_why why)
{
    switch (why) {
    case NETSIM_DROP_LOSS:
        return "loss";
    case NETSIM_DROP_STATE:
        return "state";
    case NETSIM_DROP_GEMODEL:
        return "gemodel";
    case NETSIM_DROP_LIMIT:
        return "limit";
    case NETSIM_DROP_MEMORY:
        return "memory";
    case NETSIM_DROP_LISTED:
        return "x-drop";
    case NETSIM_DROP_BLACKOUT:
        return "blackout";
    case NETSIM_DROP_MTU:
        return "mtu";
    case NETSIM_DROP_QUEUE:
        return "queue";
    case NETSIM_DROP_CODEL:
        return "codel";
    case NETSIM_NOT_DROPPED:
        break;
    }
    return "";
}

static struct netsim_correlated correlated(struct netsim_link *link, uint32_t rho)
{
    return (struct netsim_correlated){.rho = rho, .last = netsim_random_draw(&link->extra)};
}

static void set_table(struct netsim_link *link)
{
    link->table = link->words.distribution_table;
    if (netsim_table_fill(&link->made, link->words.distribution))
        link->table = &link->made;
}

/* What the correlated draws lean on comes in this order: it is part of what a seed means. */
static void start(struct netsim_link *link)
{
    const struct netsim_words *w = &link->words;

    netsim_random_init(&link->random, link->seed);
    netsim_random_init(&link->extra, netsim_seed_derive(link->seed, NETSIM_STREAM_EXTRA));
    link->delay = correlated(link, w->delay_corr);
    netsim_loss_init(&link->loss, w, netsim_random_draw(&link->extra));
    link->duplicate = correlated(link, w->duplicate_corr);
    link->corrupt = correlated(link, w->corrupt_corr);
    link->reorder = correlated(link, w->reorder_corr);
    netsim_slot_init(&link->slot, w, &link->random, &link->extra);
    set_table(link);
    link->latest_ns = INT64_MIN;
}

struct netsim_link *netsim_link_new(const struct netsim_words *words, uint64_t seed,
                                    const struct belay_memory *memory)
{
    struct belay_mem mem;
    struct netsim_link *link;

    belay_mem_init(&mem, memory);
    link = belay_mem_zalloc(&mem, sizeof(*link));
    if (link == NULL)
        return NULL;
    link->mem = mem;
    link->words = *words;
    link->seed = words->has_seed ? words->seed : seed;
    netsim_queue_init(&link->queue, &link->mem);
    if (netsim_link_reserve(link, words->limit) != 0) {
        netsim_link_free(link);
        return NULL;
    }
    start(link);
    return link;
}

void netsim_link_free(struct netsim_link *link)
{
    struct belay_mem mem;

    if (link == NULL)
        return;
    netsim_queue_dispose(&link->queue);
    mem = link->mem;
    belay_mem_free(&mem, link, sizeof(*link));
}

int netsim_link_reserve(struct netsim_link *link, uint32_t limit)
{
    /* A packet that finds room for one may be duplicated. */
    return netsim_queue_reserve(&link->queue, limit < NETSIM_RESERVE_MAX ? (size_t)limit + 1
                                                                         : NETSIM_RESERVE_MAX);
}

int netsim_link_change(struct netsim_link *link, const struct netsim_words *words)
{
    const struct netsim_entry *first = netsim_queue_first(&link->queue);

    if (netsim_link_reserve(link, words->limit) != 0)
        return BELAY_ENOMEM;
    link->words = *words;
    link->delay.rho = words->delay_corr;
    link->duplicate.rho = words->duplicate_corr;
    link->corrupt.rho = words->corrupt_corr;
    link->reorder.rho = words->reorder_corr;
    netsim_loss_change(&link->loss, words);
    netsim_slot_init(&link->slot, &link->words, &link->random, &link->extra);
    set_table(link);
    /* What waited for the old slot is looked at as soon as its own time has come. */
    if (first != NULL)
        link->open_ns = first->time_ns;
    return 0;
}

/* Does what has this probability happen? No draw when it never does. */
static bool happens(struct netsim_link *link, uint32_t probability,
                    struct netsim_correlated *state)
{
    return probability > 0 && probability >= netsim_correlated_draw(state, &link->random);
}

static int64_t add_saturated(int64_t a, int64_t b)
{
    if (b > 0 && a > INT64_MAX - b)
        return INT64_MAX;
    if (b < 0 && a < INT64_MIN - b)
        return INT64_MIN;
    return a + b;
}

/* When a packet of len bytes that came in at now may leave. Not before now on the line, and
 * not after the ones before it; without a rate also in the past, which means at once. */
static int64_t time_to_send(struct netsim_link *link, uint32_t len, int64_t now)
{
    const struct netsim_words *w = &link->words;
    int64_t delay = w->delay_ns, last;

    if (w->jitter_ns > 0)
        delay = netsim_table_delay_ns(link->table,
                                      netsim_correlated_draw(&link->delay, &link->random),
                                      w->delay_ns, w->jitter_ns);
    if (w->rate_bytes_per_s > 0) {
        if (netsim_queue_greatest(&link->queue, &last)) {
            delay -= last - now;
            delay = delay > 0 ? delay : 0;
            now = last;
        }
        delay = add_saturated(delay, netsim_rate_time_ns(w, len));
    }
    return add_saturated(now, delay);
}

/* Every gap-th packet may pass the queue; inside the gap nothing is drawn. */
static bool passes_queue(struct netsim_link *link)
{
    const struct netsim_words *w = &link->words;

    if (w->gap == 0 || link->since_reorder < w->gap - 1)
        return false;
    return w->reorder >= netsim_correlated_draw(&link->reorder, &link->random);
}

static void enqueue(struct netsim_link *link, struct netsim_entry *entry, int64_t now)
{
    if (passes_queue(link)) {
        entry->time_ns = now;
        link->since_reorder = 0;
        link->stats.requeues++;
        netsim_queue_push_early(&link->queue, entry);
        return;
    }
    entry->time_ns = time_to_send(link, entry->packet.len, now);
    if (link->words.fifo && entry->time_ns < link->latest_ns)
        entry->time_ns = link->latest_ns;
    if (entry->time_ns > link->latest_ns)
        link->latest_ns = entry->time_ns;
    link->since_reorder++;
    netsim_queue_push(&link->queue, entry);
}

static enum netsim_why loss_name(const struct netsim_link *link)
{
    switch (link->words.loss_model) {
    case NETSIM_LOSS_STATE:
        return NETSIM_DROP_STATE;
    case NETSIM_LOSS_GEMODEL:
        return NETSIM_DROP_GEMODEL;
    case NETSIM_LOSS_RANDOM:
    case NETSIM_LOSS_NONE:
        break;
    }
    return NETSIM_DROP_LOSS;
}

static struct netsim_entry *drop(struct netsim_link *link, struct netsim_fate *fate,
                                 enum netsim_why why, bool duplicate)
{
    fate->drops[fate->dropped++] = (struct netsim_drop){why, duplicate};
    link->stats.dropped++;
    if (why == NETSIM_DROP_LIMIT)
        link->stats.dropped_limit++, link->stats.overlimits++;
    else if (why == NETSIM_DROP_MEMORY)
        link->stats.dropped_memory++;
    else
        link->stats.dropped_loss++;
    return NULL;
}

static int64_t draw_bit(struct netsim_link *link, uint32_t len)
{
    int64_t byte;

    if (len == 0)
        return -1;
    link->stats.corrupted++;
    byte = netsim_random_below(&link->extra, len);
    return 8 * byte + netsim_random_below(&link->extra, 8);
}

static bool is_full(const struct netsim_link *link)
{
    return link->queue.count >= link->words.limit;
}

/*
 * netem's enqueue, in its order. A copy starts at the loss: it makes draws of its own, and is
 * queued before its original, so that it leaves first at equal times. *ce is whether the packet
 * is marked: a copy shares its bytes with the original, and so each other's marks, unless the
 * original was corrupted, which is done to bytes of its own. Returns the entry that is queued,
 * or NULL.
 */
static struct netsim_entry *offer(struct netsim_link *link, const struct netsim_packet *packet,
                                  uint64_t now_ns, bool duplicate, bool *ce,
                                  struct netsim_fate *fate)
{
    struct netsim_entry *entry, *copy = NULL;
    bool corrupt, shared;
    int count = 1;

    if (!duplicate && happens(link, link->words.duplicate, &link->duplicate))
        count = 2;
    if (netsim_loss_event(&link->loss, &link->random)) {
        if (!link->words.ecn || !packet->ect)
            count--;
        else
            *ce = true, link->stats.marked++, link->stats.dropped++;
    }
    if (count == 0)
        return drop(link, fate, loss_name(link), duplicate);
    corrupt = happens(link, link->words.corrupt, &link->corrupt);
    if (is_full(link))
        return drop(link, fate, NETSIM_DROP_LIMIT, duplicate);
    entry = netsim_queue_take(&link->queue);
    if (entry == NULL)
        return drop(link, fate, NETSIM_DROP_MEMORY, duplicate);
    entry->packet = *packet;
    entry->sent_ns = now_ns;
    entry->duplicate = duplicate;
    if (corrupt)
        entry->corrupt_bit = draw_bit(link, packet->len);
    if (count == 2) {
        link->stats.duplicated++;
        shared = *ce;
        copy = offer(link, packet, now_ns, true, &shared, fate);
        *ce = corrupt ? *ce : shared;
    }
    entry->ce = *ce;
    entry->twin = copy;
    if (copy != NULL)
        copy->twin = entry;
    enqueue(link, entry, (int64_t)now_ns);
    fate->queued++;
    return entry;
}

static uint64_t clamp_time(uint64_t now_ns)
{
    return now_ns > INT64_MAX ? INT64_MAX : now_ns;
}

/* netem's look at its queue, after each packet that comes in or leaves and when one is due. */
static void look(struct netsim_link *link, int64_t now)
{
    const struct netsim_entry *first = netsim_queue_first(&link->queue);

    if (first == NULL)
        return;
    link->open_ns = first->reordered ? first->time_ns
                                     : netsim_slot_open_ns(&link->slot, first->time_ns, now);
}

struct netsim_fate netsim_link_send(struct netsim_link *link,
                                    const struct netsim_packet *packet, uint64_t now_ns)
{
    struct netsim_fate fate = {0};
    bool ce = false;

    now_ns = clamp_time(now_ns);
    link->stats.packets++;
    link->stats.bytes += packet->len;
    (void)offer(link, packet, now_ns, false, &ce, &fate);
    look(link, (int64_t)now_ns);
    return fate;
}

uint64_t netsim_link_deadline(const struct netsim_link *link)
{
    if (link->queue.count == 0)
        return BELAY_NEVER;
    return link->open_ns > 0 ? (uint64_t)link->open_ns : 0;
}

static void describe(const struct netsim_entry *entry, int64_t open_ns,
                     struct netsim_delivery *out)
{
    *out = (struct netsim_delivery){
        .id = entry->packet.id,
        .len = entry->packet.len,
        .user = entry->packet.user,
        .sent_ns = entry->sent_ns,
        .due_ns = open_ns > (int64_t)entry->sent_ns ? (uint64_t)open_ns : entry->sent_ns,
        .corrupt_bit = entry->corrupt_bit,
        .ce = entry->ce,
        .duplicate = entry->duplicate,
        .reordered = entry->reordered,
        .last = entry->twin == NULL,
    };
}

bool netsim_link_receive(struct netsim_link *link, uint64_t now_ns, struct netsim_delivery *out)
{
    int64_t now = (int64_t)clamp_time(now_ns);
    struct netsim_entry *entry;

    if (link->queue.count == 0 || link->open_ns > now)
        return false;
    look(link, now); /* a slot may have opened too soon for it */
    if (link->open_ns > now)
        return false;
    entry = netsim_queue_pop(&link->queue);
    link->stats.delivered++;
    link->stats.delivered_bytes += entry->packet.len;
    describe(entry, link->open_ns, out);
    if (!entry->reordered)
        netsim_slot_use(&link->slot, entry->packet.len, now);
    netsim_queue_give(&link->queue, entry);
    look(link, now);
    return true;
}

size_t netsim_link_queued(const struct netsim_link *link)
{
    return link->queue.count;
}

uint64_t netsim_link_seed(const struct netsim_link *link)
{
    return link->seed;
}

void netsim_link_stats(const struct netsim_link *link, struct netsim_stats *stats)
{
    *stats = link->stats;
}
