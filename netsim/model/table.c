#include "netsim/model/table.h"

#include <math.h>

#define SCALE 8192
#define CAP   32767

/*
 * The x with Phi(x) = p, 0 < p < 1/2: Abramowitz and Stegun 26.2.23 as first guess (error
 * below 4.5e-4), then Newton's steps on erfc; two are enough for a double.
 */
static double normal_quantile(double p)
{
    const double sqrt_2pi = 2.50662827463100050242, sqrt_half = 0.70710678118654752440;
    double t = sqrt(-2 * log(p));
    double x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                         (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));

    for (int i = 0; i < 2; i++) {
        double error = 0.5 * erfc(-x * sqrt_half) - p;

        x -= error * sqrt_2pi * exp(x * x / 2);
    }
    return x;
}

static double cap(double value)
{
    return value > CAP ? CAP : value < -CAP ? -CAP : value;
}

static void fill_normal(int16_t *table)
{
    for (int i = 0; i < NETSIM_TABLE_SIZE / 2; i++) {
        double x = rint(cap(SCALE * normal_quantile((i + 0.5) / NETSIM_TABLE_SIZE)));

        table[i] = (int16_t)x;
        table[NETSIM_TABLE_SIZE - 1 - i] = (int16_t)-x;
    }
}

static int16_t pareto(int i)
{
    double u = (double)(NETSIM_TABLE_SIZE - i) / NETSIM_TABLE_SIZE;

    return (int16_t)rint(cap((1 / cbrt(u) - 1.5) * 4 / 3 * SCALE));
}

bool netsim_table_fill(int16_t table[NETSIM_TABLE_SIZE], enum netsim_distribution distribution)
{
    if (distribution == NETSIM_UNIFORM)
        return false;
    if (distribution == NETSIM_PARETO) {
        for (int i = 0; i < NETSIM_TABLE_SIZE; i++)
            table[i] = pareto(i);
        return true;
    }
    fill_normal(table);
    if (distribution == NETSIM_PARETONORMAL)
        for (int i = 0; i < NETSIM_TABLE_SIZE; i++)
            table[i] = (int16_t)(table[i] / 4.0 + pareto(i) * 3 / 4.0);
    return true;
}

int64_t netsim_table_delay_ns(const int16_t *table, uint32_t draw, int64_t delay_ns,
                              int64_t jitter_ns)
{
    int64_t t, x;

    if (jitter_ns == 0)
        return delay_ns;
    if (table == NULL)
        return (int64_t)(draw % (2 * (uint32_t)jitter_ns)) + delay_ns - jitter_ns;
    t = table[draw % NETSIM_TABLE_SIZE];
    x = (jitter_ns % SCALE) * t;
    x += x >= 0 ? SCALE / 2 : -SCALE / 2;
    return x / SCALE + (jitter_ns / SCALE) * t + delay_ns;
}
