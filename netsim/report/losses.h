/*
 * losses.h - how many packets a link's words lose and double, by formula.
 *
 * A packet makes one loss draw, or two when it is duplicated and not lost: then the copy makes
 * its own. Duplicated and lost at a time leaves one. The models of loss are chains of at most
 * four states; with duplication the chain takes one step or two a packet. All shares are those
 * of the chain's stationary distribution (from its first state, where there are several).
 */
#ifndef NETSIM_LOSSES_H
#define NETSIM_LOSSES_H

#include "netsim/report/chance.h"
#include "netsim/model/words.h"

struct netsim_losses {
    double asked;  /* a random loss's percentage as written; for the models, events */
    double events; /* packets that meet a loss: dropped, or marked by ecn */
    double lost;   /* packets of which nothing arrives; no sender uses ECN */
    double twice;  /* packets that arrive twice */
    double burst;  /* how many are lost in a row, on average; 0: none are */
    double duplicate_asked, duplicate; /* packets that are doubled, if they are not lost */
    /* A correlated loss together with duplicates: lost, twice and burst are close, not exact.
     */
    bool about;
};

void netsim_losses(struct netsim_losses *losses, const struct netsim_words *words);

#endif
