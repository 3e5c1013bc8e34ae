#include "base/pool.h"

#include "base/prefetch.h"

/*
 * Under AddressSanitizer a block that is not taken is poisoned, and so is what a taken block
 * has beyond the size asked for: the pool hides no use after free, and no overrun.
 */
#if defined(__SANITIZE_ADDRESS__)
#define POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif

#ifdef POISONS
#include <sanitizer/asan_interface.h>
#define POISON(p, size)   ASAN_POISON_MEMORY_REGION(p, size)
#define UNPOISON(p, size) ASAN_UNPOISON_MEMORY_REGION(p, size)
#else
#define POISON(p, size)   ((void)(p), (void)(size))
#define UNPOISON(p, size) ((void)(p), (void)(size))
#endif

#define SMALLEST ((size_t)64)

/* A free block that lists others. Those below the first are full. */
struct belay_pool_page {
    struct belay_pool_page *below;
    void *blocks[];
};

static size_t class_size(unsigned kind)
{
    return (SMALLEST + (kind & 1) * (SMALLEST / 2)) << kind / 2;
}

static unsigned bit_length(size_t n)
{
#if defined(__GNUC__)
    return n == 0 ? 0
                  : (unsigned)(8 * sizeof(long long)) -
                        (unsigned)__builtin_clzll((unsigned long long)n);
#else
    unsigned bits = 0;
    for (; n > 0; n >>= 1)
        bits++;
    return bits;
#endif
}

/* The first class that holds size; BELAY_POOL_CLASSES when none does. */
static unsigned class_of(size_t size)
{
    unsigned bits, kind;
    if (size <= SMALLEST)
        return 0;
    bits = bit_length((size - 1) / SMALLEST); /* size is in (32, 64] << bits */
    kind = 2 * bits;
    kind -= size <= class_size(kind - 1);
    return kind < BELAY_POOL_CLASSES ? kind : BELAY_POOL_CLASSES;
}

/* How many others a free block lists. */
static uint32_t page_room(unsigned kind)
{
    return (uint32_t)((class_size(kind) - sizeof(struct belay_pool_page)) / sizeof(void *));
}

static void push(struct belay_pool_list *list, unsigned kind, void *block)
{
    struct belay_pool_page *page = list->page;

    if (page != NULL && list->count < page_room(kind)) {
        UNPOISON(&page->blocks[list->count], sizeof(void *));
        page->blocks[list->count++] = block;
        return;
    }
    page = block;
    UNPOISON(page, sizeof(*page));
    page->below = list->page;
    *list = (struct belay_pool_list){.page = page};
}

/* The block pushed last, or NULL. */
static void *pop(struct belay_pool_list *list, unsigned kind)
{
    struct belay_pool_page *page = list->page;

    if (page == NULL)
        return NULL;
    if (list->count > 0) {
        void *block = page->blocks[--list->count];

        if (list->count > 0) /* the next one's bytes come while this one's are used */
            belay_prefetch_write(page->blocks[list->count - 1], class_size(kind));
        return block;
    }
    list->page = page->below;
    list->count = page->below != NULL ? page_room(kind) : 0;
    return page;
}

void belay_pool_init(struct belay_pool *pool, struct belay_mem *mem, size_t keep_bytes)
{
    *pool = (struct belay_pool){.mem = mem, .keep_bytes = keep_bytes};
}

void belay_pool_dispose(struct belay_pool *pool)
{
    for (unsigned kind = 0; kind < BELAY_POOL_CLASSES; kind++) {
        void *block;

        while ((block = pop(&pool->free[kind], kind)) != NULL) {
            UNPOISON(block, class_size(kind));
            belay_mem_free(pool->mem, block, class_size(kind));
        }
    }
    pool->kept_bytes = 0;
}

void *belay_pool_take(struct belay_pool *pool, size_t size)
{
    unsigned kind = class_of(size);
    if (kind == BELAY_POOL_CLASSES)
        return belay_mem_alloc(pool->mem, size);

    void *block = pop(&pool->free[kind], kind);
    if (block != NULL)
        pool->kept_bytes -= class_size(kind);
    else
        block = belay_mem_alloc(pool->mem, class_size(kind));
    if (block == NULL)
        return NULL;
    POISON(block, class_size(kind));
    UNPOISON(block, size);
    return block;
}

void belay_pool_give(struct belay_pool *pool, void *p, size_t size)
{
    if (p == NULL)
        return;
    unsigned kind = class_of(size);
    if (kind == BELAY_POOL_CLASSES) {
        belay_mem_free(pool->mem, p, size);
        return;
    }
    size_t bytes = class_size(kind);
    /* kept_bytes <= keep_bytes always, so this cannot wrap. */
    if (bytes > pool->keep_bytes - pool->kept_bytes) {
        UNPOISON(p, bytes);
        belay_mem_free(pool->mem, p, bytes);
        return;
    }
    POISON(p, bytes);
    push(&pool->free[kind], kind, p);
    pool->kept_bytes += bytes;
}
