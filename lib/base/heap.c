#include "base/heap.h"

#define CAPACITY_FIRST 16
/* Children of a slot: four lie together in memory, and the heap is half as high as with two. */
#define CHILDREN 4

void belay_heap_init(struct belay_heap *heap, struct belay_mem *mem)
{
    *heap = (struct belay_heap){.mem = mem};
}

void belay_heap_dispose(struct belay_heap *heap)
{
    belay_mem_free(heap->mem, heap->entries, heap->capacity * sizeof(*heap->entries));
    belay_heap_init(heap, heap->mem);
}

int belay_heap_reserve(struct belay_heap *heap, size_t count)
{
    const size_t unit = sizeof(*heap->entries);
    if (count <= heap->capacity)
        return 0;
    size_t capacity = heap->capacity > 0 ? heap->capacity : CAPACITY_FIRST;
    while (capacity < count) {
        if (capacity > SIZE_MAX / 2 / unit)
            return BELAY_ENOMEM;
        capacity *= 2;
    }
    void *entries =
        belay_mem_resize(heap->mem, heap->entries, heap->capacity * unit, capacity * unit);
    if (entries == NULL)
        return BELAY_ENOMEM;
    heap->entries = entries;
    heap->capacity = capacity;
    return 0;
}

static bool is_before(const struct belay_heap_entry *a, const struct belay_heap_entry *b)
{
    return a->key != b->key ? a->key < b->key : a->serial < b->serial;
}

/* Slots count from 1, for the nodes; the entries' places count from 0: the parent of place p is
 * (p - 1) / CHILDREN. */
static void put(struct belay_heap *heap, struct belay_heap_entry entry, size_t place)
{
    heap->entries[place] = entry;
    entry.node->slot = place + 1;
}

/* The least child of a place, or the count when it has none. */
static size_t least_child(const struct belay_heap *heap, size_t place)
{
    size_t least = place * CHILDREN + 1, end = least + CHILDREN;

    if (least >= heap->count)
        return heap->count;
    end = end < heap->count ? end : heap->count;
    for (size_t child = least + 1; child < end; child++)
        if (is_before(&heap->entries[child], &heap->entries[least]))
            least = child;
    return least;
}

/* Finds the entry's place from place on, upwards then downwards; place itself is free. */
static void sift(struct belay_heap *heap, struct belay_heap_entry entry, size_t place)
{
    size_t child;

    while (place > 0 && is_before(&entry, &heap->entries[(place - 1) / CHILDREN])) {
        put(heap, heap->entries[(place - 1) / CHILDREN], place);
        place = (place - 1) / CHILDREN;
    }
    while ((child = least_child(heap, place)) < heap->count &&
           is_before(&heap->entries[child], &entry)) {
        put(heap, heap->entries[child], place);
        place = child;
    }
    put(heap, entry, place);
}

int belay_heap_set(struct belay_heap *heap, struct belay_heap_node *node, uint64_t key)
{
    if (node->slot != 0 && heap->entries[node->slot - 1].key == key)
        return 0;
    if (node->slot == 0) {
        if (belay_heap_reserve(heap, heap->count + 1) != 0)
            return BELAY_ENOMEM;
        node->slot = ++heap->count;
    }
    sift(heap, (struct belay_heap_entry){key, heap->next_serial++, node}, node->slot - 1);
    return 0;
}

void belay_heap_remove(struct belay_heap *heap, struct belay_heap_node *node)
{
    if (node->slot == 0)
        return;
    size_t place = node->slot - 1;
    struct belay_heap_entry last = heap->entries[--heap->count];
    if (last.node != node)
        sift(heap, last, place);
    node->slot = 0;
}

struct belay_heap_node *belay_heap_first(const struct belay_heap *heap)
{
    return heap->count > 0 ? heap->entries[0].node : NULL;
}

uint64_t belay_heap_first_key(const struct belay_heap *heap)
{
    return heap->count > 0 ? heap->entries[0].key : UINT64_MAX;
}
