#include "netsim/model/queue.h"

#define SLAB_ENTRIES 64

struct netsim_slab {
    struct netsim_slab *next;
    struct netsim_entry entries[SLAB_ENTRIES];
};

/* Keys of the heap are unsigned, times are not. */
static uint64_t heap_key(int64_t time_ns)
{
    return (uint64_t)time_ns ^ UINT64_C(1) << 63;
}

void netsim_queue_init(struct netsim_queue *queue, struct belay_mem *mem)
{
    *queue = (struct netsim_queue){.mem = mem};
    belay_heap_init(&queue->delayed, mem);
}

void netsim_queue_dispose(struct netsim_queue *queue)
{
    while (queue->slabs != NULL) {
        struct netsim_slab *slab = queue->slabs;

        queue->slabs = slab->next;
        belay_mem_free(queue->mem, slab, sizeof(*slab));
    }
    belay_heap_dispose(&queue->delayed);
}

/* Room in the heap comes with the entries, so that a push cannot fail. */
static bool grow(struct netsim_queue *queue)
{
    struct netsim_slab *slab;

    if (belay_heap_reserve(&queue->delayed, queue->capacity + SLAB_ENTRIES) != 0)
        return false;
    slab = belay_mem_alloc(queue->mem, sizeof(*slab));
    if (slab == NULL)
        return false;
    slab->next = queue->slabs;
    queue->slabs = slab;
    queue->capacity += SLAB_ENTRIES;
    for (size_t i = 0; i < SLAB_ENTRIES; i++)
        netsim_queue_give(queue, &slab->entries[i]);
    return true;
}

struct netsim_entry *netsim_queue_take(struct netsim_queue *queue)
{
    struct netsim_entry *entry;

    if (queue->free == NULL && !grow(queue))
        return NULL;
    entry = queue->free;
    queue->free = entry->next;
    *entry = (struct netsim_entry){.corrupt_bit = -1};
    return entry;
}

void netsim_queue_give(struct netsim_queue *queue, struct netsim_entry *entry)
{
    entry->next = queue->free;
    queue->free = entry;
}

void netsim_queue_push(struct netsim_queue *queue, struct netsim_entry *entry)
{
    /* What is greatest leaves last, so it stands until the heap is empty. */
    if (queue->delayed.count == 0 || entry->time_ns > queue->greatest_ns)
        queue->greatest_ns = entry->time_ns;
    (void)belay_heap_set(&queue->delayed, &entry->node, heap_key(entry->time_ns));
    queue->count++;
}

void netsim_queue_push_early(struct netsim_queue *queue, struct netsim_entry *entry)
{
    if (queue->early == NULL)
        queue->oldest_early_ns = entry->time_ns;
    entry->reordered = true;
    entry->next = queue->early;
    queue->early = entry;
    queue->count++;
}

struct netsim_entry *netsim_queue_first(const struct netsim_queue *queue)
{
    struct belay_heap_node *node;

    if (queue->early != NULL)
        return queue->early;
    node = belay_heap_first(&queue->delayed);
    return node == NULL ? NULL : BELAY_CONTAINER(node, struct netsim_entry, node);
}

struct netsim_entry *netsim_queue_pop(struct netsim_queue *queue)
{
    struct netsim_entry *entry = netsim_queue_first(queue);

    if (entry == NULL)
        return NULL;
    if (entry == queue->early)
        queue->early = entry->next;
    else
        belay_heap_remove(&queue->delayed, &entry->node);
    if (entry->twin != NULL)
        entry->twin->twin = NULL;
    queue->count--;
    return entry;
}

bool netsim_queue_greatest(const struct netsim_queue *queue, int64_t *time_ns)
{
    bool delayed = queue->delayed.count > 0, early = queue->early != NULL;

    if (delayed)
        *time_ns = queue->greatest_ns;
    if (early && (!delayed || queue->oldest_early_ns > *time_ns))
        *time_ns = queue->oldest_early_ns;
    return delayed || early;
}
