/*
 * order.h - how many packets arrive after a later one, by formula (RFC 4737: Type-P-Reordered,
 * the first arrival of each packet).
 *
 * Packets are sent every `interval`. One with the delay x is overtaken when any of the next,
 * sent m intervals later, is there before: when it passes the queue and m interval < x, or
 * when its own delay is less than x - m interval. So
 *
 *     in order = sum over x of P(x) product over m of (1 - present P(overtakes by m))
 *
 * where the packets that may pass the queue follow netem's gap counter. With a rate or x-fifo
 * jitter does not change the order, and only what passes the queue does.
 */
#ifndef NETSIM_ORDER_H
#define NETSIM_ORDER_H

#include "netsim/report/delays.h"
#include "netsim/report/losses.h"

/* What is sent: packets of one size at a steady pace. */
struct netsim_traffic {
    int64_t interval_ns; /* at least 1 */
    uint32_t size_bytes; /* as netem sees it, headers included */
};

struct netsim_order {
    double early_asked; /* `reorder` as written */
    double early;       /* share of packets that pass the queue */
    double late;        /* share of those that arrive which arrive after a later one */
    bool about;         /* close, but not exact */
    bool unknown;       /* there is no formula for late: packets queue for a line or a slot */
};

void netsim_order(struct netsim_order *order, const struct netsim_words *words,
                  const struct netsim_delays *delays, const struct netsim_losses *losses,
                  const struct netsim_traffic *traffic);

#endif
