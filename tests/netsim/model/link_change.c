/* Other words for a link in use: what stays, and what is as they say from then on. */
#include "linkroom.h"

/* `change`: what is queued keeps its time, the rest is as the new words say. */
static void test_change(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 20ms");
    struct netsim_words words = words_of("delay 5ms limit 5000 seed 9");
    size_t allocations;

    (void)state;
    send_id(link, 0, 100, 0);
    assert_int_equal(netsim_link_reserve(link, 5000), 0);
    allocations = counted.allocations;
    assert_int_equal(netsim_link_change(link, &words), 0);
    assert_int_equal(counted.allocations, allocations);
    assert_int_equal(netsim_link_seed(link), SEED);
    for (uint64_t id = 1; id < 1500; id++)
        assert_int_equal(send_id(link, id, 100, 1 * MS).queued, 1);
    assert_int_equal(netsim_link_deadline(link), 6 * MS);
    for (uint64_t id = 1; id < 1500; id++)
        assert_receives(link, id, 6 * MS);
    assert_receives_nothing(link, 20 * MS - 1);
    assert_receives(link, 0, 20 * MS);
    linkroom_end(link);
}

/* The generators and the state of loss go on: a change to the same words changes nothing. */
static void test_change_to_the_same(void **state)
{
    static const char *const rows[] = {
        "loss 20% 30% duplicate 10% 20% corrupt 5% 10% delay 5ms 3ms 25% distribution normal",
        "loss state 10% 30% 20% 40% 2% delay 5ms 3ms reorder 20% 40% gap 3",
        "loss gemodel 10% 30% 70% 2% rate 1mbit delay 5ms",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct counted other_counted = {0};
        struct netsim_words words = words_of(rows[i]);
        struct netsim_link *link = linkroom_begin(rows[i]);
        struct netsim_link *other = link_of(rows[i], SEED, &other_counted);
        struct netsim_delivery a, b;

        for (uint64_t id = 0; id < 2000; id++) {
            struct netsim_fate fate = send_id(link, id, 100, id * MS / 2);
            struct netsim_fate other_fate = send_id(other, id, 100, id * MS / 2);

            assert_memory_equal(&fate, &other_fate, sizeof(fate));
            if (id % 7 == 0)
                assert_int_equal(netsim_link_change(link, &words), 0);
            while (netsim_link_receive(other, id * MS / 2, &b)) {
                assert_true(netsim_link_receive(link, id * MS / 2, &a));
                assert_true(a.id == b.id && a.due_ns == b.due_ns &&
                            a.corrupt_bit == b.corrupt_bit && a.reordered == b.reordered);
            }
            assert_receives_nothing(link, id * MS / 2);
        }
        linkroom_end(link);
        netsim_link_free(other);
    }
}

static void test_change_of_loss(void **state)
{
    struct netsim_link *link = linkroom_begin("");
    struct netsim_words clean = words_of(""), lossy = words_of("loss 100%");

    (void)state;
    assert_int_equal(send_id(link, 0, 100, 0).queued, 1);
    assert_int_equal(netsim_link_change(link, &lossy), 0);
    assert_int_equal(send_id(link, 1, 100, 0).queued, 0);
    assert_int_equal(netsim_link_change(link, &clean), 0);
    assert_int_equal(send_id(link, 2, 100, 0).queued, 1);
    assert_receives(link, 0, 0);
    assert_receives(link, 2, 0);
    linkroom_end(link);
}

/* A packet that waits for a slot is let go by words that have none. */
static void test_change_ends_a_slot(void **state)
{
    struct netsim_link *link = linkroom_begin("slot 1s packets 1");
    struct netsim_words clean = words_of("");

    (void)state;
    send_id(link, 1, 100, 2 * MS);
    assert_receives_nothing(link, 900 * MS);
    assert_int_equal(netsim_link_change(link, &clean), 0);
    assert_true(netsim_link_deadline(link) <= 900 * MS);
    assert_receives(link, 1, 900 * MS);
    linkroom_end(link);
}

/* The greatest time ever given counts, whatever the words were then. */
static void test_fifo_after_a_change(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 20ms");
    struct netsim_words quick = words_of("delay 5ms"), fifo = words_of("delay 5ms x-fifo");

    (void)state;
    send_id(link, 0, 100, 0);
    assert_int_equal(netsim_link_change(link, &quick), 0);
    send_id(link, 1, 100, 1 * MS);
    assert_int_equal(netsim_link_change(link, &fifo), 0);
    send_id(link, 2, 100, 2 * MS);
    assert_receives(link, 1, 6 * MS);
    assert_receives_nothing(link, 20 * MS - 1);
    assert_receives(link, 0, 20 * MS);
    assert_receives(link, 2, 20 * MS);
    linkroom_end(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_change_to_the_same),
        cmocka_unit_test(test_change_of_loss),
        cmocka_unit_test(test_change_ends_a_slot),
        cmocka_unit_test(test_fifo_after_a_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
