/*
 * log.h - the native log: JSON lines, one event a line, the same for every backend.
 *
 *     {"t_ns":20000000,"id":7,"event":"rx","link":"out","len":146}
 *
 * event: "tx" came in, "rx" went out (twice: duplicated), "drop". Further keys only where
 * they say something: why (of a drop), dup, corrupt with bit, reorder, ce.
 */
#ifndef NETSIM_LOG_H
#define NETSIM_LOG_H

#include <stdio.h>

#include "netsim/model/link.h"

struct netsim_event {
    uint64_t t_ns, id;
    const char *event, *link, *why; /* link and why may be NULL */
    uint32_t len;
    bool duplicate, corrupt, reordered, ce;
    int64_t corrupt_bit;
};

/* Of a packet that leaves: "rx". */
struct netsim_event netsim_event_rx(const struct netsim_delivery *delivery, uint64_t t_ns);
struct netsim_event netsim_event_drop(const struct netsim_drop *drop, uint64_t id, uint32_t len,
                                      uint64_t t_ns);

/* One line. 0, or -1: not written (errno). */
int netsim_log_write(FILE *out, const struct netsim_event *event);

#endif
