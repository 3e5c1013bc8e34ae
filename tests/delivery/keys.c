#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "delivery/keys.h"
#include "support/memory.h"

static void test_each_channel_and_mode_has_a_key(void **state)
{
    (void)state;
    size_t next = 0;
    for (uint32_t channel = 0; channel < 300; channel++)
        for (uint8_t mode = 0; mode < BELAY_MODES; mode++)
            assert_int_equal(belay_key(channel, mode), next++);
}

static void test_a_table_grows_to_its_highest_key(void **state)
{
    (void)state;
    static const struct {
        size_t key, capacity;
    } rows[] = {{0, 4}, {3, 4}, {4, 8}, {2, 8}, {8, 16}, {1023, 1024}, {1024, 2048}, {0, 2048}};
    struct test_memory memory;
    struct belay_mem mem;
    void **table = NULL;
    size_t capacity = 0, used = 0;
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        table = belay_keys_reserve(&mem, table, &capacity, rows[i].key);
        assert_non_null(table);
        assert_int_equal(capacity, rows[i].capacity);
        for (size_t key = 0; key < used; key++)
            assert_ptr_equal(table[key], &rows[key % 8]); /* what was there stays */
        for (; used < capacity; used++) {
            assert_null(table[used]);
            table[used] = (void *)&rows[used % 8];
        }
    }
    belay_mem_free(&mem, table, capacity * sizeof(*table));
    test_memory_assert_empty(&memory);
}

static void test_without_memory_nothing_changes(void **state)
{
    (void)state;
    struct test_memory memory;
    struct belay_mem mem;
    size_t capacity = 0;
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    void **table = belay_keys_reserve(&mem, NULL, &capacity, 1);
    table[1] = &capacity;
    memory.fail_at = -(memory.calls + 1);
    assert_null(belay_keys_reserve(&mem, table, &capacity, 100));
    assert_int_equal(capacity, 4);
    assert_ptr_equal(table[1], &capacity);
    assert_ptr_equal(belay_keys_reserve(&mem, table, &capacity, 3), table);
    memory.fail_at = 0;
    belay_mem_free(&mem, table, capacity * sizeof(*table));
    test_memory_assert_empty(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_channel_and_mode_has_a_key),
        cmocka_unit_test(test_a_table_grows_to_its_highest_key),
        cmocka_unit_test(test_without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
