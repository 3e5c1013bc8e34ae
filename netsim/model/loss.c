#include "netsim/model/loss.h"

void netsim_loss_init(struct netsim_loss *loss, const struct netsim_words *words, uint32_t last)
{
    *loss = (struct netsim_loss){.correlated.last = last, .state = NETSIM_GAP_DELIVERED};
    netsim_loss_change(loss, words);
}

void netsim_loss_change(struct netsim_loss *loss, const struct netsim_words *words)
{
    loss->model = words->loss_model;
    loss->probability = words->loss;
    loss->correlated.rho = words->loss_corr;
    loss->p13 = words->p13;
    loss->p31 = words->p31;
    loss->p32 = words->p32;
    loss->p23 = words->p23;
    loss->p14 = words->p14;
    loss->p = words->ge_p;
    loss->r = words->ge_r;
    loss->h = words->ge_h;
    loss->one_minus_k = words->ge_1k;
}

static enum netsim_loss_state next_state(const struct netsim_loss *loss, uint32_t u)
{
    switch (loss->state) {
    case NETSIM_GAP_DELIVERED:
        if (u < loss->p14)
            return NETSIM_GAP_LOST;
        return u < (uint64_t)loss->p13 + loss->p14 ? NETSIM_BURST_LOST : NETSIM_GAP_DELIVERED;
    case NETSIM_BURST_DELIVERED:
        return u < loss->p23 ? NETSIM_BURST_LOST : NETSIM_BURST_DELIVERED;
    case NETSIM_BURST_LOST:
        if (u < loss->p32)
            return NETSIM_BURST_DELIVERED;
        return u < (uint64_t)loss->p31 + loss->p32 ? NETSIM_GAP_DELIVERED : NETSIM_BURST_LOST;
    case NETSIM_GAP_LOST:
        break;
    }
    return NETSIM_GAP_DELIVERED;
}

static bool state_event(struct netsim_loss *loss, struct netsim_random *random)
{
    loss->state = next_state(loss, netsim_random_draw(random));
    return loss->state == NETSIM_GAP_LOST || loss->state == NETSIM_BURST_LOST;
}

/* The second draw is judged by the state before the first one's transition. */
static bool gemodel_event(struct netsim_loss *loss, struct netsim_random *random)
{
    bool was_bad = loss->bad;
    uint32_t move = netsim_random_draw(random);
    uint32_t hit = netsim_random_draw(random);

    if (was_bad)
        loss->bad = move >= loss->r;
    else
        loss->bad = move < loss->p;
    return was_bad ? hit > loss->h : hit < loss->one_minus_k;
}

bool netsim_loss_event(struct netsim_loss *loss, struct netsim_random *random)
{
    switch (loss->model) {
    case NETSIM_LOSS_RANDOM:
        return loss->probability > 0 &&
               loss->probability >= netsim_correlated_draw(&loss->correlated, random);
    case NETSIM_LOSS_STATE:
        return state_event(loss, random);
    case NETSIM_LOSS_GEMODEL:
        return gemodel_event(loss, random);
    case NETSIM_LOSS_NONE:
        break;
    }
    return false;
}
