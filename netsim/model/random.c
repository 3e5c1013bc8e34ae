#include "netsim/model/random.h"

/* Each component needs a state above its lowest ignored bits (L'Ecuyer, table 1). */
static uint32_t at_least(uint32_t value, uint32_t least)
{
    return value < least ? value + least : value;
}

void netsim_random_init(struct netsim_random *random, uint64_t seed)
{
    uint32_t i = (uint32_t)((seed >> 32) ^ (seed << 10) ^ seed);

    random->s[0] = at_least(i, 2);
    random->s[1] = at_least(i, 8);
    random->s[2] = at_least(i, 16);
    random->s[3] = at_least(i, 128);
}

/* One step of a component: k - q, q and s of the paper's table are given as shifts. */
static uint32_t step(uint32_t z, unsigned q, unsigned shift, uint32_t mask, unsigned s)
{
    return ((z & mask) << s) ^ (((z << q) ^ z) >> shift);
}

uint32_t netsim_random_draw(struct netsim_random *random)
{
    uint32_t *s = random->s;

    s[0] = step(s[0], 6, 13, UINT32_C(0xfffffffe), 18);
    s[1] = step(s[1], 2, 27, UINT32_C(0xfffffff8), 2);
    s[2] = step(s[2], 13, 21, UINT32_C(0xfffffff0), 7);
    s[3] = step(s[3], 3, 12, UINT32_C(0xffffff80), 13);
    return s[0] ^ s[1] ^ s[2] ^ s[3];
}

uint32_t netsim_random_below(struct netsim_random *random, uint32_t bound)
{
    return (uint32_t)(((uint64_t)netsim_random_draw(random) * bound) >> 32);
}

uint32_t netsim_correlated_draw(struct netsim_correlated *state, struct netsim_random *random)
{
    uint32_t u = netsim_random_draw(random);
    uint64_t rho;

    if (state->rho == 0)
        return u;
    rho = (uint64_t)state->rho + 1;
    state->last = (uint32_t)((u * ((UINT64_C(1) << 32) - rho) + state->last * rho) >> 32);
    return state->last;
}

uint64_t netsim_seed_derive(uint64_t seed, unsigned stream)
{
    uint64_t z = seed + stream * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
