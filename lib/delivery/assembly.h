/*
 * assembly.h - one message being put together from parts that come in any order, twice, or
 * overlapping.
 *
 * It is cut into sections, each with what came of it and its bytes, so that a part costs the
 * same however large the message is and wherever it belongs. A section is one block if the part
 * that opens it pays for it, with at least 1 / BELAY_ASSEMBLY_PAYS of its bytes, as every part
 * of about a packet does; else it takes its chunks as parts come. So announcing a large message
 * costs the peer its bytes before it costs us memory.
 */
#ifndef BELAY_DELIVERY_ASSEMBLY_H
#define BELAY_DELIVERY_ASSEMBLY_H

#include "delivery/inbox.h"

#define BELAY_ASSEMBLY_SECTION 65536
#define BELAY_ASSEMBLY_CHUNK   4096
#define BELAY_ASSEMBLY_PAYS    64

/*
 * Ranges with gaps between them that a section of this many bytes may have. Honest senders cut
 * pieces of about a packet (1200 bytes), so that even with every second packet lost there is
 * one range in about 2400 bytes; a quarter of that is left for odd cuts. Without a bound,
 * one-byte parts would cost us 16 bytes of ranges each, and a long memmove.
 */
#define BELAY_ASSEMBLY_RANGES_MAX(bytes) ((size_t)(bytes) / 512 + 64)

struct belay_assembly_section {
    struct belay_ranges received;
    uint8_t *data;    /* all of it, or NULL */
    uint8_t **chunks; /* each NULL until a part of it came; or NULL */
};

struct belay_assembly {
    size_t total;
    size_t held;     /* bytes of data and chunks */
    size_t complete; /* sections */
    size_t count;
    struct belay_assembly_section **sections; /* each NULL until a part of it came */
    struct belay_assembly_section only;       /* of a message that has but one */
    struct belay_assembly_section *only_place;
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
    return a->complete == a->count;
}

/* Frees a complete assembly but for its bytes: the block of total bytes, now the caller's.
 * NULL when out of memory; the assembly then stands. */
uint8_t *belay_assembly_finish(struct belay_assembly *a, struct belay_pool *pool);

#endif
