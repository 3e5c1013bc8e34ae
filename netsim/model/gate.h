/*
 * gate.h - what a stage drops before anything else: x-drop, x-blackout, x-mtu; and x-rebind.
 *
 * x-drop counts the packets that came to this stage. Times count from the start of the plan,
 * so a change of words moves no blackout and no rebind.
 */
#ifndef NETSIM_GATE_H
#define NETSIM_GATE_H

#include "netsim/model/link.h"
#include "netsim/model/plan.h"

struct netsim_gate {
    uint64_t arrived;
};

/* May a packet with so many bytes from the IP header on pass? */
enum netsim_why netsim_gate_judge(struct netsim_gate *gate, const struct netsim_words *words,
                                  uint32_t ip_len, uint64_t now_ns);

/* How often x-rebind has struck in this stage by now. */
uint64_t netsim_gate_rebinds(const struct netsim_stage *stage, uint64_t now_ns);
/* When it strikes next, later than after_ns; BELAY_NEVER: not again. */
uint64_t netsim_gate_next_rebind(const struct netsim_stage *stage, uint64_t after_ns);

#endif
