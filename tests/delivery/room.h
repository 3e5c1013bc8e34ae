/*
 * room.h - what the tests of this room share: memory with a pool, and messages whose bytes
 * can be told apart.
 */
#ifndef BELAY_TESTS_DELIVERY_ROOM_H
#define BELAY_TESTS_DELIVERY_ROOM_H

#include "tests/support/memory.h"
#include "tests/support/random.h"

#include "base/pool.h"

#define KIB(n) ((size_t)(n)*1024)
#define MIB(n) ((size_t)(n)*1024 * 1024)

struct room {
    struct test_memory memory;
    struct belay_mem mem;
    struct belay_pool pool;
};

static inline void room_init(struct room *room)
{
    test_memory_init(&room->memory);
    belay_mem_init(&room->mem, &room->memory.hook);
    belay_pool_init(&room->pool, &room->mem, KIB(64));
}

static inline void room_dispose(struct room *room)
{
    belay_pool_dispose(&room->pool);
    assert_int_equal(room->mem.used_bytes, 0);
    test_memory_assert_empty(&room->memory);
}

/* Byte i of message id. */
static inline uint8_t byte_of(uint64_t id, uint64_t i)
{
    return (uint8_t)(id * 37 + i + (i >> 8) * 3 + (i >> 16) * 5);
}

static inline void fill_message(uint64_t id, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = byte_of(id, i);
}

static inline void assert_part(uint64_t id, uint64_t offset, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != byte_of(id, offset + i))
            fail_msg("message %u differs at byte %u", (unsigned)id, (unsigned)(offset + i));
    }
}

static const size_t sizes[] = {0,        1,      100,         1199,    1200,
                               4096,     4097,   KIB(64) - 1, KIB(64), KIB(64) + 1,
                               KIB(128), MIB(1), MIB(16)};
#define SIZE_COUNT (sizeof(sizes) / sizeof(sizes[0]))

#endif
