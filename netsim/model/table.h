/*
 * table.h - the shapes of jitter: 4096 quantiles, in 1/8192 of the jitter.
 *
 *     normal        the inverse of the normal distribution's cdf at (i + 1/2) / 4096
 *     pareto        4/3 * (u^(-1/3) - 3/2) with u = (4096 - i) / 4096: Pareto with exponent 3,
 *                   moved to mean 0
 *     paretonormal  1/4 normal + 3/4 pareto
 *
 * capped at +-32767, four times the jitter.
 */
#ifndef NETSIM_TABLE_H
#define NETSIM_TABLE_H

#include "netsim/model/words.h"

#define NETSIM_TABLE_SIZE 4096

/* table[i] grows with i. Uniform has no table: false. */
bool netsim_table_fill(int16_t table[NETSIM_TABLE_SIZE], enum netsim_distribution distribution);

/*
 * The delay for one draw: delay + jitter * table[draw % 4096] / 8192, rounded half away from
 * zero; table NULL: draw % (2 * jitter) + delay - jitter. No jitter: delay. jitter <=
 * INT32_MAX.
 */
int64_t netsim_table_delay_ns(const int16_t *table, uint32_t draw, int64_t delay_ns,
                              int64_t jitter_ns);

#endif
