/*
 * queue.h - the packets inside a link, in the order in which they leave.
 *
 * First those that pass the queue, last in first out; then the delayed, by time, equal times
 * in the order in which they came: a heap of four children a node, whose keys lie side by
 * side, so that a queue longer than the processor's caches is not slow.
 */
#ifndef NETSIM_QUEUE_H
#define NETSIM_QUEUE_H

#include "netsim/model/link.h"
#include "netsim/model/store.h"

struct netsim_entry {
    struct netsim_entry *next; /* below it on the stack of early ones */
    struct netsim_entry *twin; /* the other copy, while it is queued too */
    struct netsim_packet packet;
    uint64_t sent_ns;
    int64_t time_ns; /* when it may leave; may be negative */
    int64_t corrupt_bit;
    bool ce, duplicate, reordered;
};

/* A node of the heap. */
struct netsim_due {
    int64_t time_ns;
    uint64_t serial; /* breaks ties */
    struct netsim_entry *entry;
};

struct netsim_queue {
    struct netsim_store store;
    struct netsim_due *delayed;
    size_t delayed_count, delayed_max;
    uint64_t next_serial;
    struct netsim_entry *early;
    int64_t oldest_early_ns; /* the time of the stack's lowest */
    int64_t greatest_ns;     /* the greatest time among the delayed */
    size_t count;
};

void netsim_queue_init(struct netsim_queue *queue, struct belay_mem *mem);
void netsim_queue_dispose(struct netsim_queue *queue);

/* Memory for count entries in all, so that taking so many cannot fail. 0 or BELAY_ENOMEM. */
int netsim_queue_reserve(struct netsim_queue *queue, size_t count);

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
