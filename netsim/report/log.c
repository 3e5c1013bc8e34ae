#include "netsim/report/log.h"

#include <jansson.h>

struct netsim_event netsim_event_rx(const struct netsim_delivery *delivery, uint64_t t_ns)
{
    return (struct netsim_event){
        .t_ns = t_ns,
        .id = delivery->id,
        .event = "rx",
        .len = delivery->len,
        .duplicate = delivery->duplicate,
        .corrupt = delivery->corrupt_bit >= 0,
        .corrupt_bit = delivery->corrupt_bit,
        .reordered = delivery->reordered,
        .ce = delivery->ce,
    };
}

struct netsim_event netsim_event_drop(const struct netsim_drop *drop, uint64_t id, uint32_t len,
                                      uint64_t t_ns)
{
    return (struct netsim_event){
        .t_ns = t_ns,
        .id = id,
        .event = "drop",
        .why = netsim_why_name(drop->why),
        .len = len,
        .duplicate = drop->duplicate,
    };
}

struct netsim_event netsim_event_outcome(const struct netsim_outcome *outcome, unsigned stages,
                                         uint64_t t_ns)
{
    bool dropped = outcome->why != NETSIM_NOT_DROPPED;
    struct netsim_event event = {
        .t_ns = t_ns,
        .id = outcome->id,
        .event = dropped ? "drop" : "rx",
        .why = dropped ? netsim_why_name(outcome->why) : NULL,
        .len = outcome->len,
        .duplicate = outcome->duplicate,
        .corrupt = outcome->corrupt_bits > 0,
        .reordered = outcome->reordered,
        .ce = outcome->ce,
        .has_stage = dropped && stages > 1,
        .stage = outcome->stage,
    };

    if (outcome->corrupt_bits > 0)
        event.corrupt_bit = (int64_t)outcome->corrupt_bit[0];
    for (unsigned i = 1; i < outcome->corrupt_bits; i++)
        event.more_bit[event.more_bits++] = outcome->corrupt_bit[i];
    return event;
}

struct netsim_event netsim_event_rebind(uint64_t t_ns)
{
    return (struct netsim_event){.t_ns = t_ns, .event = "rebind", .of_link = true};
}

static json_t *bits(const struct netsim_event *event)
{
    json_t *first = json_integer((json_int_t)event->corrupt_bit), *all;
    int bad;

    if (event->more_bits == 0)
        return first;
    all = json_array();
    bad = json_array_append_new(all, first);
    for (unsigned i = 0; i < event->more_bits; i++)
        bad |= json_array_append_new(all, json_integer((json_int_t)event->more_bit[i]));
    if (bad == 0)
        return all;
    json_decref(all);
    return NULL;
}

static int set_true(json_t *line, const char *key, bool on)
{
    return on ? json_object_set_new(line, key, json_true()) : 0;
}

int netsim_log_write(FILE *out, const struct netsim_event *event)
{
    json_t *id = event->of_link ? NULL : json_integer((json_int_t)event->id);
    json_t *len = event->of_link ? NULL : json_integer((json_int_t)event->len);
    json_t *line = json_pack("{s:I, s:o*, s:s, s:s*, s:o*, s:s*}", "t_ns",
                             (json_int_t)event->t_ns, "id", id, "event", event->event, "link",
                             event->link, "len", len, "why", event->why);
    int bad;

    if (line == NULL)
        return -1;
    bad = set_true(line, "dup", event->duplicate);
    bad |= set_true(line, "corrupt", event->corrupt);
    if (event->corrupt)
        bad |= json_object_set_new(line, "bit", bits(event));
    bad |= set_true(line, "reorder", event->reordered);
    bad |= set_true(line, "ce", event->ce);
    if (event->has_stage)
        bad |= json_object_set_new(line, "stage", json_integer(event->stage));
    if (bad == 0)
        bad = json_dumpf(line, out, JSON_COMPACT) | (fputc('\n', out) == EOF);
    json_decref(line);
    return bad == 0 ? 0 : -1;
}
