#include "netsim/report/trips.h"

#include <stdlib.h>

struct run {
    struct netsim_trips *trips;
    struct netsim_pipeline *pipeline;
    uint64_t greatest; /* of the numbers that have arrived, plus 1 */
};

static void note(struct run *run, const struct netsim_outcome *o)
{
    struct netsim_trip *trip = &run->trips->trip[o->id];

    if (o->t_ns > run->trips->end_ns)
        run->trips->end_ns = o->t_ns;
    if (o->why != NETSIM_NOT_DROPPED) {
        trip->why = o->why;
        trip->drop_ns = o->t_ns;
        return;
    }
    if (trip->arrivals < NETSIM_ARRIVALS_MAX)
        trip->arrival[trip->arrivals++] = (struct netsim_arrival){
            .t_ns = o->t_ns,
            .corrupt = o->corrupt_bits > 0,
            .early = o->reordered,
            .late = o->id + 1 < run->greatest,
            .ce = o->ce,
        };
    if (o->id + 1 > run->greatest)
        run->greatest = o->id + 1;
}

/* What leaves at a time leaves before what is sent at that time. */
static void poll_until(struct run *run, uint64_t now_ns)
{
    struct netsim_outcome outcome;
    uint64_t due;

    while ((due = netsim_pipeline_deadline(run->pipeline)) <= now_ns && due != BELAY_NEVER)
        while (netsim_pipeline_poll(run->pipeline, due, &outcome))
            note(run, &outcome);
    while (now_ns != BELAY_NEVER && netsim_pipeline_poll(run->pipeline, now_ns, &outcome))
        note(run, &outcome);
}

struct netsim_trips *netsim_trips_run(const struct netsim_plan *plan, uint64_t seed,
                                      size_t count, const struct netsim_traffic *traffic,
                                      const struct belay_memory *memory)
{
    struct run run = {
        .trips = calloc(1, sizeof(*run.trips) + count * sizeof(run.trips->trip[0])),
        .pipeline = netsim_pipeline_new(plan, seed, 0, memory),
    };

    if (run.trips == NULL || run.pipeline == NULL) {
        netsim_pipeline_free(run.pipeline);
        free(run.trips);
        return NULL;
    }
    run.trips->count = count;
    for (size_t i = 0; i < count; i++) {
        uint64_t now = i * (uint64_t)traffic->interval_ns;
        struct netsim_packet packet = {.id = i, .len = traffic->size_bytes, .ect = true};

        poll_until(&run, now);
        run.trips->trip[i].sent_ns = now;
        netsim_pipeline_send(run.pipeline, &packet, now);
        poll_until(&run, now);
    }
    poll_until(&run, BELAY_NEVER);
    netsim_pipeline_free(run.pipeline);
    return run.trips;
}
