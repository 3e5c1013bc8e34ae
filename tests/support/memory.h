/*
 * memory.h - a memory function for tests: counts, checks the sizes that it is given back,
 * moves every block that changes its size, and fails where it is told to.
 */
#ifndef BELAY_TESTS_SUPPORT_MEMORY_H
#define BELAY_TESTS_SUPPORT_MEMORY_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <belay/core.h>

struct test_memory {
    struct belay_memory hook;
    size_t used, peak, calls; /* bytes; calls that asked for memory */
    long fail_at;             /* n > 0: the n-th call fails; -n: it and all after it; 0: none */
};

/* In front of every block; 16 bytes, to keep the alignment of malloc. */
union test_memory_head {
    size_t size;
    char room[16];
};

static inline int test_memory_must_fail(const struct test_memory *m)
{
    long call = (long)m->calls;
    return m->fail_at > 0 ? call == m->fail_at : m->fail_at < 0 && call >= -m->fail_at;
}

static inline void *test_memory_resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    struct test_memory *m = ctx;
    union test_memory_head *old = p != NULL ? (union test_memory_head *)p - 1 : NULL;
    union test_memory_head *new = NULL;

    if (old != NULL)
        assert_int_equal(old->size, old_size);
    else
        assert_int_equal(old_size, 0);
    if (new_size > 0) {
        m->calls++;
        if (test_memory_must_fail(m))
            return NULL;
        new = malloc(sizeof(*new) + new_size);
        assert_non_null(new);
        new->size = new_size;
        memset(new + 1, 0xa5, new_size);
        if (old != NULL)
            memcpy(new + 1, p, old_size < new_size ? old_size : new_size);
    }
    free(old);
    m->used = m->used - (old != NULL ? old_size : 0) + new_size;
    if (m->used > m->peak)
        m->peak = m->used;
    return new != NULL ? (void *)(new + 1) : NULL;
}

/* The struct must stay where it is: the hook points to it. */
static inline void test_memory_init(struct test_memory *m)
{
    memset(m, 0, sizeof(*m));
    m->hook.resize = test_memory_resize;
    m->hook.ctx = m;
}

static inline void test_memory_assert_empty(const struct test_memory *m)
{
    assert_int_equal(m->used, 0);
}

#endif
