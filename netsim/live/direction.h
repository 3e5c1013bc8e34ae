/*
 * direction.h - one direction of real packets: a plan at work, the packets' ids, and what is
 * told about them: the log, the capture, the report at the end.
 *
 *     enter(direction, packet, now)             a packet comes in, and gets the next id
 *     while (poll(direction, now, &outcome))    what became of packets
 *         tell(direction, &outcome, ...)        writes it down
 *
 * Times are nanoseconds since the start of both directions.
 */
#ifndef NETSIM_DIRECTION_H
#define NETSIM_DIRECTION_H

#include <stdio.h>

#include "netsim/model/pipeline.h"
#include "netsim/report/pcapng.h"

/* Where both directions write. What can't be written is told once, and nothing more is tried.
 */
struct netsim_record {
    FILE *log;                  /* or NULL */
    struct netsim_pcapng *pcap; /* or NULL */
    int error;                  /* errno of what failed, or 0 */
};

struct netsim_direction {
    const char *name;                       /* "out", "back" */
    enum netsim_pcapng_interface interface; /* of what leaves; drops have the next one */
    const struct netsim_plan *plan;
    struct netsim_pipeline *pipeline;
    struct netsim_record *record;
    uint64_t came, left; /* packets into the link, and out of it to where they were sent */
    uint64_t passed_by;  /* and those that took no part in it */
    uint64_t rebind_ns;  /* of the next x-rebind that the log does not have */
};

/* false: no memory. headers as netsim_pipeline_new has them. */
bool netsim_direction_init(struct netsim_direction *direction, bool back,
                           const struct netsim_plan *plan, uint64_t seed, uint32_t headers,
                           struct netsim_record *record);
/* Also of one that is all zero. Packets inside are given to let_go first. */
void netsim_direction_dispose(struct netsim_direction *direction,
                              void (*let_go)(void *arg, void *user), void *arg);

/* packet.id is chosen here. */
void netsim_direction_enter(struct netsim_direction *direction, struct netsim_packet packet,
                            uint64_t now_ns);
bool netsim_direction_poll(struct netsim_direction *direction, uint64_t now_ns,
                           struct netsim_outcome *outcome);

/* lost: why a packet that left its link does not arrive, or NULL. packet: its bytes for the
 * capture, or NULL where there is none. */
void netsim_direction_tell(struct netsim_direction *direction,
                           const struct netsim_outcome *outcome, const char *lost,
                           uint64_t now_ns, const void *packet, size_t len);

/* One that goes its way without the link: in no log, but in the capture. */
void netsim_direction_pass_by(struct netsim_direction *direction, uint64_t now_ns,
                              const void *packet, size_t len);

/* Counters as `tc -s qdisc` shows them, stage by stage. note: about corrupted ones, or "". */
void netsim_direction_report(const struct netsim_direction *direction, const char *note,
                             FILE *out);

#endif
