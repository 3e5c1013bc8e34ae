/*
 * assembly.h - one message being put together from parts that come in any order, twice, or
 * overlapping.
 *
 * Up to BELAY_INBOX_CHUNK bytes it is one block from the start; a larger one takes its chunks
 * as parts arrive, so that announcing a large message costs the peer its bytes before it costs
 * us memory.
 */
#ifndef BELAY_DELIVERY_ASSEMBLY_H
#define BELAY_DELIVERY_ASSEMBLY_H

#include "delivery/inbox.h"

/*
 * Ranges with gaps between them that a message of this size may have. Honest senders cut
 * pieces of about a packet (1200 bytes), so that even with every second packet lost there is
 * one range in about 2400 bytes; a quarter of that is left for odd cuts. Without a bound,
 * one-byte parts would cost us 16 bytes of ranges each, and a long memmove.
 */
#define BELAY_ASSEMBLY_RANGES_MAX(total) ((size_t)(total) / 512 + 64)

struct belay_assembly {
    struct belay_ranges received;
    uint8_t *data;    /* all of it, or NULL when it is in chunks */
    uint8_t **chunks; /* each NULL until a part of it came */
    size_t total;
    size_t held; /* bytes of data or chunks */
};

/* total > 0. NULL when out of memory. */
struct belay_assembly *belay_assembly_new(struct belay_pool *pool, size_t total);
void belay_assembly_free(struct belay_assembly *a, struct belay_pool *pool);

/* len > 0 bytes at offset, within total. 1: something new; 0: all known; BELAY_ENOMEM;
 * BELAY_ELIMIT: too many gaps. */
int belay_assembly_add(struct belay_assembly *a, struct belay_pool *pool, size_t offset,
                       const uint8_t *data, size_t len);

static inline bool belay_assembly_is_complete(const struct belay_assembly *a)
{
    return belay_ranges_has_all(&a->received, 0, a->total);
}

/* Frees a complete assembly but for its bytes: the block of total bytes, now the caller's.
 * NULL when out of memory; the assembly then stands. */
uint8_t *belay_assembly_finish(struct belay_assembly *a, struct belay_pool *pool);

#endif
