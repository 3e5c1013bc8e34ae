/*
 * pool.h - blocks in size classes, kept for reuse: the steady state allocates nothing.
 *
 * Classes are 64, 96, 128, 192, 256 ... 65,536 bytes, so that at most a third of a block is
 * unused; larger blocks go straight to memory. A pool keeps at most keep_bytes of free blocks
 * and returns the rest at once. Blocks are aligned as those of the memory function are (with
 * malloc: for any type).
 *
 * The block given last is taken first. A free block is not touched, for it may have left the
 * cache long since: every so many of them, one lists the others, by their addresses.
 */
#ifndef BELAY_BASE_POOL_H
#define BELAY_BASE_POOL_H

#include "base/memory.h"

#define BELAY_POOL_CLASSES 21

struct belay_pool_page;

struct belay_pool_list {
    struct belay_pool_page *page; /* the first of those that list free blocks; NULL: none */
    uint32_t count;               /* of blocks that it lists */
};

struct belay_pool {
    struct belay_mem *mem;
    struct belay_pool_list free[BELAY_POOL_CLASSES];
    size_t kept_bytes, keep_bytes;
};

void belay_pool_init(struct belay_pool *pool, struct belay_mem *mem, size_t keep_bytes);
void belay_pool_dispose(struct belay_pool *pool);

/* NULL when out of memory. Give the same size back. size 0 is allowed (smallest class). */
void *belay_pool_take(struct belay_pool *pool, size_t size);
/* block NULL: nothing to do. */
void belay_pool_give(struct belay_pool *pool, void *block, size_t size);

#endif
