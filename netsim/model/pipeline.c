#include "netsim/model/pipeline.h"

#include "netsim/model/parcel.h"
#include "netsim/model/random.h"
#include "netsim/model/station.h"

/*
 * Things happen one at a time, in order of time; of those at the same time words change first,
 * then what is furthest on moves first. What becomes of packets waits in a list for poll, so
 * that a caller who sends several packets between two polls loses nothing.
 */
struct netsim_pipeline {
    struct belay_mem mem;
    struct netsim_parcels parcels;
    struct netsim_parcel *first, *last; /* outcomes that wait for poll */
    uint64_t clock_ns;                  /* of what happened last */
    uint64_t change_ns;                 /* the next change of words in any stage */
    bool refused;                       /* for want of memory: the outcome is this one */
    struct netsim_outcome refusal;
    const struct netsim_plan *plan;
    unsigned count;
    struct netsim_station stations[];
};

static size_t size_of(unsigned stages)
{
    return sizeof(struct netsim_pipeline) + stages * sizeof(struct netsim_station);
}

static void find_change(struct netsim_pipeline *p)
{
    p->change_ns = BELAY_NEVER;
    for (unsigned i = 0; i < p->count; i++)
        if (p->stations[i].change_ns < p->change_ns)
            p->change_ns = p->stations[i].change_ns;
}

static int set_up(struct netsim_pipeline *p, uint64_t seed, uint32_t headers)
{
    uint64_t parcels = 3; /* one comes in, and two drops of it wait for poll */

    for (unsigned i = 0; i < p->count; i++) {
        uint64_t own = i == 0 ? seed : netsim_seed_derive(seed, NETSIM_STREAM_STAGE + i);

        parcels += netsim_station_capacity(&p->plan->stages[i]);
        if (netsim_station_init(&p->stations[i], &p->plan->stages[i], own, headers,
                                &p->mem.hook) != 0)
            return BELAY_ENOMEM;
    }
    find_change(p);
    return netsim_parcels_reserve(&p->parcels, parcels);
}

struct netsim_pipeline *netsim_pipeline_new(const struct netsim_plan *plan, uint64_t seed,
                                            uint32_t headers, const struct belay_memory *memory)
{
    struct belay_mem mem;
    struct netsim_pipeline *p;

    belay_mem_init(&mem, memory);
    p = belay_mem_zalloc(&mem, size_of(plan->count));
    if (p == NULL)
        return NULL;
    p->mem = mem;
    p->plan = plan;
    p->count = plan->count;
    netsim_parcels_init(&p->parcels, plan->count, &p->mem);
    if (set_up(p, seed, headers) == 0)
        return p;
    netsim_pipeline_free(p);
    return NULL;
}

void netsim_pipeline_free(struct netsim_pipeline *pipeline)
{
    struct belay_mem mem;

    if (pipeline == NULL)
        return;
    for (unsigned i = 0; i < pipeline->count; i++)
        netsim_station_dispose(&pipeline->stations[i]);
    netsim_parcels_dispose(&pipeline->parcels);
    mem = pipeline->mem;
    belay_mem_free(&mem, pipeline, size_of(pipeline->count));
}

static void tell(struct netsim_pipeline *p, struct netsim_parcel *parcel)
{
    parcel->t_ns = p->clock_ns;
    parcel->next = NULL;
    if (p->first == NULL)
        p->first = parcel;
    else
        p->last->next = parcel;
    p->last = parcel;
}

/* The parcel is still held by its stage when something of it is queued: drops are then of
 * copies. Without memory a copy's drop is only counted. */
static void settle(struct netsim_pipeline *p, unsigned stage, struct netsim_parcel *parcel,
                   const struct netsim_fate *fate)
{
    for (unsigned i = 0; i < fate->dropped; i++) {
        bool whole = fate->queued == 0 && i + 1 == fate->dropped;
        struct netsim_parcel *told = whole ? parcel : netsim_parcel_copy(&p->parcels, parcel);

        if (told == NULL)
            continue;
        told->why = fate->drops[i].why;
        told->stage = stage;
        told->duplicate |= fate->drops[i].duplicate;
        tell(p, told);
    }
}

static void enter(struct netsim_pipeline *p, unsigned stage, struct netsim_parcel *parcel)
{
    struct netsim_fate fate;

    if (stage == p->count) {
        tell(p, parcel);
        return;
    }
    fate = netsim_station_arrive(&p->stations[stage], parcel, p->clock_ns);
    settle(p, stage, parcel, &fate);
}

/* A packet leaves a stage. Another copy of it may stay there. */
static void leave(struct netsim_pipeline *p, unsigned stage, const struct netsim_delivery *d)
{
    struct netsim_parcel *parcel = d->user;

    if (!d->last)
        parcel = netsim_parcel_copy(&p->parcels, parcel);
    if (parcel == NULL) {
        p->stations[stage].stats.dropped_memory++;
        p->stations[stage].stats.dropped++;
        return;
    }
    parcel->ce |= d->ce;
    parcel->duplicate |= d->duplicate;
    parcel->reordered |= d->reordered;
    if (d->corrupt_bit >= 0)
        parcel->corrupt_bit[parcel->corrupt_bits++] = (uint64_t)d->corrupt_bit;
    enter(p, stage + 1, parcel);
}

/* Something is due in this stage: what leaves netem comes before what leaves the line. */
static void work(struct netsim_pipeline *p, unsigned stage)
{
    struct netsim_station *station = &p->stations[stage];
    struct netsim_delivery d;
    struct netsim_parcel *parcel;
    struct netsim_fate fate;

    if (netsim_link_deadline(station->link) <= p->clock_ns) {
        if (netsim_link_receive(station->link, p->clock_ns, &d))
            leave(p, stage, &d);
        return;
    }
    parcel = netsim_station_pass_line(station, p->clock_ns, &fate);
    if (parcel != NULL)
        settle(p, stage, parcel, &fate);
}

/* When the next thing happens, and in which stage: the last one of those it may be. */
static uint64_t next_ns(const struct netsim_pipeline *p, unsigned *stage)
{
    uint64_t least = BELAY_NEVER;

    for (unsigned i = p->count; i-- > 0;) {
        uint64_t ns = netsim_station_deadline(&p->stations[i]);

        ns = ns > p->clock_ns ? ns : p->clock_ns;
        if (ns < least) {
            least = ns;
            *stage = i;
        }
    }
    return least;
}

static void change_words(struct netsim_pipeline *p, uint64_t now_ns)
{
    while (p->change_ns <= now_ns) {
        for (unsigned i = 0; i < p->count; i++)
            if (p->stations[i].change_ns == p->change_ns)
                netsim_station_change(&p->stations[i]);
        p->clock_ns = p->change_ns > p->clock_ns ? p->change_ns : p->clock_ns;
        find_change(p);
    }
}

/* Lets the next thing happen. false: nothing does by now. */
static bool advance(struct netsim_pipeline *p, uint64_t now_ns)
{
    unsigned stage = 0;
    uint64_t ns = next_ns(p, &stage);

    if (ns == BELAY_NEVER || (ns > now_ns && p->change_ns > now_ns))
        return false;
    if (p->change_ns <= ns) {
        change_words(p, p->change_ns);
        return true;
    }
    p->clock_ns = ns;
    work(p, stage);
    return true;
}

static uint64_t clamp_time(uint64_t now_ns)
{
    return now_ns > INT64_MAX ? INT64_MAX : now_ns;
}

static void refuse(struct netsim_pipeline *p, const struct netsim_packet *packet)
{
    struct netsim_stats *stats = &p->stations[0].stats;

    stats->packets++;
    stats->bytes += packet->len;
    stats->dropped++;
    stats->dropped_memory++;
    p->refused = true;
    p->refusal = (struct netsim_outcome){
        .id = packet->id,
        .len = packet->len,
        .user = packet->user,
        .sent_ns = p->clock_ns,
        .t_ns = p->clock_ns,
        .why = NETSIM_DROP_MEMORY,
        .last = true,
    };
}

void netsim_pipeline_send(struct netsim_pipeline *pipeline, const struct netsim_packet *packet,
                          uint64_t now_ns)
{
    struct netsim_parcel *parcel;

    now_ns = clamp_time(now_ns);
    while (advance(pipeline, now_ns))
        ;
    change_words(pipeline, now_ns);
    if (now_ns > pipeline->clock_ns)
        pipeline->clock_ns = now_ns;
    parcel = netsim_parcel_new(&pipeline->parcels, packet, now_ns);
    if (parcel == NULL)
        refuse(pipeline, packet);
    else
        enter(pipeline, 0, parcel);
}

bool netsim_pipeline_poll(struct netsim_pipeline *pipeline, uint64_t now_ns,
                          struct netsim_outcome *out)
{
    struct netsim_parcel *parcel;

    now_ns = clamp_time(now_ns);
    while (pipeline->first == NULL && !pipeline->refused && advance(pipeline, now_ns))
        ;
    parcel = pipeline->first;
    if (parcel != NULL) {
        pipeline->first = parcel->next;
        netsim_parcel_end(&pipeline->parcels, parcel, out);
        return true;
    }
    if (!pipeline->refused)
        return false;
    pipeline->refused = false;
    *out = pipeline->refusal;
    return true;
}

/* While something waits also the next change of words: it may let it go. */
uint64_t netsim_pipeline_deadline(const struct netsim_pipeline *pipeline)
{
    unsigned stage;
    uint64_t ns;

    if (pipeline->first != NULL || pipeline->refused)
        return pipeline->clock_ns;
    ns = next_ns(pipeline, &stage);
    return ns != BELAY_NEVER && pipeline->change_ns < ns ? pipeline->change_ns : ns;
}

uint64_t netsim_pipeline_rebinds(const struct netsim_pipeline *pipeline, uint64_t now_ns)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < pipeline->count; i++)
        count += netsim_gate_rebinds(&pipeline->plan->stages[i], now_ns);
    return count;
}

uint64_t netsim_pipeline_next_rebind(const struct netsim_pipeline *pipeline, uint64_t after_ns)
{
    uint64_t next = BELAY_NEVER;

    for (unsigned i = 0; i < pipeline->count; i++) {
        uint64_t ns = netsim_gate_next_rebind(&pipeline->plan->stages[i], after_ns);

        next = ns < next ? ns : next;
    }
    return next;
}

size_t netsim_pipeline_queued(const struct netsim_pipeline *pipeline)
{
    size_t count = 0;

    for (unsigned i = 0; i < pipeline->count; i++)
        count += netsim_station_inside(&pipeline->stations[i]);
    return count;
}

unsigned netsim_pipeline_stages(const struct netsim_pipeline *pipeline)
{
    return pipeline->count;
}

uint64_t netsim_pipeline_seed(const struct netsim_pipeline *pipeline, unsigned stage)
{
    return netsim_link_seed(pipeline->stations[stage].link);
}

void netsim_pipeline_stats(const struct netsim_pipeline *pipeline, unsigned stage,
                           struct netsim_stats *stats)
{
    netsim_station_stats(&pipeline->stations[stage], stats);
}
