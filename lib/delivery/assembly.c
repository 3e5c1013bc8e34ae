#include "delivery/assembly.h"

#include <string.h>

static size_t chunk_count(size_t total)
{
    return total / BELAY_INBOX_CHUNK + (total % BELAY_INBOX_CHUNK != 0);
}

static size_t chunk_size(size_t total, size_t i)
{
    size_t left = total - i * BELAY_INBOX_CHUNK;
    return left < BELAY_INBOX_CHUNK ? left : BELAY_INBOX_CHUNK;
}

static int take_storage(struct belay_assembly *a, struct belay_pool *pool)
{
    if (a->total <= BELAY_INBOX_CHUNK) {
        a->data = belay_pool_take(pool, a->total);
        a->held = a->data != NULL ? a->total : 0;
        return a->data != NULL ? 0 : BELAY_ENOMEM;
    }
    size_t size = chunk_count(a->total) * sizeof(*a->chunks);
    a->chunks = belay_pool_take(pool, size);
    if (a->chunks == NULL)
        return BELAY_ENOMEM;
    memset(a->chunks, 0, size);
    return 0;
}

struct belay_assembly *belay_assembly_new(struct belay_pool *pool, size_t total)
{
    struct belay_assembly *a = belay_pool_take(pool, sizeof(*a));
    if (a == NULL)
        return NULL;
    *a = (struct belay_assembly){.total = total};
    belay_ranges_init(&a->received, pool->mem, 0);
    if (take_storage(a, pool) == 0)
        return a;
    belay_pool_give(pool, a, sizeof(*a));
    return NULL;
}

static void free_chunk(struct belay_assembly *a, struct belay_pool *pool, size_t i)
{
    if (a->chunks[i] == NULL)
        return;
    belay_pool_give(pool, a->chunks[i], chunk_size(a->total, i));
    a->held -= chunk_size(a->total, i);
    a->chunks[i] = NULL;
}

void belay_assembly_free(struct belay_assembly *a, struct belay_pool *pool)
{
    belay_ranges_dispose(&a->received);
    belay_pool_give(pool, a->data, a->total);
    if (a->chunks != NULL) {
        for (size_t i = 0; i < chunk_count(a->total); i++)
            free_chunk(a, pool, i);
        belay_pool_give(pool, a->chunks, chunk_count(a->total) * sizeof(*a->chunks));
    }
    belay_pool_give(pool, a, sizeof(*a));
}

static int reserve(struct belay_assembly *a, struct belay_pool *pool, size_t offset, size_t len)
{
    if (a->data != NULL)
        return 0;
    size_t last = (offset + len - 1) / BELAY_INBOX_CHUNK;
    for (size_t i = offset / BELAY_INBOX_CHUNK; i <= last; i++) {
        if (a->chunks[i] != NULL)
            continue;
        a->chunks[i] = belay_pool_take(pool, chunk_size(a->total, i));
        if (a->chunks[i] == NULL)
            return BELAY_ENOMEM;
        a->held += chunk_size(a->total, i);
    }
    return 0;
}

static void store(struct belay_assembly *a, size_t offset, const uint8_t *data, size_t len)
{
    if (a->data != NULL) {
        memcpy(a->data + offset, data, len);
        return;
    }
    while (len > 0) {
        size_t at = offset % BELAY_INBOX_CHUNK, n = BELAY_INBOX_CHUNK - at;
        if (n > len)
            n = len;
        memcpy(a->chunks[offset / BELAY_INBOX_CHUNK] + at, data, n);
        offset += n;
        data += n;
        len -= n;
    }
}

int belay_assembly_add(struct belay_assembly *a, struct belay_pool *pool, size_t offset,
                       const uint8_t *data, size_t len)
{
    if (belay_ranges_has_all(&a->received, offset, offset + len))
        return 0;
    if (reserve(a, pool, offset, len) != 0 ||
        belay_ranges_add(&a->received, offset, offset + len, NULL) != 0)
        return BELAY_ENOMEM;
    if (a->received.count > BELAY_ASSEMBLY_RANGES_MAX(a->total))
        return BELAY_ELIMIT;
    store(a, offset, data, len);
    return 1;
}

/* Chunks are freed as they are copied: never is more than one chunk held twice. */
static uint8_t *join(struct belay_assembly *a, struct belay_pool *pool)
{
    uint8_t *data = belay_pool_take(pool, a->total);
    if (data == NULL)
        return NULL;
    for (size_t i = 0; i < chunk_count(a->total); i++) {
        memcpy(data + i * BELAY_INBOX_CHUNK, a->chunks[i], chunk_size(a->total, i));
        free_chunk(a, pool, i);
    }
    return data;
}

uint8_t *belay_assembly_finish(struct belay_assembly *a, struct belay_pool *pool)
{
    uint8_t *data = a->data != NULL ? a->data : join(a, pool);
    if (data == NULL)
        return NULL;
    a->data = NULL;
    belay_assembly_free(a, pool);
    return data;
}
