#include "support/memory.h"
#include "support/random.h"

#include "base/pool.h"

static struct test_memory memory;
static struct belay_mem mem;
static struct belay_pool pool;

static void start(size_t keep_bytes)
{
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    belay_pool_init(&pool, &mem, keep_bytes);
}

static void finish(void)
{
    belay_pool_dispose(&pool);
    assert_int_equal(mem.used_bytes, 0);
    test_memory_assert_empty(&memory);
}

static void test_class_sizes(void **state)
{
    (void)state;
    static const struct {
        size_t size, taken;
    } rows[] = {
        {0, 64},        {1, 64},        {64, 64},       {65, 96},       {96, 96},
        {97, 128},      {128, 128},     {129, 192},     {1200, 1536},   {1536, 1536},
        {1537, 2048},   {2049, 3072},   {4096, 4096},   {4097, 6144},   {32769, 49152},
        {49153, 65536}, {65536, 65536}, {65537, 65537}, {98304, 98304}, {1000000, 1000000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(0);
        void *block = belay_pool_take(&pool, rows[i].size);
        assert_non_null(block);
        if (rows[i].size > 0)
            memset(block, 0xff, rows[i].size);
        assert_int_equal(mem.used_bytes, rows[i].taken);
        assert_int_equal((uintptr_t)block % _Alignof(max_align_t), 0);
        belay_pool_give(&pool, block, rows[i].size);
        assert_int_equal(mem.used_bytes, 0); /* keep_bytes is 0 */
        finish();
    }
}

static void test_reuses_what_was_given(void **state)
{
    (void)state;
    start(1 << 16);
    void *a = belay_pool_take(&pool, 100);
    belay_pool_give(&pool, a, 100);
    assert_int_equal(pool.kept_bytes, 128);
    assert_ptr_equal(belay_pool_take(&pool, 128), a); /* the same class */
    assert_int_equal(pool.kept_bytes, 0);
    belay_pool_give(&pool, a, 128);

    size_t calls = memory.calls;
    for (int i = 0; i < 1000; i++)
        belay_pool_give(&pool, belay_pool_take(&pool, 97 + (size_t)i % 32),
                        97 + (size_t)i % 32);
    assert_int_equal(memory.calls, calls);
    belay_pool_give(&pool, NULL, 100);
    finish();
}

static void test_keeps_no_more_than_it_may(void **state)
{
    (void)state;
    enum { COUNT = 10 };
    void *blocks[COUNT];
    start(3 * 256 + 10);
    for (int i = 0; i < COUNT; i++)
        blocks[i] = belay_pool_take(&pool, 256);
    for (int i = 0; i < COUNT; i++)
        belay_pool_give(&pool, blocks[i], 256);
    assert_int_equal(pool.kept_bytes, 3 * 256);
    assert_int_equal(mem.used_bytes, 3 * 256);

    /* Large blocks are never kept. */
    belay_pool_give(&pool, belay_pool_take(&pool, 70000), 70000);
    assert_int_equal(mem.used_bytes, 3 * 256);
    finish();
}

static void test_out_of_memory(void **state)
{
    (void)state;
    start(1 << 16);
    void *a = belay_pool_take(&pool, 64);
    memory.fail_at = -2;
    assert_null(belay_pool_take(&pool, 64));
    assert_null(belay_pool_take(&pool, 5000));
    belay_pool_give(&pool, a, 64);
    assert_ptr_equal(belay_pool_take(&pool, 64), a); /* needs none */
    belay_pool_give(&pool, a, 64);
    finish();
}

static void test_random_blocks_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 64 };
    struct {
        unsigned char *at;
        size_t size;
        unsigned char mark;
    } held[COUNT] = {{0}};
    struct test_random random = {test_seed_from_env(1)};
    start(8192);
    for (int round = 0; round < 20000; round++) {
        size_t i = (size_t)test_random_below(&random, COUNT);
        if (held[i].at != NULL) {
            for (size_t k = 0; k < held[i].size; k++)
                assert_int_equal(held[i].at[k], held[i].mark);
            belay_pool_give(&pool, held[i].at, held[i].size);
            held[i].at = NULL;
            assert_true(pool.kept_bytes <= 8192);
        } else {
            held[i].size = (size_t)test_random_below(&random, 600);
            held[i].mark = (unsigned char)round;
            held[i].at = belay_pool_take(&pool, held[i].size);
            memset(held[i].at, held[i].mark, held[i].size);
        }
    }
    for (size_t i = 0; i < COUNT; i++)
        belay_pool_give(&pool, held[i].at, held[i].size);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_class_sizes),
        cmocka_unit_test(test_reuses_what_was_given),
        cmocka_unit_test(test_keeps_no_more_than_it_may),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_random_blocks_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
