/*
 * rate.h - how long a packet takes on a line of so many bytes a second.
 *
 *     bytes = len + packet overhead, at least 0
 *     with cells: bytes = ceil(bytes / cell) * (cell + cell overhead)
 *     time  = floor(bytes * 10^9 / rate)
 */
#ifndef NETSIM_RATE_H
#define NETSIM_RATE_H

#include "netsim/model/words.h"

/* 0 when the words have no rate. At most INT64_MAX. */
int64_t netsim_rate_time_ns(const struct netsim_words *words, uint32_t len);

#endif
