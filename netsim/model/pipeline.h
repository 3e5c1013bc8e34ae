/*
 * pipeline.h - a plan at work: one direction of a link with all its stages, without I/O and
 * without a clock.
 *
 *     send(pipeline, packet, now)      a packet comes in
 *     while (poll(pipeline, now, &o))  what became of packets: left, or dropped
 *     deadline(pipeline)               when to poll next, BELAY_NEVER: nothing waits
 *
 * now is in nanoseconds since the link's start, below 2^63, and never less than before. Poll
 * until false after a send. Outcomes come in order of time; of those at the same time what was
 * further on comes first, so what leaves at a time makes room for what is sent then. Packets
 * move, and words change, at the times at which that was due, not at those of the calls: a
 * late caller adds no delay but its own. After several sends without a poll nothing is lost
 * either, but what became of them takes memory beyond what new took; when there is none, one
 * packet more has an outcome (NETSIM_DROP_MEMORY).
 *
 * A stage is, in this order: x-drop, x-blackout and x-mtu; the line of x-queue or x-trace;
 * netem (link.h). Of a plan with one stage and no x-words the decisions are those of
 * netsim_link with the same seed, so netem's.
 *
 * The payload stays with the caller: a packet has an id and a user pointer. The caller lets go
 * of it at the outcome that says `last`; each packet has exactly one such.
 *
 * O(log n) a packet in the packets queued. All memory is taken by new (and by nothing after),
 * but for a limit above NETSIM_RESERVE_MAX, whose rest is taken as the queue grows.
 */
#ifndef NETSIM_PIPELINE_H
#define NETSIM_PIPELINE_H

#include "netsim/model/link.h"
#include "netsim/model/plan.h"

struct netsim_pipeline;

struct netsim_outcome {
    uint64_t id;
    uint32_t len;
    void *user;
    uint64_t sent_ns;    /* when it came into the first stage */
    uint64_t t_ns;       /* left: when it was to leave. Dropped: when */
    enum netsim_why why; /* NETSIM_NOT_DROPPED: it left the last stage */
    unsigned stage;      /* where it was dropped, from 0 */
    bool ce, duplicate, reordered;
    unsigned corrupt_bits;                   /* how many follow: one a stage at most */
    uint64_t corrupt_bit[NETSIM_STAGES_MAX]; /* 8 * byte + bit, bit 0 the least */
    bool last;                               /* nothing else of this packet is to come */
};

/*
 * Stage 0 has `seed`, stage k the seed netsim_seed_derive(seed, NETSIM_STREAM_STAGE + k),
 * unless its words have one. The plan must live as long. headers: how many bytes of len are in
 * front of the IP packet (14 for Ethernet), for x-mtu. NULL when out of memory.
 */
struct netsim_pipeline *netsim_pipeline_new(const struct netsim_plan *plan, uint64_t seed,
                                            uint32_t headers,
                                            const struct belay_memory *memory);
/* Packets still inside are forgotten: poll at BELAY_NEVER to have them. */
void netsim_pipeline_free(struct netsim_pipeline *pipeline);

void netsim_pipeline_send(struct netsim_pipeline *pipeline, const struct netsim_packet *packet,
                          uint64_t now_ns);
bool netsim_pipeline_poll(struct netsim_pipeline *pipeline, uint64_t now_ns,
                          struct netsim_outcome *out);
uint64_t netsim_pipeline_deadline(const struct netsim_pipeline *pipeline);

/* How often x-rebind has struck by now, all stages together. */
uint64_t netsim_pipeline_rebinds(const struct netsim_pipeline *pipeline, uint64_t now_ns);
/* When it strikes next in any stage, later than after_ns; BELAY_NEVER: not again. */
uint64_t netsim_pipeline_next_rebind(const struct netsim_pipeline *pipeline, uint64_t after_ns);

size_t netsim_pipeline_queued(const struct netsim_pipeline *pipeline);
unsigned netsim_pipeline_stages(const struct netsim_pipeline *pipeline);
uint64_t netsim_pipeline_seed(const struct netsim_pipeline *pipeline, unsigned stage);
void netsim_pipeline_stats(const struct netsim_pipeline *pipeline, unsigned stage,
                           struct netsim_stats *stats);

#endif
