/*
 * station.h - one stage of a plan at work: gate, line, netem, and the words of the time.
 *
 * Its owner calls it in order of time, and changes its words when change_ns has come. What
 * comes in goes through the gate and, if there is one, waits in the line; from there it goes
 * to netem. What netem's part has dropped or queued is a fate, as in link.h.
 */
#ifndef NETSIM_STATION_H
#define NETSIM_STATION_H

#include "netsim/model/gate.h"
#include "netsim/model/parcel.h"

struct netsim_station {
    const struct netsim_stage *stage;
    unsigned step;      /* whose words count */
    uint64_t change_ns; /* when the next one's do, BELAY_NEVER: there is none */
    const struct netsim_words *words;
    uint32_t headers; /* bytes in front of the IP packet */
    struct netsim_gate gate;
    struct netsim_line_state line;
    struct netsim_link *link;
    struct netsim_stats stats; /* of gate and line */
};

/* 0 or BELAY_ENOMEM; memory for all its steps is taken here. */
int netsim_station_init(struct netsim_station *station, const struct netsim_stage *stage,
                        uint64_t seed, uint32_t headers, const struct belay_memory *memory);
void netsim_station_dispose(struct netsim_station *station); /* also one that is all zero */
/* How many parcels are inside at most. */
uint64_t netsim_station_capacity(const struct netsim_stage *stage);

void netsim_station_change(struct netsim_station *station);

struct netsim_fate netsim_station_arrive(struct netsim_station *station,
                                         struct netsim_parcel *parcel, uint64_t now_ns);
/* The parcel that leaves the line by now, and its fate; NULL: none. */
struct netsim_parcel *netsim_station_pass_line(struct netsim_station *station, uint64_t now_ns,
                                               struct netsim_fate *fate);
/* When netem's part, or anything, is due; BELAY_NEVER. */
uint64_t netsim_station_deadline(const struct netsim_station *station);
size_t netsim_station_inside(const struct netsim_station *station);
void netsim_station_stats(const struct netsim_station *station, struct netsim_stats *stats);

#endif
