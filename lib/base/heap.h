/*
 * heap.h - a heap of intrusive nodes, least key first; equal keys leave in the order in which
 * they came. O(log n) insert, update and remove; O(1) least. The keys are in the heap's own
 * array: to compare two does not touch their owners' memory, which of many is in no cache.
 *
 * Embed struct belay_heap_node and get back to the owner with BELAY_CONTAINER.
 */
#ifndef BELAY_BASE_HEAP_H
#define BELAY_BASE_HEAP_H

#include "base/memory.h"

#define BELAY_CONTAINER(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

struct belay_heap_node {
    size_t slot; /* 1-based place in the heap; 0: not in one */
};

struct belay_heap_entry {
    uint64_t key;
    uint64_t serial; /* breaks ties */
    struct belay_heap_node *node;
};

struct belay_heap {
    struct belay_mem *mem;
    struct belay_heap_entry *entries;
    size_t count, capacity;
    uint64_t next_serial;
};

void belay_heap_init(struct belay_heap *heap, struct belay_mem *mem);
void belay_heap_dispose(struct belay_heap *heap); /* frees the array, not the nodes */

/* Makes room for count nodes in all, so that set cannot fail. 0 or BELAY_ENOMEM. */
int belay_heap_reserve(struct belay_heap *heap, size_t count);

/* Inserts the node, or moves it when it is in already: it then leaves after those that have
 * its new key; with the same key it keeps its place. 0 or BELAY_ENOMEM (only insertion). */
int belay_heap_set(struct belay_heap *heap, struct belay_heap_node *node, uint64_t key);
void belay_heap_remove(struct belay_heap *heap, struct belay_heap_node *node); /* or no-op */

/* NULL when empty; and its key, then UINT64_MAX. */
struct belay_heap_node *belay_heap_first(const struct belay_heap *heap);
uint64_t belay_heap_first_key(const struct belay_heap *heap);

#endif
