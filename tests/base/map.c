#include "support/memory.h"
#include "support/random.h"

#include "base/map.h"

enum { COUNT = 500 };

struct item {
    struct belay_map_node node;
    uint8_t key[28];
    size_t key_len;
};

static struct test_memory memory;
static struct belay_mem mem;
static struct belay_map map;

static void start(uint64_t seed)
{
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    belay_map_init(&map, &mem, (uint64_t[2]){seed, ~seed});
}

static void finish(void)
{
    belay_map_dispose(&map);
    assert_int_equal(mem.used_bytes, 0);
    test_memory_assert_empty(&memory);
}

/* The length counts: keys of different lengths with the same bytes are different. */
static void test_keys_of_all_lengths(void **state)
{
    (void)state;
    static const uint8_t zeros[28];
    struct belay_map_node nodes[29];
    memset(nodes, 0, sizeof(nodes));
    start(1);
    assert_null(belay_map_find(&map, zeros, 4));
    for (size_t len = 0; len <= 28; len++) {
        assert_null(belay_map_find(&map, zeros, len));
        assert_int_equal(belay_map_add(&map, &nodes[len], len > 0 ? zeros : NULL, len), 0);
    }
    for (size_t len = 0; len <= 28; len++)
        assert_ptr_equal(belay_map_find(&map, zeros, len), &nodes[len]);
    belay_map_remove(&map, &nodes[8]);
    belay_map_remove(&map, &nodes[8]); /* no-op */
    assert_null(belay_map_find(&map, zeros, 8));
    assert_int_equal(map.count, 28);
    finish();
}

static void test_seed_changes_the_hash(void **state)
{
    (void)state;
    struct belay_map_node a = {0}, b = {0};
    start(1);
    assert_int_equal(belay_map_add(&map, &a, "address", 7), 0);
    finish();
    for (int part = 0; part < 2; part++) {
        start(1);
        map.seed[part] ^= 1;
        assert_int_equal(belay_map_add(&map, &b, "address", 7), 0);
        assert_int_not_equal(a.hash, b.hash);
        b = (struct belay_map_node){0};
        finish();
    }
}

/* Keys that differ in few bits, as connection IDs and ports do, spread over the buckets. */
static void test_similar_keys_spread(void **state)
{
    (void)state;
    enum { KEYS = 4096 };
    static struct belay_map_node nodes[KEYS];
    static uint64_t keys[KEYS];
    memset(nodes, 0, sizeof(nodes));
    start(2);
    for (uint64_t i = 0; i < KEYS; i++) {
        keys[i] = i << 20;
        assert_int_equal(belay_map_add(&map, &nodes[i], &keys[i], sizeof(keys[i])), 0);
    }
    size_t longest = 0;
    for (size_t i = 0; i < map.bucket_count; i++) {
        size_t len = 0;
        for (const struct belay_map_node *node = map.buckets[i]; node; node = node->next)
            len++;
        longest = len > longest ? len : longest;
    }
    assert_true(longest <= 10); /* of a random function: 6 or 7 */
    finish();
}

static void test_each_allocation_can_fail(void **state)
{
    (void)state;
    static struct item items[COUNT];
    size_t failures = 0;
    memset(items, 0, sizeof(items));
    start(3);
    for (uint64_t i = 0; i < COUNT; i++) {
        struct belay_map before = map;
        memcpy(items[i].key, &i, sizeof(i));
        memory.fail_at = -1;
        int error = belay_map_add(&map, &items[i].node, items[i].key, 8);
        memory.fail_at = 0;
        if (error == 0)
            continue;
        failures++;
        assert_int_equal(error, BELAY_ENOMEM);
        assert_memory_equal(&map, &before, sizeof(map));
        assert_false(items[i].node.linked);
        assert_null(belay_map_find(&map, items[i].key, 8));
        for (uint64_t k = 0; k < i; k++)
            assert_ptr_equal(belay_map_find(&map, items[k].key, 8), &items[k].node);
        assert_int_equal(belay_map_add(&map, &items[i].node, items[i].key, 8), 0);
    }
    assert_true(failures >= 5);
    assert_int_equal(map.count, COUNT);
    finish();
}

static struct item *model_find(struct item *items, const void *key, size_t len)
{
    for (size_t i = 0; i < COUNT; i++)
        if (items[i].node.linked && items[i].key_len == len &&
            memcmp(items[i].key, key, len) == 0)
            return &items[i];
    return NULL;
}

static void test_random_against_an_array(void **state)
{
    (void)state;
    static struct item items[COUNT];
    uint64_t seed = test_seed_from_env(20260105);
    struct test_random random = {seed};
    size_t count = 0;
    memset(items, 0, sizeof(items));
    start(seed);
    for (int round = 0; round < 20000; round++) {
        /* Few keys, so that they meet: two bytes that matter, of any length. */
        uint8_t key[28] = {0};
        size_t len = (size_t)test_random_below(&random, sizeof(key) + 1);
        if (len > 0)
            key[test_random_below(&random, len)] = (uint8_t)test_random_below(&random, 4);
        struct item *found = model_find(items, key, len);
        struct belay_map_node *node = belay_map_find(&map, key, len);
        assert_ptr_equal(node, found != NULL ? &found->node : NULL);

        struct item *item = &items[test_random_below(&random, COUNT)];
        if (item->node.linked) {
            belay_map_remove(&map, &item->node);
            assert_false(item->node.linked);
            count--;
        } else if (found == NULL) {
            memcpy(item->key, key, sizeof(key));
            item->key_len = len;
            assert_int_equal(belay_map_add(&map, &item->node, item->key, len), 0);
            count++;
        }
        assert_int_equal(map.count, count);
    }
    assert_true(count > 16); /* it has grown */
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_all_lengths),
        cmocka_unit_test(test_seed_changes_the_hash),
        cmocka_unit_test(test_similar_keys_spread),
        cmocka_unit_test(test_each_allocation_can_fail),
        cmocka_unit_test(test_random_against_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
