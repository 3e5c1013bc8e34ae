#include "fuzz.h"

#include <stdio.h>
#include <string.h>

void fuzz_fail(const char *what, const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s(%s)\n", file, line, what, condition);
    abort();
}

/* ------------------------------------------------------------------ input */

const uint8_t *fuzz_take(struct belay_reader *in, size_t len, size_t *taken)
{
    *taken = len < belay_reader_left(in) ? len : belay_reader_left(in);
    return belay_read_bytes(in, *taken);
}

const uint8_t *fuzz_rest(struct belay_reader *in, size_t *len)
{
    return fuzz_take(in, SIZE_MAX, len);
}

bool fuzz_is_inside(const void *p, size_t len, const uint8_t *data, size_t size)
{
    const uint8_t *bytes = p;

    if (p == NULL)
        return len == 0;
    return bytes >= data && bytes <= data + size && len <= (size_t)(data + size - bytes);
}

uint8_t *fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    FUZZ_CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    FUZZ_CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* ------------------------------------------------------------------ memory */

/* In front of every block; 16 bytes, to keep the alignment of malloc. */
union head {
    size_t size;
    char room[16];
};

static void *resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    struct fuzz_memory *memory = ctx;
    union head *old = p != NULL ? (union head *)p - 1 : NULL, *new = NULL;

    FUZZ_CHECK(old != NULL ? old->size == old_size : old_size == 0);
    if (new_size > 0) {
        if (++memory->calls == memory->fail_at)
            return NULL;
        new = malloc(sizeof(*new) + new_size);
        FUZZ_CHECK(new != NULL);
        new->size = new_size;
        if (old != NULL)
            memcpy(new + 1, p, old_size < new_size ? old_size : new_size);
    }
    free(old);
    memory->used += new_size - old_size;
    if (memory->used > memory->peak)
        memory->peak = memory->used;
    FUZZ_CHECK(memory->used <= memory->limit_bytes);
    return new != NULL ? (void *)(new + 1) : NULL;
}

void fuzz_memory_init(struct fuzz_memory *memory, size_t limit_bytes)
{
    *memory = (struct fuzz_memory){.hook = {resize, memory}, .limit_bytes = limit_bytes};
}

void fuzz_memory_fail(struct fuzz_memory *memory, size_t after)
{
    memory->fail_at = memory->calls + after + 1;
}

void fuzz_memory_end(const struct fuzz_memory *memory)
{
    FUZZ_CHECK(memory->used == 0);
}

/* splitmix64 */
void fuzz_random(void *ctx, void *out, size_t len)
{
    uint64_t *state = ctx, x = 0;
    uint8_t *bytes = out;

    for (size_t i = 0; i < len; i++, x >>= 8) {
        if (i % 8 == 0) {
            x = *state += UINT64_C(0x9e3779b97f4a7c15);
            x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
            x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
            x ^= x >> 31;
        }
        bytes[i] = (uint8_t)x;
    }
}
