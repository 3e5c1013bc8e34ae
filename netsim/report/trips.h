/*
 * trips.h - what became of the first packets of a link, by a run of the model in virtual time:
 * what pictures are drawn from.
 */
#ifndef NETSIM_TRIPS_H
#define NETSIM_TRIPS_H

#include "netsim/model/pipeline.h"
#include "netsim/report/order.h"

#define NETSIM_ARRIVALS_MAX 4 /* of one packet that are kept; stages double copies again */

struct netsim_arrival {
    uint64_t t_ns;
    bool corrupt, early, late, ce; /* late: after a greater number */
};

struct netsim_trip {
    uint64_t sent_ns;
    unsigned arrivals; /* kept */
    struct netsim_arrival arrival[NETSIM_ARRIVALS_MAX];
    enum netsim_why why; /* of the last drop; NETSIM_NOT_DROPPED: none */
    uint64_t drop_ns;
};

struct netsim_trips {
    size_t count;
    uint64_t end_ns; /* when the last thing happened */
    struct netsim_trip trip[];
};

/* NULL: out of memory. Give it back with free(). */
struct netsim_trips *netsim_trips_run(const struct netsim_plan *plan, uint64_t seed,
                                      size_t count, const struct netsim_traffic *traffic,
                                      const struct belay_memory *memory);

#endif
