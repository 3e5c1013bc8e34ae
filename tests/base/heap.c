#include "support/memory.h"
#include "support/random.h"

#include "base/heap.h"

enum { COUNT = 200 };

struct item {
    int name;
    struct belay_heap_node node;
};

static struct test_memory memory;
static struct belay_mem mem;
static struct belay_heap heap;

static void start(void)
{
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    belay_heap_init(&heap, &mem);
}

static void finish(void)
{
    belay_heap_dispose(&heap);
    assert_int_equal(mem.used_bytes, 0);
    test_memory_assert_empty(&memory);
}

static int pop(void)
{
    struct belay_heap_node *first = belay_heap_first(&heap);
    if (first == NULL)
        return -1;
    belay_heap_remove(&heap, first);
    assert_int_equal(first->slot, 0);
    return BELAY_CONTAINER(first, struct item, node)->name;
}

static void test_order_and_ties(void **state)
{
    (void)state;
    static const uint64_t keys[] = {5, UINT64_MAX, 5, 0, 7, 5, 0};
    static const int expected[] = {3, 6, 0, 2, 5, 4, 1, -1};
    struct item items[7];
    start();
    assert_null(belay_heap_first(&heap));
    for (int i = 0; i < 7; i++) {
        items[i] = (struct item){.name = i};
        assert_int_equal(belay_heap_set(&heap, &items[i].node, keys[i]), 0);
    }
    for (int i = 0; i < 8; i++)
        assert_int_equal(pop(), expected[i]);
    finish();
}

static void test_update_moves_and_the_same_key_does_not(void **state)
{
    (void)state;
    struct item items[4] = {{.name = 0}, {.name = 1}, {.name = 2}, {.name = 3}};
    start();
    for (int i = 0; i < 4; i++)
        assert_int_equal(belay_heap_set(&heap, &items[i].node, 10), 0);
    assert_int_equal(belay_heap_set(&heap, &items[0].node, 10), 0); /* keeps its place */
    assert_int_equal(belay_heap_set(&heap, &items[3].node, 1), 0);
    assert_int_equal(belay_heap_set(&heap, &items[1].node, 99), 0);
    assert_int_equal(belay_heap_set(&heap, &items[1].node, 10), 0); /* came last */
    static const int expected[] = {3, 0, 2, 1, -1};
    for (int i = 0; i < 5; i++)
        assert_int_equal(pop(), expected[i]);
    belay_heap_remove(&heap, &items[2].node); /* not in: no-op */
    finish();
}

static void test_reserved_room_cannot_fail(void **state)
{
    (void)state;
    static struct item items[COUNT];
    memset(items, 0, sizeof(items));
    start();
    memory.fail_at = -1;
    assert_int_equal(belay_heap_reserve(&heap, COUNT), BELAY_ENOMEM);
    memory.fail_at = 0;
    assert_int_equal(belay_heap_reserve(&heap, COUNT), 0);
    assert_int_equal(belay_heap_reserve(&heap, SIZE_MAX), BELAY_ENOMEM); /* and no overflow */
    memory.fail_at = -1;
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(belay_heap_set(&heap, &items[i].node, i * 37 % COUNT), 0);
    finish();
}

static void test_each_allocation_can_fail(void **state)
{
    (void)state;
    static struct item items[COUNT];
    memset(items, 0, sizeof(items));
    size_t failures = 0;
    start();
    for (int i = 0; i < COUNT; i++) {
        struct belay_heap before = heap;
        memory.fail_at = -1;
        if (belay_heap_set(&heap, &items[i].node, (uint64_t)i) != 0) {
            failures++;
            assert_memory_equal(&heap, &before, sizeof(heap));
            assert_int_equal(items[i].node.slot, 0);
            memory.fail_at = 0;
            assert_int_equal(belay_heap_set(&heap, &items[i].node, (uint64_t)i), 0);
        }
    }
    assert_int_equal(heap.count, COUNT);
    assert_true(failures >= 4);
    finish();
}

/* ------------------------------------------------------------------ against a sorted array */

struct entry {
    uint64_t key;
    struct item *item;
};

struct model {
    struct entry entries[COUNT];
    size_t count;
};

static void model_remove(struct model *m, const struct item *item)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->entries[i].item != item)
            continue;
        m->count--;
        memmove(&m->entries[i], &m->entries[i + 1], (m->count - i) * sizeof(m->entries[0]));
        return;
    }
}

/* Behind all entries of the same key, unless it has that key already. */
static void model_set(struct model *m, struct item *item, uint64_t key)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->entries[i].item == item && m->entries[i].key == key)
            return;
    model_remove(m, item);
    size_t at = 0;
    while (at < m->count && m->entries[at].key <= key)
        at++;
    memmove(&m->entries[at + 1], &m->entries[at], (m->count - at) * sizeof(m->entries[0]));
    m->entries[at] = (struct entry){key, item};
    m->count++;
}

static void assert_same(const struct model *m)
{
    struct belay_heap_node *first = belay_heap_first(&heap);
    assert_int_equal(heap.count, m->count);
    if (m->count == 0)
        assert_null(first);
    else
        assert_ptr_equal(first, &m->entries[0].item->node);
    for (size_t i = 0; i < heap.count; i++)
        assert_int_equal(heap.entries[i].node->slot, i + 1);
}

static void test_random_against_a_sorted_array(void **state)
{
    (void)state;
    static struct item items[COUNT];
    static struct model model;
    struct test_random random = {test_seed_from_env(20260102)};
    memset(items, 0, sizeof(items));
    memset(&model, 0, sizeof(model));
    start();
    for (int i = 0; i < COUNT; i++)
        items[i].name = i;
    for (int round = 0; round < 100000; round++) {
        struct item *item = &items[test_random_below(&random, COUNT)];
        uint64_t what = test_random_below(&random, 5);
        if (what == 0) {
            belay_heap_remove(&heap, &item->node);
            model_remove(&model, item);
        } else if (what == 1 && model.count > 0) {
            item = model.entries[0].item;
            assert_int_equal(pop(), item->name);
            model_remove(&model, item);
        } else {
            uint64_t key = test_random_below(&random, 50); /* many ties */
            assert_int_equal(belay_heap_set(&heap, &item->node, key), 0);
            model_set(&model, item, key);
        }
        assert_same(&model);
    }
    for (size_t i = 0; i < model.count; i++)
        assert_int_equal(pop(), model.entries[i].item->name);
    assert_int_equal(pop(), -1);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_ties),
        cmocka_unit_test(test_update_moves_and_the_same_key_does_not),
        cmocka_unit_test(test_reserved_room_cannot_fail),
        cmocka_unit_test(test_each_allocation_can_fail),
        cmocka_unit_test(test_random_against_a_sorted_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
