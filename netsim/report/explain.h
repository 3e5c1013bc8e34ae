/*
 * explain.h - what a plan does to packets, told in plain sentences or as JSON, by formula.
 *
 * For each stage and each step of its schedule: what happens, in the order in which it does,
 * then warnings (warnings.h). With more than one stage, or a way back, also the whole.
 */
#ifndef NETSIM_EXPLAIN_H
#define NETSIM_EXPLAIN_H

#include <stdio.h>

#include "netsim/model/plan.h"
#include "netsim/report/forecast.h"

/* back: the way back, or NULL. 0, or -1: not written, or out of memory (errno). */
int netsim_explain_text(FILE *out, const struct netsim_plan *plan,
                        const struct netsim_plan *back, const struct netsim_traffic *traffic);
int netsim_explain_json(FILE *out, const struct netsim_plan *plan,
                        const struct netsim_plan *back, const struct netsim_traffic *traffic);

/* All stages of a plan together, each with its first words: losses and delays add up. */
struct netsim_sum {
    double lost; /* of packets */
    double delay_min_ns, delay_mean_ns, delay_max_ns;
    double line_pps; /* the slowest line; 0: any */
};
void netsim_sum_up(struct netsim_sum *sum, const struct netsim_plan *plan,
                   const struct netsim_traffic *traffic);

#endif
