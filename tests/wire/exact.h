/*
 * exact.h - copies of packets in heap blocks of exactly their size, so that AddressSanitizer
 * sees a parser read, or a builder write, one byte too far.
 */
#ifndef BELAY_TESTS_WIRE_EXACT_H
#define BELAY_TESTS_WIRE_EXACT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* Literal bytes and their count, for two neighbouring fields of a table's row. */
#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

struct exact {
    void *block;
    uint8_t *bytes;
    size_t len;
};

/* An empty one points to the end of a block: nothing may be read there. */
static inline struct exact exact_room(size_t len)
{
    struct exact e = {malloc(len > 0 ? len : 1), NULL, len};
    assert_non_null(e.block);
    e.bytes = (uint8_t *)e.block + (len > 0 ? 0 : 1);
    return e;
}

static inline struct exact exact_copy(const uint8_t *bytes, size_t len)
{
    struct exact e = exact_room(len);
    if (len > 0)
        memcpy(e.bytes, bytes, len);
    return e;
}

static inline void exact_free(struct exact *e)
{
    free(e->block);
}

#endif
