/*
 * keys.h - which sequence is whose: a key for each (channel, mode), and tables of pointers by
 * key that grow to the highest key used.
 */
#ifndef BELAY_DELIVERY_KEYS_H
#define BELAY_DELIVERY_KEYS_H

#include "base/memory.h"

#define BELAY_MODES 4 /* keys leave room for all; two are used */

static inline size_t belay_key(uint32_t channel, uint8_t mode)
{
    return (size_t)channel * BELAY_MODES + mode;
}

/*
 * Makes room for key in a table of *capacity pointers (NULL and 0 at first); new ones are NULL.
 * The table, which may have moved, or NULL without memory: then nothing has changed.
 */
void *belay_keys_reserve(struct belay_mem *mem, void *table, size_t *capacity, size_t key);

#endif
