/*
 * slot.h - a link that is open only now and then, as a radio's turn: `slot` of netem.
 *
 * The link opens, lets up to `packets` and `bytes` pass, and opens again after a time drawn
 * uniformly from [min, max], or by a distribution. It opened last before its start, so the
 * first packet waits too. When it opens for a packet that is not due yet, the turn is lost and
 * the next one is drawn. Packets that pass the queue pass the slot.
 */
#ifndef NETSIM_SLOT_H
#define NETSIM_SLOT_H

#include "netsim/model/random.h"
#include "netsim/model/table.h"

struct netsim_slot {
    bool on;
    int64_t next_ns; /* open from here on */
    uint32_t packets_left;
    int64_t bytes_left; /* the packet that passes the bound still leaves */
    const struct netsim_words *words;
    struct netsim_random *decisions, *extra;
    const struct netsim_table *table; /* NULL: uniform */
    struct netsim_table made;
};

/* The words and both generators must live as long: uniform times come from extra, as the
 * kernel takes them from the system; those by distribution from decisions. */
void netsim_slot_init(struct netsim_slot *slot, const struct netsim_words *words,
                      struct netsim_random *decisions, struct netsim_random *extra);

/* At now, with a packet that is due at due_ns first in the queue: when may it leave? */
int64_t netsim_slot_open_ns(struct netsim_slot *slot, int64_t due_ns, int64_t now_ns);

/* A packet of len bytes left through it. */
void netsim_slot_use(struct netsim_slot *slot, uint32_t len, int64_t now_ns);

#endif
