/*
 * store.h - things of one size from memory that is taken in advance.
 *
 * What was reserved cannot fail, and its pages are touched only as they are used. Beyond that
 * memory is taken in small slabs. Everything is kept until the end.
 */
#ifndef NETSIM_STORE_H
#define NETSIM_STORE_H

#include "base/memory.h"

struct netsim_slab;

struct netsim_store {
    struct belay_mem *mem;
    size_t item_bytes;
    size_t capacity;                  /* items, in use or not */
    struct netsim_slab *slabs, *open; /* all; the one whose items are handed out now */
    void *free;                       /* those that came back, the last one first */
};

/* item_bytes: a sizeof, or more by a multiple of 8. */
void netsim_store_init(struct netsim_store *store, size_t item_bytes, struct belay_mem *mem);
void netsim_store_dispose(struct netsim_store *store);

/* Memory for so many items in all. 0 or BELAY_ENOMEM. */
int netsim_store_reserve(struct netsim_store *store, size_t items);

/* Not cleared; NULL: no memory. */
void *netsim_store_take(struct netsim_store *store);
void netsim_store_give(struct netsim_store *store, void *item);

#endif
