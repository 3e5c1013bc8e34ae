#include "netsim/model/store.h"

#include <string.h>

#define SLAB_ITEMS 64

struct netsim_slab {
    struct netsim_slab *next;
    size_t items, used;
    uint64_t bytes[]; /* so that what begins here is aligned */
};

static size_t slab_bytes(const struct netsim_store *store, size_t items)
{
    return sizeof(struct netsim_slab) + items * store->item_bytes;
}

void netsim_store_init(struct netsim_store *store, size_t item_bytes, struct belay_mem *mem)
{
    *store = (struct netsim_store){.mem = mem, .item_bytes = item_bytes};
}

void netsim_store_dispose(struct netsim_store *store)
{
    while (store->slabs != NULL) {
        struct netsim_slab *slab = store->slabs;

        store->slabs = slab->next;
        belay_mem_free(store->mem, slab, slab_bytes(store, slab->items));
    }
    netsim_store_init(store, store->item_bytes, store->mem);
}

/* Behind those that are there, so that `open` comes by all of them. */
static void append(struct netsim_store *store, struct netsim_slab *slab)
{
    struct netsim_slab **end = &store->open;

    if (store->slabs == NULL)
        store->slabs = slab;
    while (*end != NULL)
        end = &(*end)->next;
    *end = slab;
}

int netsim_store_reserve(struct netsim_store *store, size_t items)
{
    struct netsim_slab *slab;

    if (items <= store->capacity)
        return 0;
    if (items > SIZE_MAX / 2 / store->item_bytes)
        return BELAY_ENOMEM;
    slab = belay_mem_alloc(store->mem, slab_bytes(store, items - store->capacity));
    if (slab == NULL)
        return BELAY_ENOMEM;
    slab->next = NULL;
    slab->items = items - store->capacity;
    slab->used = 0;
    append(store, slab);
    store->capacity = items;
    return 0;
}

/* The next item that was never used, or NULL. */
static void *take_new(struct netsim_store *store)
{
    struct netsim_slab *slab = store->open;

    if (slab == NULL)
        return NULL;
    if (slab->used == slab->items && slab->next != NULL)
        store->open = slab = slab->next;
    if (slab->used == slab->items)
        return NULL;
    return (char *)slab->bytes + slab->used++ * store->item_bytes;
}

void *netsim_store_take(struct netsim_store *store)
{
    void *item = store->free;

    if (item != NULL) {
        memcpy(&store->free, item, sizeof(store->free));
        return item;
    }
    item = take_new(store);
    if (item != NULL)
        return item;
    if (netsim_store_reserve(store, store->capacity + SLAB_ITEMS) != 0)
        return NULL;
    return take_new(store);
}

void netsim_store_give(struct netsim_store *store, void *item)
{
    memcpy(item, &store->free, sizeof(store->free));
    store->free = item;
}
