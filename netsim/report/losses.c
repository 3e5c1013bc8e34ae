#include "netsim/report/losses.h"

#include <string.h>

#define STATES 4
#define DRAWS  4294967296.0

/* A loss event from a state: the chance of each next state, with and without a loss. */
struct chain {
    unsigned states;
    double move[STATES][2][STATES]; /* from, lost, to */
};

enum fate { NONE, ONE, TWO, FATES };

/* A packet from a state: the chance of each next state with each number that arrive. */
struct packets {
    unsigned states;
    double move[STATES][FATES][STATES];
};

static double below(uint32_t threshold)
{
    return threshold / DRAWS;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* After a loss the next comes with `again`, else with the chance that makes the mean right.
 * Where the first draw decides for ever, the mean is all there is to say. */
static struct chain random_chain(const struct netsim_chance *loss)
{
    double again = loss->again < 1 ? loss->again : loss->mean;
    double first = loss->mean < 1 ? loss->mean * (1 - again) / (1 - loss->mean) : 1;
    struct chain chain = {.states = 2};

    chain.move[0][0][0] = 1 - first;
    chain.move[0][1][1] = first;
    chain.move[1][0][0] = 1 - again;
    chain.move[1][1][1] = again;
    return chain;
}

/* The loss is judged by the state before the move. */
static struct chain gemodel_chain(const struct netsim_words *w)
{
    double lost[2] = {below(w->ge_1k), below(UINT32_MAX - w->ge_h)};
    double leave[2] = {below(w->ge_p), below(w->ge_r)};
    struct chain chain = {.states = 2};

    for (int from = 0; from < 2; from++)
        for (int to = 0; to < 2; to++) {
            double move = from == to ? 1 - leave[from] : leave[from];

            chain.move[from][1][to] = move * lost[from];
            chain.move[from][0][to] = move * (1 - lost[from]);
        }
    return chain;
}

/* The loss is the state after the move: 0 gap, 1 lost in a gap, 2 in a burst, 3 lost there. */
static struct chain state_chain(const struct netsim_words *w)
{
    struct chain chain = {.states = 4};
    double p14 = below(w->p14), p13 = least(below(w->p13), 1 - p14);
    double p32 = below(w->p32), p31 = least(below(w->p31), 1 - p32), p23 = below(w->p23);

    chain.move[0][1][1] = p14;
    chain.move[0][1][3] = p13;
    chain.move[0][0][0] = 1 - p14 - p13;
    chain.move[1][0][0] = 1;
    chain.move[2][1][3] = p23;
    chain.move[2][0][2] = 1 - p23;
    chain.move[3][0][2] = p32;
    chain.move[3][0][0] = p31;
    chain.move[3][1][3] = 1 - p32 - p31;
    return chain;
}

/* Lost and doubled leaves one. Doubled and not lost: the copy's event follows. */
static struct packets with_duplicates(const struct chain *chain, double d)
{
    struct packets packets = {.states = chain->states};

    for (unsigned s = 0; s < chain->states; s++)
        for (unsigned t = 0; t < chain->states; t++) {
            packets.move[s][NONE][t] += chain->move[s][1][t] * (1 - d);
            packets.move[s][ONE][t] += chain->move[s][1][t] * d;
            packets.move[s][ONE][t] += chain->move[s][0][t] * (1 - d);
            for (unsigned u = 0; u < chain->states; u++) {
                double copy = chain->move[s][0][t] * d;

                packets.move[s][ONE][u] += copy * chain->move[t][1][u];
                packets.move[s][TWO][u] += copy * chain->move[t][0][u];
            }
        }
    return packets;
}

static void square(double matrix[STATES][STATES])
{
    double out[STATES][STATES] = {{0}};

    for (int i = 0; i < STATES; i++) {
        double sum = 0;

        for (int j = 0; j < STATES; j++)
            for (int k = 0; k < STATES; k++)
                out[i][j] += matrix[i][k] * matrix[k][j];
        for (int j = 0; j < STATES; j++)
            sum += out[i][j];
        for (int j = 0; j < STATES; j++) /* keep rounding from adding up */
            out[i][j] = sum > 0 ? out[i][j] / sum : 0;
    }
    memcpy(matrix, out, sizeof(out));
}

/* Where the chain is in the long run: the lazy chain has the same share and no periods, and
 * 2^64 of its steps are enough. */
static void settle(const struct packets *packets, double share[STATES])
{
    double lazy[STATES][STATES] = {{0}};

    for (unsigned s = 0; s < packets->states; s++) {
        lazy[s][s] += 0.5;
        for (unsigned t = 0; t < packets->states; t++)
            for (int fate = 0; fate < FATES; fate++)
                lazy[s][t] += packets->move[s][fate][t] / 2;
    }
    for (int i = 0; i < 64; i++)
        square(lazy);
    memcpy(share, lazy[0], sizeof(lazy[0]));
}

static double chance_of(const struct packets *packets, unsigned from, enum fate fate)
{
    double sum = 0;

    for (unsigned t = 0; t < packets->states; t++)
        sum += packets->move[from][fate][t];
    return sum;
}

static void sum_up(struct netsim_losses *losses, const struct packets *packets)
{
    double share[STATES], both = 0;

    settle(packets, share);
    for (unsigned s = 0; s < packets->states; s++) {
        losses->lost += share[s] * chance_of(packets, s, NONE);
        losses->twice += share[s] * chance_of(packets, s, TWO);
        for (unsigned t = 0; t < packets->states; t++)
            both += share[s] * packets->move[s][NONE][t] * chance_of(packets, t, NONE);
    }
    if (losses->lost > 0)
        losses->burst =
            losses->lost > both ? losses->lost / (losses->lost - both) : 1 / below(1);
}

static struct chain loss_chain(struct netsim_losses *losses, const struct netsim_words *w)
{
    struct netsim_chance random = netsim_chance(w->loss, w->loss_corr);

    switch (w->loss_model) {
    case NETSIM_LOSS_RANDOM:
        losses->asked = random.asked;
        losses->about = w->loss_corr > 0 && w->duplicate > 0;
        return random_chain(&random);
    case NETSIM_LOSS_STATE:
        return state_chain(w);
    case NETSIM_LOSS_GEMODEL:
        return gemodel_chain(w);
    case NETSIM_LOSS_NONE:
        break;
    }
    return random_chain(&(struct netsim_chance){0, 0, 0});
}

void netsim_losses(struct netsim_losses *losses, const struct netsim_words *words)
{
    struct netsim_chance duplicate = netsim_chance(words->duplicate, words->duplicate_corr);
    struct netsim_losses alone = {0};
    struct chain chain;
    struct packets packets;

    *losses =
        (struct netsim_losses){.duplicate_asked = duplicate.asked, .duplicate = duplicate.mean};
    chain = loss_chain(losses, words);
    packets = with_duplicates(&chain, 0);
    sum_up(&alone, &packets);
    losses->events = alone.lost;
    if (words->loss_model != NETSIM_LOSS_RANDOM)
        losses->asked = alone.lost;
    packets = with_duplicates(&chain, duplicate.mean);
    sum_up(losses, &packets);
}
