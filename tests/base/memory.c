#include "support/memory.h"

#include "base/memory.h"

static void test_counts_used_and_peak(void **state)
{
    (void)state;
    struct test_memory memory;
    struct belay_mem mem;
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);

    char *a = belay_mem_alloc(&mem, 100);
    char *b = belay_mem_zalloc(&mem, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(b[i], 0);
    assert_int_equal(mem.used_bytes, 150);

    memset(a, 7, 100);
    a = belay_mem_resize(&mem, a, 100, 300);
    assert_int_equal(a[0], 7);
    assert_int_equal(a[99], 7);
    assert_int_equal(mem.used_bytes, 350);
    a = belay_mem_resize(&mem, a, 300, 10);
    assert_int_equal(mem.used_bytes, 60);
    assert_int_equal(mem.peak_bytes, 350);

    belay_mem_free(&mem, a, 10);
    assert_null(belay_mem_resize(&mem, b, 50, 0));
    assert_int_equal(mem.used_bytes, 0);
    assert_int_equal(mem.peak_bytes, 350);
    test_memory_assert_empty(&memory);
}

static void test_nothing_for_nothing(void **state)
{
    (void)state;
    struct test_memory memory;
    struct belay_mem mem;
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);

    belay_mem_free(&mem, NULL, 0);
    belay_mem_free(&mem, NULL, 99);
    assert_null(belay_mem_alloc(&mem, 0));
    assert_null(belay_mem_zalloc(&mem, 0));
    assert_int_equal(mem.used_bytes, 0);
    assert_int_equal(memory.calls, 0);
}

static void test_child_counts_in_all_its_parents(void **state)
{
    (void)state;
    struct test_memory memory;
    struct belay_mem core, conn, channel;
    test_memory_init(&memory);
    belay_mem_init(&core, &memory.hook);
    belay_mem_init_child(&conn, &core);
    belay_mem_init_child(&channel, &conn);

    void *a = belay_mem_alloc(&core, 1);
    void *b = belay_mem_alloc(&conn, 10);
    void *c = belay_mem_alloc(&channel, 100);
    assert_int_equal(core.used_bytes, 111);
    assert_int_equal(conn.used_bytes, 110);
    assert_int_equal(channel.used_bytes, 100);

    belay_mem_free(&channel, c, 100);
    assert_int_equal(core.used_bytes, 11);
    assert_int_equal(conn.used_bytes, 10);
    assert_int_equal(core.peak_bytes, 111);
    assert_int_equal(conn.peak_bytes, 110);
    belay_mem_free(&conn, b, 10);
    belay_mem_free(&core, a, 1);
    assert_int_equal(core.used_bytes, 0);
    test_memory_assert_empty(&memory);
}

static void test_failure_changes_nothing(void **state)
{
    (void)state;
    struct test_memory memory;
    struct belay_mem core, conn;
    test_memory_init(&memory);
    belay_mem_init(&core, &memory.hook);
    belay_mem_init_child(&conn, &core);

    char *a = belay_mem_alloc(&conn, 10);
    a[9] = 42;
    memory.fail_at = -2; /* the second call and all that follow */
    assert_null(belay_mem_alloc(&conn, 20));
    assert_null(belay_mem_zalloc(&conn, 20));
    assert_null(belay_mem_resize(&conn, a, 10, 20));
    assert_int_equal(a[9], 42);
    assert_int_equal(conn.used_bytes, 10);
    assert_int_equal(core.used_bytes, 10);
    assert_int_equal(core.peak_bytes, 10);
    belay_mem_free(&conn, a, 10);
    test_memory_assert_empty(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_used_and_peak),
        cmocka_unit_test(test_nothing_for_nothing),
        cmocka_unit_test(test_child_counts_in_all_its_parents),
        cmocka_unit_test(test_failure_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
