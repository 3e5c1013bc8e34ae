/*
 * link.h - one direction of a link: netem's model, without I/O and without a clock.
 *
 * The one link model of the project: simulator, proxy and emulator use it, and with `seed N`
 * it makes the same decisions as Linux's netem with `seed N`.
 *
 *     fate = send(link, packet, now)     a packet comes in: queued 0, 1 or 2 times
 *     deadline(link)                     when the next one may leave, BELAY_NEVER: none waits
 *     receive(link, now, &out)           takes out what may leave by now, one at a time
 *
 * now is in nanoseconds, below 2^63, and never less than before. Take out what is due before
 * sending at the same time: a link that is late drops at its limit.
 *
 * The payload stays with the caller: a packet has an id and a user pointer. The caller may
 * let go of it when fate.queued is 0 or when a delivery says `last`.
 *
 * Per packet, in this order, which is also the order of the random draws:
 * duplicate, loss, corrupt, limit, then the copy from loss on, reorder, delay, rate.
 *
 * O(log n) a packet in the packets queued. All memory is taken by new and change, for limit + 1
 * packets; above NETSIM_RESERVE_MAX the rest is taken as the queue grows, and kept.
 */
#ifndef NETSIM_LINK_H
#define NETSIM_LINK_H

#include <belay/core.h>

#include "netsim/model/words.h"

#define NETSIM_RESERVE_MAX 1000000 /* packets */

struct netsim_link;

struct netsim_packet {
    uint64_t id;
    uint32_t len; /* bytes, as rate and corrupt see them: with all headers */
    bool ect;     /* ECN-capable (ECT or CE): `ecn` marks it where it would be lost */
    void *user;
};

enum netsim_why {
    NETSIM_NOT_DROPPED,
    NETSIM_DROP_LOSS,    /* random loss */
    NETSIM_DROP_STATE,   /* loss by `loss state` */
    NETSIM_DROP_GEMODEL, /* loss by `loss gemodel` */
    NETSIM_DROP_LIMIT,   /* the queue is full */
    NETSIM_DROP_MEMORY,  /* there is no memory for a queue that long */
    /* Of a pipeline's stage, in front of its netem: */
    NETSIM_DROP_LISTED,   /* x-drop */
    NETSIM_DROP_BLACKOUT, /* x-blackout */
    NETSIM_DROP_MTU,      /* x-mtu */
    NETSIM_DROP_QUEUE,    /* the line's queue is full */
    NETSIM_DROP_CODEL,    /* CoDel */
};

/* "loss", "state", "gemodel", "limit", "memory", "x-drop", "blackout", "mtu", "queue", "codel";
 * "" for NETSIM_NOT_DROPPED. */
const char *netsim_why_name(enum netsim_why why);

struct netsim_drop {
    enum netsim_why why;
    bool duplicate; /* the copy was dropped, not the original */
};

/* What became of a packet at once. Duplicated and lost at a time leaves one, and no drop;
 * a full queue drops a duplicated packet as one. So queued + dropped is 1 or 2. */
struct netsim_fate {
    unsigned queued, dropped;
    struct netsim_drop drops[2];
};

struct netsim_delivery {
    uint64_t id;
    uint32_t len;
    void *user;
    uint64_t sent_ns;    /* when it came in */
    uint64_t due_ns;     /* when it was to leave; receive may have been called later */
    int64_t corrupt_bit; /* which bit to flip, 8 * byte + bit, bit 0 the least; -1: none */
    bool ce;             /* marked: congestion experienced */
    bool duplicate;      /* the copy, not the original */
    bool reordered;      /* passed the queue */
    bool last;           /* no other copy of this packet is queued */
};

/* As `tc -s qdisc` counts, and more. */
struct netsim_stats {
    uint64_t packets, bytes; /* came in */
    uint64_t delivered, delivered_bytes;
    uint64_t dropped; /* all drops: those below, and marked */
    uint64_t dropped_loss, dropped_limit, dropped_memory;
    uint64_t dropped_listed, dropped_blackout, dropped_mtu, dropped_queue, dropped_codel;
    uint64_t marked; /* CE instead of loss; netem counts them as dropped */
    uint64_t duplicated, corrupted;
    uint64_t requeues;   /* passed the queue: reordered */
    uint64_t overlimits; /* found the queue full */
};

/*
 * seed counts unless the words have a `seed` of their own; a caller that has neither chooses
 * one and shows it. NULL when out of memory. The words are copied.
 */
struct netsim_link *netsim_link_new(const struct netsim_words *words, uint64_t seed,
                                    const struct belay_memory *memory);
/* Packets still queued are forgotten: take them out first, at BELAY_NEVER, to free payloads. */
void netsim_link_free(struct netsim_link *link);

/* Memory for words with this limit, so that a change to them takes none. 0 or BELAY_ENOMEM. */
int netsim_link_reserve(struct netsim_link *link, uint32_t limit);

/* Other words from now on, as `tc qdisc change`: what is queued keeps its time, generators,
 * counters and the state of loss go on, a seed in the words does not count. 0 or BELAY_ENOMEM,
 * and then nothing has changed. */
int netsim_link_change(struct netsim_link *link, const struct netsim_words *words);

struct netsim_fate netsim_link_send(struct netsim_link *link,
                                    const struct netsim_packet *packet, uint64_t now_ns);
uint64_t netsim_link_deadline(const struct netsim_link *link);
/* false: nothing leaves by now. At BELAY_NEVER everything leaves, in order. */
bool netsim_link_receive(struct netsim_link *link, uint64_t now_ns,
                         struct netsim_delivery *out);

size_t netsim_link_queued(const struct netsim_link *link);
uint64_t netsim_link_seed(const struct netsim_link *link); /* the one that counts */
void netsim_link_stats(const struct netsim_link *link, struct netsim_stats *stats);

#endif
