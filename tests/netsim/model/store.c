#include "../fixture.h"

#include "netsim/model/store.h"

#define ITEM_BYTES 24

static struct counted counted;
static struct belay_mem mem;
static struct netsim_store store;

static void begin(void)
{
    struct belay_memory memory = {counted_resize, &counted};

    counted = (struct counted){0};
    belay_mem_init(&mem, &memory);
    netsim_store_init(&store, ITEM_BYTES, &mem);
}

static void end(void)
{
    netsim_store_dispose(&store);
    assert_int_equal(counted.bytes, 0);
}

/* Takes count items, each its own, and gives them back. */
static void use(size_t count)
{
    static unsigned char *items[1000];

    assert_true(count <= 1000);
    for (size_t i = 0; i < count; i++) {
        items[i] = netsim_store_take(&store);
        assert_non_null(items[i]);
        memset(items[i], (int)(i % 251), ITEM_BYTES);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < ITEM_BYTES; k++)
            assert_int_equal(items[i][k], i % 251);
        netsim_store_give(&store, items[i]);
    }
}

static void test_reserved(void **state)
{
    (void)state;
    begin();
    assert_int_equal(netsim_store_reserve(&store, 100), 0);
    assert_int_equal(netsim_store_reserve(&store, 50), 0);
    assert_int_equal(counted.allocations, 1);
    use(10);
    assert_int_equal(netsim_store_reserve(&store, 500), 0);
    use(500);
    use(500);
    assert_int_equal(counted.allocations, 2);
    end();
}

static void test_grows(void **state)
{
    size_t allocations;

    (void)state;
    begin();
    use(1);
    use(1000);
    allocations = counted.allocations;
    use(1000);
    assert_int_equal(counted.allocations, allocations);
    end();
}

static void test_no_memory(void **state)
{
    void *first;

    (void)state;
    begin();
    counted.bytes_max = 10;
    assert_null(netsim_store_take(&store));
    assert_int_equal(netsim_store_reserve(&store, 1), BELAY_ENOMEM);
    assert_int_equal(netsim_store_reserve(&store, SIZE_MAX), BELAY_ENOMEM);
    counted.bytes_max = 100;
    assert_int_equal(netsim_store_reserve(&store, 1), 0);
    first = netsim_store_take(&store);
    assert_non_null(first);
    assert_null(netsim_store_take(&store));
    netsim_store_give(&store, first);
    assert_ptr_equal(netsim_store_take(&store), first);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
