/*
 * verdict.h - what became of a packet, for people: the comment that a capture has on it.
 *
 *     duplicate, reordered, delayed 25.1 ms, bit 123 flipped
 *     dropped: loss
 *     dropped: limit, in stage 2
 */
#ifndef NETSIM_VERDICT_H
#define NETSIM_VERDICT_H

#include "netsim/model/pipeline.h"

#define NETSIM_VERDICT_SIZE 512

/* lost: why it never arrived though it left the link, or NULL. Empty when there is nothing to
 * say. Returns out. */
const char *netsim_verdict(const struct netsim_outcome *outcome, const char *lost,
                           uint64_t now_ns, char out[NETSIM_VERDICT_SIZE]);

#endif
