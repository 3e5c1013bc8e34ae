#include "../fixture.h"

#include "netsim/model/queue.h"

struct setup {
    struct counted counted;
    struct belay_mem mem;
    struct netsim_queue queue;
};

static void begin(struct setup *s)
{
    struct belay_memory memory = {counted_resize, &s->counted};

    s->counted = (struct counted){0};
    belay_mem_init(&s->mem, &memory);
    netsim_queue_init(&s->queue, &s->mem);
}

static void end(struct setup *s)
{
    netsim_queue_dispose(&s->queue);
    assert_int_equal(s->counted.bytes, 0);
}

static struct netsim_entry *push(struct setup *s, uint64_t id, int64_t time_ns, bool early)
{
    struct netsim_entry *entry = netsim_queue_take(&s->queue);

    assert_non_null(entry);
    entry->packet.id = id;
    entry->time_ns = time_ns;
    if (early)
        netsim_queue_push_early(&s->queue, entry);
    else
        netsim_queue_push(&s->queue, entry);
    return entry;
}

static void assert_pops(struct setup *s, uint64_t id)
{
    struct netsim_entry *entry = netsim_queue_pop(&s->queue);

    assert_non_null(entry);
    assert_int_equal(entry->packet.id, id);
    netsim_queue_give(&s->queue, entry);
}

/* By time, negative ones too; equal times as they came; the early ones first, last in first. */
static void test_order(void **state)
{
    struct setup s;

    (void)state;
    begin(&s);
    assert_null(netsim_queue_pop(&s.queue));
    push(&s, 1, 50, false);
    push(&s, 2, -5, false);
    push(&s, 3, 50, false);
    push(&s, 4, INT64_MIN, false);
    push(&s, 5, INT64_MAX, false);
    push(&s, 6, 10, true);
    push(&s, 7, 20, true);
    for (const char *id = "7642135"; *id != '\0'; id++)
        assert_pops(&s, (uint64_t)(*id - '0'));
    assert_null(netsim_queue_first(&s.queue));
    end(&s);
}

static void test_greatest(void **state)
{
    struct setup s;
    int64_t at;

    (void)state;
    begin(&s);
    assert_false(netsim_queue_greatest(&s.queue, &at));
    push(&s, 1, 70, false);
    push(&s, 2, 30, false);
    assert_true(netsim_queue_greatest(&s.queue, &at) && at == 70);
    push(&s, 3, 90, true);
    push(&s, 4, 95, true); /* of the early ones the oldest counts, as in the kernel */
    assert_true(netsim_queue_greatest(&s.queue, &at) && at == 90);
    for (int i = 0; i < 4; i++)
        netsim_queue_give(&s.queue, netsim_queue_pop(&s.queue));
    assert_false(netsim_queue_greatest(&s.queue, &at));
    push(&s, 5, 10, false);
    assert_true(netsim_queue_greatest(&s.queue, &at) && at == 10); /* 70 is forgotten */
    end(&s);
}

/* Against sorting, with many of the same time; and no allocation once it has grown. */
static void test_many(void **state)
{
    struct netsim_random random;
    struct setup s;
    size_t allocations = 0;

    (void)state;
    begin(&s);
    netsim_random_init(&random, 8);
    for (int round = 0; round < 20; round++) {
        int64_t last_time = INT64_MIN;
        uint64_t last_id = 0;

        for (uint64_t id = 0; id < 500; id++)
            push(&s, id, netsim_random_below(&random, 40), false);
        for (int i = 0; i < 500; i++) {
            struct netsim_entry *entry = netsim_queue_pop(&s.queue);

            assert_true(entry->time_ns > last_time ||
                        (entry->time_ns == last_time && entry->packet.id > last_id));
            last_time = entry->time_ns;
            last_id = entry->packet.id;
            netsim_queue_give(&s.queue, entry);
        }
        if (round == 0)
            allocations = s.counted.allocations;
    }
    assert_int_equal(s.counted.allocations, allocations);
    end(&s);
}

/* What was reserved is there without a byte more, and what came back is used again. */
static void test_reserve(void **state)
{
    struct netsim_entry *taken[100];
    struct setup s;

    (void)state;
    begin(&s);
    assert_int_equal(netsim_queue_reserve(&s.queue, 40), 0);
    assert_int_equal(netsim_queue_reserve(&s.queue, 100), 0);
    assert_int_equal(netsim_queue_reserve(&s.queue, 10), 0);
    s.counted.bytes_max = s.counted.bytes;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            taken[i] = push(&s, (uint64_t)i, i, i % 2 == 0);
            assert_int_equal(taken[i]->corrupt_bit, -1);
        }
        assert_null(netsim_queue_take(&s.queue));
        for (int i = 0; i < 100; i++)
            netsim_queue_give(&s.queue, netsim_queue_pop(&s.queue));
    }
    s.counted.bytes_max = 0;
    for (int i = 0; i < 200; i++) /* and beyond, when there is memory */
        push(&s, (uint64_t)i, i, false);
    for (int i = 0; i < 200; i++)
        assert_pops(&s, (uint64_t)i);
    assert_int_equal(netsim_queue_reserve(&s.queue, SIZE_MAX / 2), BELAY_ENOMEM);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_greatest),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_reserve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
