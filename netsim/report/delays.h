/*
 * delays.h - the distribution of a link's delay, by formula: 4096 points of jitter (a table's
 * own, or as many of the uniform one), each cut at 0 as netem does, and with x-fifo the running
 * maximum.
 *
 *     uniform   draw % 2J + T - J; 2^32 is no multiple of 2J, so low values are likelier by up
 *               to 1 in 2^32 / 2J: from a jitter of some tenths of a second on one sees it
 *     x-fifo    P(delay <= y) = product over m >= 0 of P(jitter's delay <= y + m interval)
 *
 * netem's correlation of delay is left out of all, for it has no effect as long as the draws
 * of one step go round 2J (or a table) many times; `correlated` tells where they don't.
 */
#ifndef NETSIM_DELAYS_H
#define NETSIM_DELAYS_H

#include "netsim/model/table.h"
#include "netsim/model/words.h"

#define NETSIM_DELAYS_POINTS NETSIM_TABLE_MAX

struct netsim_delays {
    int64_t delay_ns, jitter_ns;
    bool uniform;                        /* jitter, but no table */
    bool correlated;                     /* and it matters: the shares are not right */
    unsigned count;                      /* of points, 1 without jitter */
    int64_t at_ns[NETSIM_DELAYS_POINTS]; /* ascending; may be negative */
    double weight[NETSIM_DELAYS_POINTS];
};

struct netsim_delays_summary {
    double min_ns, max_ns, mean_ns, p50_ns, p99_ns;
    double at_once; /* share of delays of 0 and less */
};

/* About 256 kB: not for the stack. */
void netsim_delays(struct netsim_delays *delays, const struct netsim_words *words);

/* The chance of a delay (cut at 0) of less than y. */
double netsim_delays_below(const struct netsim_delays *delays, int64_t y_ns);

/* interval_ns matters for x-fifo alone: packets that are not lost come every so often, each
 * with the chance `present`. */
void netsim_delays_sum_up(const struct netsim_delays *delays, bool fifo, int64_t interval_ns,
                          double present, struct netsim_delays_summary *summary);

#endif
