/*
 * loss.h - which packets are lost: netem's three models.
 *
 * random   lost when the correlated draw is at most P.
 * gemodel  Gilbert-Elliott: GOOD loses 1-k, BAD loses 1-h; GOOD turns BAD with p, back with
 *          r. Two draws a packet. With h = 0 and k = 1 the mean loss is p / (p + r), a burst
 *          has 1 / r packets.
 * state    GI: gaps with rare single losses (p14), bursts of losses (p13 in, p31 out) with
 *          deliveries inside (p32 to, p23 back). One draw a packet.
 *
 * Salsano, Ludovici, Ordine, Giannuzzi: "Definition of a general and intuitive loss model
 * for packet networks and its implementation in the Netem module in the Linux kernel", 2012.
 */
#ifndef NETSIM_LOSS_H
#define NETSIM_LOSS_H

#include "netsim/model/random.h"
#include "netsim/model/words.h"

enum netsim_loss_state {
    NETSIM_GAP_DELIVERED,
    NETSIM_GAP_LOST,
    NETSIM_BURST_DELIVERED,
    NETSIM_BURST_LOST,
};

struct netsim_loss {
    enum netsim_loss_model model;
    uint32_t probability;                /* random */
    struct netsim_correlated correlated; /* random */
    uint32_t p13, p31, p32, p23, p14;    /* state */
    enum netsim_loss_state state;
    uint32_t p, r, h, one_minus_k; /* gemodel */
    bool bad;
};

/* last: what a correlated draw leans on first. */
void netsim_loss_init(struct netsim_loss *loss, const struct netsim_words *words,
                      uint32_t last);

/* Other words, the same state. */
void netsim_loss_change(struct netsim_loss *loss, const struct netsim_words *words);

/* Is the next packet lost? Draws once (random, state), twice (gemodel) or never. */
bool netsim_loss_event(struct netsim_loss *loss, struct netsim_random *random);

#endif
