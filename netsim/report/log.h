/*
 * log.h - the native log: JSON lines, one event a line, the same for every backend.
 *
 *     {"t_ns":20000000,"id":7,"event":"rx","link":"out","len":146}
 *
 * event: "tx" came in, "rx" went out (twice: duplicated), "drop". Further keys only where
 * they say something: why (of a drop), dup, corrupt with bit, reorder, ce, and of a link with
 * several stages the stage of a drop, from 0. bit is a number, or an array of them where
 * several stages flipped one.
 *
 *     {"t_ns":5000000000,"event":"rebind","link":"out"}
 *
 * is of the link itself: x-rebind changes the port.
 */
#ifndef NETSIM_LOG_H
#define NETSIM_LOG_H

#include <stdio.h>

#include "netsim/model/pipeline.h"

struct netsim_event {
    uint64_t t_ns, id;
    const char *event, *link, *why; /* link and why may be NULL */
    bool of_link;                   /* of no packet: without id and len */
    uint32_t len;
    bool duplicate, corrupt, reordered, ce;
    int64_t corrupt_bit;
    unsigned more_bits; /* flipped by later stages */
    uint64_t more_bit[NETSIM_STAGES_MAX];
    bool has_stage;
    unsigned stage;
};

/* Of a packet that left a pipeline of so many stages ("rx"), or was dropped in one of them. */
struct netsim_event netsim_event_outcome(const struct netsim_outcome *outcome, unsigned stages,
                                         uint64_t t_ns);

struct netsim_event netsim_event_rebind(uint64_t t_ns);

/* Of a packet that leaves: "rx". */
struct netsim_event netsim_event_rx(const struct netsim_delivery *delivery, uint64_t t_ns);
struct netsim_event netsim_event_drop(const struct netsim_drop *drop, uint64_t id, uint32_t len,
                                      uint64_t t_ns);

/* One line. 0, or -1: not written (errno). */
int netsim_log_write(FILE *out, const struct netsim_event *event);

#endif
