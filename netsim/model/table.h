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

#define NETSIM_TABLE_SIZE 4096  /* of those made by formula */
#define NETSIM_TABLE_MAX  16384 /* the kernel's bound */

struct netsim_table {
    uint32_t size; /* 1 .. NETSIM_TABLE_MAX */
    int16_t value[NETSIM_TABLE_MAX];
};

/* value[i] grows with i. Uniform and from a file: false, and nothing filled. */
bool netsim_table_fill(struct netsim_table *table, enum netsim_distribution distribution);

/* Reads len bytes of tc's .dist format: whole numbers between blanks and ends of lines, `#`
 * begins a comment. NULL, or a sentence part on what is wrong, with *line where (from 1). */
const char *netsim_table_parse(struct netsim_table *table, const char *text, size_t len,
                               size_t *line);

/*
 * The delay for one draw: delay + jitter * value[draw % size] / 8192, rounded half away from
 * zero; table NULL: draw % (2 * jitter) + delay - jitter. No jitter: delay. jitter <=
 * INT32_MAX.
 */
int64_t netsim_table_delay_ns(const struct netsim_table *table, uint32_t draw, int64_t delay_ns,
                              int64_t jitter_ns);

#endif
