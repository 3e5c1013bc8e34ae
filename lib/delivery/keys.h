/*
 * keys.h - which sequence is whose: a key for each (channel, mode), and tables of pointers by
 * key that grow to the highest key used; and how many message numbers may be open in all
 * sequences together.
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
 * Open are a sequence's numbers from its lowest incomplete one to its highest that something
 * came of, or was sent of: the receiver remembers which of them came. Both sides know the
 * bound: docs/protocol.md, "Credit".
 */
static inline uint64_t belay_numbers_open_max(uint32_t window_messages)
{
    uint64_t most = 4 * (uint64_t)window_messages;
    return most > 16384 ? most : 16384;
}

/*
 * Makes room for key in a table of *capacity pointers (NULL and 0 at first); new ones are NULL.
 * The table, which may have moved, or NULL without memory: then nothing has changed.
 */
void *belay_keys_reserve(struct belay_mem *mem, void *table, size_t *capacity, size_t key);

#endif
