/*
 * codel.h - CoDel, the queue that keeps its delay short: RFC 8289.
 *
 * When packets have waited longer than TARGET for all of an INTERVAL, one is dropped, and then
 * more and more often, the n-th INTERVAL / sqrt(n) after the one before, until the wait is
 * short again or no more than one packet waits.
 *
 * Each packet is judged once, when it stands at the head of the queue and the line is free.
 * After one that is dropped the next is judged at the same time.
 */
#ifndef NETSIM_CODEL_H
#define NETSIM_CODEL_H

#include <stdbool.h>
#include <stdint.h>

#define NETSIM_CODEL_TARGET_NS   UINT64_C(5000000)
#define NETSIM_CODEL_INTERVAL_NS UINT64_C(100000000)
#define NETSIM_CODEL_MTU_BYTES   1514

struct netsim_codel {
    uint64_t above_ns; /* above TARGET for an INTERVAL by then; 0: not above */
    uint64_t next_ns;  /* the next drop */
    uint32_t count, last_count;
    bool dropping;
    bool hit; /* the one before was dropped: the next drop is not yet scheduled */
};

/* All zero at the start. Is the packet that waited so long, with so many bytes behind it, to be
 * dropped (or marked instead)? */
bool netsim_codel_hits(struct netsim_codel *codel, uint64_t waited_ns, uint64_t behind_bytes,
                       uint64_t now_ns);
/* The line is free, and nothing waits. */
void netsim_codel_empty(struct netsim_codel *codel);

#endif
