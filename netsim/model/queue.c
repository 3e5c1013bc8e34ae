#include "netsim/model/queue.h"

#define CHILDREN 4

/* What is there is read soon. A hint, for which any address will do; no function, because
 * compilers drop calls that do nothing else. */
#ifdef __GNUC__
#define EXPECT(address) __builtin_prefetch((const void *)(address))
#else
#define EXPECT(address) ((void)(address))
#endif

void netsim_queue_init(struct netsim_queue *queue, struct belay_mem *mem)
{
    *queue = (struct netsim_queue){.count = 0};
    netsim_store_init(&queue->store, sizeof(struct netsim_entry), mem);
}

void netsim_queue_dispose(struct netsim_queue *queue)
{
    belay_mem_free(queue->store.mem, queue->delayed,
                   queue->delayed_max * sizeof(struct netsim_due));
    netsim_store_dispose(&queue->store);
}

static int reserve_heap(struct netsim_queue *queue, size_t count)
{
    struct netsim_due *delayed;
    size_t max = queue->delayed_max;

    if (count <= max)
        return 0;
    if (count > SIZE_MAX / 4 / sizeof(*delayed))
        return BELAY_ENOMEM;
    count = count < 2 * max ? 2 * max : count;
    delayed = belay_mem_resize(queue->store.mem, queue->delayed, max * sizeof(*delayed),
                               count * sizeof(*delayed));
    if (delayed == NULL)
        return BELAY_ENOMEM;
    queue->delayed = delayed;
    queue->delayed_max = count;
    return 0;
}

int netsim_queue_reserve(struct netsim_queue *queue, size_t count)
{
    if (reserve_heap(queue, count) != 0)
        return BELAY_ENOMEM;
    return netsim_store_reserve(&queue->store, count);
}

/* Room in the heap comes with the entry, so that a push cannot fail. */
struct netsim_entry *netsim_queue_take(struct netsim_queue *queue)
{
    struct netsim_entry *entry = netsim_store_take(&queue->store);

    if (entry == NULL)
        return NULL;
    if (reserve_heap(queue, queue->store.capacity) != 0) {
        netsim_store_give(&queue->store, entry);
        return NULL;
    }
    *entry = (struct netsim_entry){.corrupt_bit = -1};
    return entry;
}

void netsim_queue_give(struct netsim_queue *queue, struct netsim_entry *entry)
{
    netsim_store_give(&queue->store, entry);
}

static bool is_before(const struct netsim_due *a, const struct netsim_due *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->serial < b->serial;
}

/* The place at is free: puts due there, or above. */
static void sift_up(struct netsim_due *heap, size_t at, struct netsim_due due)
{
    while (at > 0 && is_before(&due, &heap[(at - 1) / CHILDREN])) {
        heap[at] = heap[(at - 1) / CHILDREN];
        at = (at - 1) / CHILDREN;
    }
    heap[at] = due;
}

static size_t least_child(const struct netsim_due *heap, size_t count, size_t at)
{
    size_t first = CHILDREN * at + 1, least = first;
    size_t end = count - first > CHILDREN ? first + CHILDREN : count;

    for (size_t i = first + 1; i < end; i++)
        if (is_before(&heap[i], &heap[least]))
            least = i;
    return least;
}

/*
 * Takes the first one out. The last one nearly always belongs far down, so the gap goes down
 * first, and it is put in from there. In a long queue most of the time goes into waiting for
 * memory, so what comes into question two levels below is asked for early, and in the end
 * the entries of which one is the next but one, and what the user of the next one keeps.
 */
static void heap_pop(struct netsim_queue *queue)
{
    struct netsim_due *heap = queue->delayed, last = heap[--queue->delayed_count];
    size_t count = queue->delayed_count, at = 0;

    while (CHILDREN * at + 1 < count) {
        size_t child, below = CHILDREN * (CHILDREN * at + 1) + 1;

        for (size_t i = 0; i < CHILDREN * CHILDREN && below + i < count; i += 2)
            EXPECT(&heap[below + i]);
        child = least_child(heap, count, at);
        heap[at] = heap[child];
        at = child;
    }
    if (count == 0)
        return;
    sift_up(heap, at, last);
    EXPECT(heap[0].entry->packet.user);
    EXPECT((uintptr_t)heap[0].entry->packet.user + 64);
    for (size_t i = 1; i <= CHILDREN && i < count; i++) {
        EXPECT(heap[i].entry);
        EXPECT(&heap[i].entry->corrupt_bit);
    }
}

void netsim_queue_push(struct netsim_queue *queue, struct netsim_entry *entry)
{
    struct netsim_due due = {entry->time_ns, queue->next_serial++, entry};

    /* What is greatest leaves last, so it stands until the heap is empty. */
    if (queue->delayed_count == 0 || entry->time_ns > queue->greatest_ns)
        queue->greatest_ns = entry->time_ns;
    sift_up(queue->delayed, queue->delayed_count++, due);
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
    if (queue->early != NULL)
        return queue->early;
    return queue->delayed_count > 0 ? queue->delayed[0].entry : NULL;
}

struct netsim_entry *netsim_queue_pop(struct netsim_queue *queue)
{
    struct netsim_entry *entry = netsim_queue_first(queue);

    if (entry == NULL)
        return NULL;
    if (entry == queue->early)
        queue->early = entry->next;
    else
        heap_pop(queue);
    if (entry->twin != NULL)
        entry->twin->twin = NULL;
    queue->count--;
    return entry;
}

bool netsim_queue_greatest(const struct netsim_queue *queue, int64_t *time_ns)
{
    bool delayed = queue->delayed_count > 0, early = queue->early != NULL;

    if (delayed)
        *time_ns = queue->greatest_ns;
    if (early && (!delayed || queue->oldest_early_ns > *time_ns))
        *time_ns = queue->oldest_early_ns;
    return delayed || early;
}
