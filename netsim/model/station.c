#include "netsim/model/station.h"

/* A line does what netem's rate would: netem does not do it again. */
static struct netsim_words netem_words(const struct netsim_words *words)
{
    struct netsim_words netem = *words;

    if (netsim_line_is_asked(words))
        netem.rate_bytes_per_s = 0;
    return netem;
}

static void set_step(struct netsim_station *station, unsigned step)
{
    const struct netsim_step *steps = station->stage->steps;

    station->step = step;
    station->words = &steps[step].words;
    station->change_ns = step + 1 < station->stage->count ? steps[step + 1].at_ns : BELAY_NEVER;
}

static int reserve(struct netsim_station *station)
{
    uint32_t limit = 0;

    for (unsigned i = 0; i < station->stage->count; i++)
        if (station->stage->steps[i].words.limit > limit)
            limit = station->stage->steps[i].words.limit;
    return netsim_link_reserve(station->link, limit);
}

int netsim_station_init(struct netsim_station *station, const struct netsim_stage *stage,
                        uint64_t seed, uint32_t headers, const struct belay_memory *memory)
{
    struct netsim_words netem = netem_words(&stage->steps[0].words);

    *station = (struct netsim_station){.stage = stage, .headers = headers};
    set_step(station, 0);
    netsim_line_init(&station->line, station->words);
    station->link = netsim_link_new(&netem, seed, memory);
    return station->link == NULL ? BELAY_ENOMEM : reserve(station);
}

void netsim_station_dispose(struct netsim_station *station)
{
    netsim_link_free(station->link);
    station->link = NULL;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t netsim_station_capacity(const struct netsim_stage *stage)
{
    uint64_t line = 0, netem = 0;
    bool is_asked = false;

    for (unsigned i = 0; i < stage->count; i++) {
        const struct netsim_words *w = &stage->steps[i].words;

        is_asked |= netsim_line_is_asked(w);
        line = larger(line, netsim_line_capacity(w));
        netem = larger(netem, (uint64_t)w->limit + 1);
    }
    /* Words without a line may come while one is busy: then `limit` packets wait. */
    return netem + (is_asked ? larger(line, netem) : 0);
}

void netsim_station_change(struct netsim_station *station)
{
    struct netsim_words netem;

    set_step(station, station->step + 1);
    netem = netem_words(station->words);
    netsim_line_change(&station->line, station->words);
    /* The memory is there since the start. */
    (void)netsim_link_change(station->link, &netem);
}

static struct netsim_fate drop(struct netsim_station *station, enum netsim_why why)
{
    struct netsim_stats *stats = &station->stats;

    stats->dropped++;
    stats->dropped_listed += why == NETSIM_DROP_LISTED;
    stats->dropped_blackout += why == NETSIM_DROP_BLACKOUT;
    stats->dropped_mtu += why == NETSIM_DROP_MTU;
    stats->dropped_limit += why == NETSIM_DROP_LIMIT;
    stats->dropped_queue += why == NETSIM_DROP_QUEUE;
    stats->dropped_codel += why == NETSIM_DROP_CODEL;
    stats->overlimits += why == NETSIM_DROP_LIMIT || why == NETSIM_DROP_QUEUE;
    return (struct netsim_fate){.dropped = 1, .drops = {{.why = why}}};
}

static struct netsim_fate to_netem(struct netsim_station *station, struct netsim_parcel *parcel,
                                   uint64_t now_ns)
{
    struct netsim_packet packet = {
        .id = parcel->id, .len = parcel->item.len, .ect = parcel->item.ect, .user = parcel};

    return netsim_link_send(station->link, &packet, now_ns);
}

struct netsim_fate netsim_station_arrive(struct netsim_station *station,
                                         struct netsim_parcel *parcel, uint64_t now_ns)
{
    struct netsim_line_item *item = &parcel->item;
    uint32_t ip_len = item->len > station->headers ? item->len - station->headers : 0;
    enum netsim_why why;

    station->stats.packets++;
    station->stats.bytes += item->len;
    why = netsim_gate_judge(&station->gate, station->words, ip_len, now_ns);
    if (why != NETSIM_NOT_DROPPED)
        return drop(station, why);
    if (!netsim_line_is_on(&station->line))
        return to_netem(station, parcel, now_ns);
    item->came_ns = now_ns;
    why = netsim_line_send(&station->line, item);
    return why == NETSIM_NOT_DROPPED ? (struct netsim_fate){.queued = 1} : drop(station, why);
}

struct netsim_parcel *netsim_station_pass_line(struct netsim_station *station, uint64_t now_ns,
                                               struct netsim_fate *fate)
{
    enum netsim_why why;
    uint64_t at_ns;
    struct netsim_parcel *parcel =
        (struct netsim_parcel *)netsim_line_receive(&station->line, now_ns, &why, &at_ns);

    if (parcel == NULL)
        return NULL;
    if (why != NETSIM_NOT_DROPPED) {
        *fate = drop(station, why);
        return parcel;
    }
    if (parcel->item.ce) {
        parcel->ce = true;
        station->stats.marked++;
        station->stats.dropped++; /* as netem counts its own */
    }
    *fate = to_netem(station, parcel, now_ns);
    return parcel;
}

uint64_t netsim_station_deadline(const struct netsim_station *station)
{
    uint64_t line = netsim_line_deadline(&station->line);
    uint64_t netem = netsim_link_deadline(station->link);

    return line < netem ? line : netem;
}

size_t netsim_station_inside(const struct netsim_station *station)
{
    return netsim_line_inside(&station->line) + netsim_link_queued(station->link);
}

void netsim_station_stats(const struct netsim_station *station, struct netsim_stats *stats)
{
    const struct netsim_stats *own = &station->stats;

    netsim_link_stats(station->link, stats);
    stats->packets = own->packets;
    stats->bytes = own->bytes;
    stats->dropped += own->dropped;
    stats->dropped_limit += own->dropped_limit;
    stats->dropped_memory += own->dropped_memory;
    stats->dropped_listed = own->dropped_listed;
    stats->dropped_blackout = own->dropped_blackout;
    stats->dropped_mtu = own->dropped_mtu;
    stats->dropped_queue = own->dropped_queue;
    stats->dropped_codel = own->dropped_codel;
    stats->marked += own->marked;
    stats->overlimits += own->overlimits;
}
