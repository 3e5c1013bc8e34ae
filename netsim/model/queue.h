/*
 * queue.h - the packets inside a link, in the order in which they leave.
 *
 * First those that pass the queue, last in first out; then the delayed, by time, equal times
 * in the order in which they came. Entries come from slabs that are kept until the end.
 */
#ifndef NETSIM_QUEUE_H
#define NETSIM_QUEUE_H

#include "base/heap.h"
#include "netsim/model/link.h"

struct netsim_entry {
    struct belay_heap_node node;
    struct netsim_entry *next; /* below it on the stack of early ones, or of free ones */
    struct netsim_entry *twin; /* the other copy, while it is queued too */
    struct netsim_packet packet;
    uint64_t sent_ns;
    int64_t time_ns; /* when it may leave; may be negative */
    int64_t corrupt_bit;
    bool ce, duplicate, reordered;
};

struct netsim_slab;

struct netsim_queue {
    struct belay_mem *mem;
    struct belay_heap delayed;
    struct netsim_entry *early, *free;
    int64_t oldest_early_ns; /* the time of the stack's lowest */
    int64_t greatest_ns;     /* the greatest time among the delayed */
    size_t count, capacity;
    struct netsim_slab *slabs;
};

void netsim_queue_init(struct netsim_queue *queue, struct belay_mem *mem);
void netsim_queue_dispose(struct netsim_queue *queue);

/* A blank entry that can be pushed, or NULL: no memory. */
struct netsim_entry *netsim_queue_take(struct netsim_queue *queue);
void netsim_queue_give(struct netsim_queue *queue, struct netsim_entry *entry);

/* By entry->time_ns. */
void netsim_queue_push(struct netsim_queue *queue, struct netsim_entry *entry);
void netsim_queue_push_early(struct netsim_queue *queue, struct netsim_entry *entry);

/* The next to leave, or NULL. */
struct netsim_entry *netsim_queue_first(const struct netsim_queue *queue);
/* Takes it out; twins learn of it. Give it back after use. */
struct netsim_entry *netsim_queue_pop(struct netsim_queue *queue);

/* false: empty. The greatest time to send in the queue: where a line gets free. */
bool netsim_queue_greatest(const struct netsim_queue *queue, int64_t *time_ns);

#endif
