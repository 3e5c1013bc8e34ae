#include "delivery/assembly.h"

#include <string.h>

#define SECTION ((size_t)BELAY_ASSEMBLY_SECTION)
#define CHUNK   ((size_t)BELAY_ASSEMBLY_CHUNK)

/* The i-th of the pieces of this size that bytes are cut into. */
static size_t piece_size(size_t bytes, size_t piece, size_t i)
{
    size_t left = bytes - i * piece;
    return left < piece ? left : piece;
}

static size_t piece_count(size_t bytes, size_t piece)
{
    return bytes / piece + (bytes % piece != 0);
}

/* ------------------------------------------------------------------ a section */

static void free_chunks(struct belay_assembly_section *s, struct belay_pool *pool, size_t bytes)
{
    if (s->chunks == NULL)
        return;
    for (size_t i = 0; i < piece_count(bytes, CHUNK); i++)
        belay_pool_give(pool, s->chunks[i], piece_size(bytes, CHUNK, i));
    belay_pool_give(pool, s->chunks, piece_count(bytes, CHUNK) * sizeof(*s->chunks));
    s->chunks = NULL;
}

static void section_dispose(struct belay_assembly_section *s, struct belay_pool *pool,
                            size_t bytes)
{
    belay_ranges_dispose(&s->received);
    belay_pool_give(pool, s->data, bytes);
    s->data = NULL;
    free_chunks(s, pool, bytes);
}

/* A table of chunks, all to come. */
static int take_table(struct belay_assembly_section *s, struct belay_pool *pool, size_t bytes)
{
    size_t size = piece_count(bytes, CHUNK) * sizeof(*s->chunks);
    s->chunks = belay_pool_take(pool, size);
    if (s->chunks == NULL)
        return BELAY_ENOMEM;
    memset(s->chunks, 0, size);
    return 0;
}

/* Where bytes [offset, offset + len) of the section go. 0 or BELAY_ENOMEM. */
static int reserve(struct belay_assembly_section *s, struct belay_pool *pool, size_t bytes,
                   size_t offset, size_t len, size_t *held)
{
    size_t last = (offset + len - 1) / CHUNK;
    if (s->data != NULL)
        return 0;
    if (s->chunks == NULL && take_table(s, pool, bytes) != 0)
        return BELAY_ENOMEM;
    for (size_t i = offset / CHUNK; i <= last; i++) {
        if (s->chunks[i] != NULL)
            continue;
        s->chunks[i] = belay_pool_take(pool, piece_size(bytes, CHUNK, i));
        if (s->chunks[i] == NULL)
            return BELAY_ENOMEM;
        *held += piece_size(bytes, CHUNK, i);
    }
    return 0;
}

static void store(struct belay_assembly_section *s, size_t offset, const uint8_t *data,
                  size_t len)
{
    if (s->data != NULL) {
        memcpy(s->data + offset, data, len);
        return;
    }
    while (len > 0) {
        size_t at = offset % CHUNK, n = CHUNK - at < len ? CHUNK - at : len;
        memcpy(s->chunks[offset / CHUNK] + at, data, n);
        offset += n;
        data += n;
        len -= n;
    }
}

static void copy_out(const struct belay_assembly_section *s, uint8_t *out, size_t bytes)
{
    if (s->data != NULL) {
        memcpy(out, s->data, bytes);
        return;
    }
    for (size_t i = 0; i < piece_count(bytes, CHUNK); i++)
        memcpy(out + i * CHUNK, s->chunks[i], piece_size(bytes, CHUNK, i));
}

/* ------------------------------------------------------------------ a message */

struct belay_assembly *belay_assembly_new(struct belay_pool *pool, size_t total)
{
    struct belay_assembly *a = belay_pool_take(pool, sizeof(*a));
    if (a == NULL)
        return NULL;
    *a = (struct belay_assembly){.total = total, .count = piece_count(total, SECTION)};
    if (a->count == 1) {
        a->sections = &a->only_place;
        return a;
    }
    a->sections = belay_pool_take(pool, a->count * sizeof(*a->sections));
    if (a->sections == NULL) {
        belay_pool_give(pool, a, sizeof(*a));
        return NULL;
    }
    memset(a->sections, 0, a->count * sizeof(*a->sections));
    return a;
}

static size_t section_size(const struct belay_assembly *a, size_t i)
{
    return piece_size(a->total, SECTION, i);
}

static void free_section(struct belay_assembly *a, struct belay_pool *pool, size_t i)
{
    struct belay_assembly_section *s = a->sections[i];
    if (s == NULL)
        return;
    section_dispose(s, pool, section_size(a, i));
    a->sections[i] = NULL;
    if (s != &a->only)
        belay_pool_give(pool, s, sizeof(*s));
}

void belay_assembly_free(struct belay_assembly *a, struct belay_pool *pool)
{
    for (size_t i = 0; i < a->count; i++)
        free_section(a, pool, i);
    if (a->sections != &a->only_place)
        belay_pool_give(pool, a->sections, a->count * sizeof(*a->sections));
    belay_pool_give(pool, a, sizeof(*a));
}

/* A section that a part of paid bytes opens, and its block if that pays for it. */
static int section_init(struct belay_assembly_section *s, struct belay_pool *pool, size_t bytes,
                        size_t paid)
{
    *s = (struct belay_assembly_section){.data = NULL};
    belay_ranges_init(&s->received, pool->mem, 0);
    if (bytes / BELAY_ASSEMBLY_PAYS > paid)
        return 0;
    s->data = belay_pool_take(pool, bytes);
    return s->data != NULL ? 0 : BELAY_ENOMEM;
}

/* NULL when out of memory. */
static struct belay_assembly_section *
find_or_open(struct belay_assembly *a, struct belay_pool *pool, size_t i, size_t paid)
{
    struct belay_assembly_section *s = a->sections[i];
    if (s != NULL)
        return s;
    s = a->count == 1 ? &a->only : belay_pool_take(pool, sizeof(*s));
    if (s == NULL)
        return NULL;
    if (section_init(s, pool, section_size(a, i), paid) != 0) {
        if (s != &a->only)
            belay_pool_give(pool, s, sizeof(*s));
        return NULL;
    }
    a->held += s->data != NULL ? section_size(a, i) : 0;
    return a->sections[i] = s;
}

/* What of a part lies in one section. As belay_assembly_add. */
static int add_piece(struct belay_assembly *a, struct belay_pool *pool, size_t i, size_t offset,
                     const uint8_t *data, size_t len, size_t paid)
{
    size_t bytes = section_size(a, i);
    struct belay_assembly_section *s = find_or_open(a, pool, i, paid);
    if (s == NULL)
        return BELAY_ENOMEM;
    if (belay_ranges_has_all(&s->received, offset, offset + len))
        return 0;
    if (reserve(s, pool, bytes, offset, len, &a->held) != 0 ||
        belay_ranges_add(&s->received, offset, offset + len, NULL) != 0)
        return BELAY_ENOMEM;
    if (s->received.count > BELAY_ASSEMBLY_RANGES_MAX(bytes))
        return BELAY_ELIMIT;
    store(s, offset, data, len);
    a->complete += belay_ranges_has_all(&s->received, 0, bytes);
    return 1;
}

int belay_assembly_add(struct belay_assembly *a, struct belay_pool *pool, size_t offset,
                       const uint8_t *data, size_t len)
{
    size_t paid = len;
    int news = 0;
    while (len > 0) {
        size_t at = offset % SECTION, n = SECTION - at < len ? SECTION - at : len;
        int result = add_piece(a, pool, offset / SECTION, at, data, n, paid);
        if (result < 0)
            return result;
        news |= result;
        offset += n;
        data += n;
        len -= n;
    }
    return news;
}

/* Sections are freed as they are copied: never is more than one held twice. */
static uint8_t *join(struct belay_assembly *a, struct belay_pool *pool)
{
    uint8_t *data = belay_pool_take(pool, a->total);
    if (data == NULL)
        return NULL;
    for (size_t i = 0; i < a->count; i++) {
        copy_out(a->sections[i], data + i * SECTION, section_size(a, i));
        free_section(a, pool, i);
    }
    return data;
}

uint8_t *belay_assembly_finish(struct belay_assembly *a, struct belay_pool *pool)
{
    uint8_t *data = a->count == 1 ? a->only.data : NULL;
    if (data == NULL)
        data = join(a, pool);
    if (data == NULL)
        return NULL;
    if (data == a->only.data)
        a->only.data = NULL;
    belay_assembly_free(a, pool);
    return data;
}
