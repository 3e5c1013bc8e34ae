/*
 * trace.h - a line whose rate is a recording: mahimahi's format of packet delivery traces.
 *
 * Text, one whole number a line: the millisecond at which one opportunity of 1500 bytes comes.
 * Ascending, a time may stand several times (several opportunities). After the last line it
 * begins anew: the last time is the length of a round, at least 1. `#` begins a comment.
 *
 * A packet leaves when opportunities for all of its bytes have come; what an opportunity has
 * left goes to the next packet that waits, and is lost when none does.
 *
 * Netravali et al.: "Mahimahi: Accurate Record-and-Replay for HTTP", USENIX ATC 2015.
 */
#ifndef NETSIM_TRACE_H
#define NETSIM_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

#define NETSIM_TRACE_BYTES 1500 /* of one opportunity */

struct netsim_trace {
    uint64_t round_ms; /* the length of a round */
    size_t count;
    uint64_t at_ms[];
};

/* Reads len bytes of text. NULL with *wrong: a sentence part, and *line where (from 1). */
struct netsim_trace *netsim_trace_parse(const char *text, size_t len, struct belay_mem *mem,
                                        const char **wrong, size_t *line);
void netsim_trace_free(struct netsim_trace *trace, struct belay_mem *mem);

/* When the n-th opportunity (from 0) comes. */
uint64_t netsim_trace_time_ns(const struct netsim_trace *trace, uint64_t n);
/* The first opportunity at or after a time. */
uint64_t netsim_trace_after(const struct netsim_trace *trace, uint64_t now_ns);

#endif
