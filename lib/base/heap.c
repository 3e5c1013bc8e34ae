#include "base/heap.h"

#define CAPACITY_FIRST 16

void belay_heap_init(struct belay_heap *heap, struct belay_mem *mem)
{
    *heap = (struct belay_heap){.mem = mem};
}

void belay_heap_dispose(struct belay_heap *heap)
{
    belay_mem_free(heap->mem, heap->nodes, heap->capacity * sizeof(struct belay_heap_node *));
    belay_heap_init(heap, heap->mem);
}

int belay_heap_reserve(struct belay_heap *heap, size_t count)
{
    const size_t unit = sizeof(struct belay_heap_node *);
    if (count <= heap->capacity)
        return 0;
    size_t capacity = heap->capacity > 0 ? heap->capacity : CAPACITY_FIRST;
    while (capacity < count) {
        if (capacity > SIZE_MAX / 2 / unit)
            return BELAY_ENOMEM;
        capacity *= 2;
    }
    void *nodes =
        belay_mem_resize(heap->mem, heap->nodes, heap->capacity * unit, capacity * unit);
    if (nodes == NULL)
        return BELAY_ENOMEM;
    heap->nodes = nodes;
    heap->capacity = capacity;
    return 0;
}

static bool is_before(const struct belay_heap_node *a, const struct belay_heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->serial < b->serial;
}

/* Slots count from 1: the parent of slot s is s / 2, its children are 2 s and 2 s + 1. */
static void put(struct belay_heap *heap, struct belay_heap_node *node, size_t slot)
{
    heap->nodes[slot - 1] = node;
    node->slot = slot;
}

/* Finds the node's place from slot on, upwards then downwards; slot itself is free. */
static void sift(struct belay_heap *heap, struct belay_heap_node *node, size_t slot)
{
    while (slot > 1 && is_before(node, heap->nodes[slot / 2 - 1])) {
        put(heap, heap->nodes[slot / 2 - 1], slot);
        slot /= 2;
    }
    while (slot <= heap->count / 2) {
        size_t child = slot * 2;
        if (child < heap->count && is_before(heap->nodes[child], heap->nodes[child - 1]))
            child++;
        if (!is_before(heap->nodes[child - 1], node))
            break;
        put(heap, heap->nodes[child - 1], slot);
        slot = child;
    }
    put(heap, node, slot);
}

int belay_heap_set(struct belay_heap *heap, struct belay_heap_node *node, uint64_t key)
{
    if (node->slot != 0 && node->key == key)
        return 0;
    if (node->slot == 0) {
        if (belay_heap_reserve(heap, heap->count + 1) != 0)
            return BELAY_ENOMEM;
        node->slot = ++heap->count;
    }
    node->key = key;
    node->serial = heap->next_serial++;
    sift(heap, node, node->slot);
    return 0;
}

void belay_heap_remove(struct belay_heap *heap, struct belay_heap_node *node)
{
    if (node->slot == 0)
        return;
    size_t slot = node->slot;
    struct belay_heap_node *last = heap->nodes[--heap->count];
    if (last != node)
        sift(heap, last, slot);
    node->slot = 0;
}

struct belay_heap_node *belay_heap_first(const struct belay_heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}
