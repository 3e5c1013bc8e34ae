#include "netsim/model/slot.h"

static void allow(struct netsim_slot *slot)
{
    const struct netsim_words *w = slot->words;

    slot->packets_left = w->slot_packets > 0 ? w->slot_packets : UINT32_MAX;
    slot->bytes_left = w->slot_bytes > 0 ? w->slot_bytes : INT64_MAX;
}

void netsim_slot_init(struct netsim_slot *slot, const struct netsim_words *words,
                      struct netsim_random *decisions, struct netsim_random *extra)
{
    slot->on = words->has_slot && (words->slot_has_distribution
                                       ? words->slot_delay_ns > 0 || words->slot_jitter_ns > 0
                                       : words->slot_max_ns > 0);
    slot->next_ns = -1; /* the turn before the link's start */
    slot->words = words;
    allow(slot);
    slot->decisions = decisions;
    slot->extra = extra;
    slot->table = words->slot_distribution_table;
    if (words->slot_has_distribution &&
        netsim_table_fill(&slot->made, words->slot_distribution))
        slot->table = &slot->made;
}

static int64_t draw_time_ns(struct netsim_slot *slot)
{
    const struct netsim_words *w = slot->words;
    uint64_t range, u;

    if (w->slot_has_distribution)
        return netsim_table_delay_ns(slot->table, netsim_random_draw(slot->decisions),
                                     w->slot_delay_ns, w->slot_jitter_ns);
    range = (uint64_t)(w->slot_max_ns - w->slot_min_ns);
    u = netsim_random_draw(slot->extra);
    return w->slot_min_ns + (int64_t)(u * (range >> 32) + (u * (range & UINT32_MAX) >> 32));
}

static void draw_next(struct netsim_slot *slot, int64_t now_ns)
{
    int64_t time = draw_time_ns(slot);

    slot->next_ns = time > INT64_MAX - now_ns ? INT64_MAX : now_ns + time;
    allow(slot);
}

int64_t netsim_slot_open_ns(struct netsim_slot *slot, int64_t due_ns, int64_t now_ns)
{
    if (!slot->on)
        return due_ns;
    if (slot->next_ns < due_ns)
        draw_next(slot, now_ns);
    return slot->next_ns > due_ns ? slot->next_ns : due_ns;
}

void netsim_slot_use(struct netsim_slot *slot, uint32_t len, int64_t now_ns)
{
    if (!slot->on)
        return;
    slot->packets_left--;
    slot->bytes_left -= len;
    if (slot->packets_left == 0 || slot->bytes_left <= 0)
        draw_next(slot, now_ns);
}
