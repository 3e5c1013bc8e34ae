/* When packets leave: jitter, rate and slots, and which of them pass others. */
#include "linkroom.h"

static void test_gap(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 10ms reorder 100% gap 5");
    struct netsim_delivery out;

    (void)state;
    for (uint64_t id = 0; id < 20; id++) {
        bool early = id % 5 == 4;

        send_id(link, id, 100, id);
        assert_int_equal(netsim_link_receive(link, id, &out), early);
        if (early)
            assert_true(out.id == id && out.reordered && out.due_ns == id);
    }
    linkroom_end(link);
}

/* Those that pass the queue leave last in, first out, when nobody fetched them before. */
static void test_early_is_a_stack(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 10ms reorder 100%");

    (void)state;
    for (uint64_t id = 0; id < 3; id++)
        send_id(link, id, 100, 0);
    assert_receives(link, 2, 0);
    assert_receives(link, 1, 0);
    assert_receives(link, 0, 0);
    linkroom_end(link);
}

/* A delay below zero is no delay: of [-20 ms, 60 ms) a quarter. */
static void test_jitter_above_delay(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 20ms 40ms limit 100000");
    struct netsim_delivery out;
    long at_once = 0;

    (void)state;
    for (uint64_t id = 0; id < 20000; id++) {
        uint64_t now = 1000 * MS + id * 100 * MS;

        send_id(link, id, 100, now);
        if (netsim_link_receive(link, now, &out)) {
            at_once++;
            assert_int_equal(out.due_ns, now);
        }
        while (netsim_link_receive(link, now + 99 * MS, &out))
            ;
    }
    assert_binomial(at_once, 20000, 0.25, "at once");
    linkroom_end(link);
}

static void test_jitter_at_time_0(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 0 40ms");

    (void)state;
    for (uint64_t id = 0; id < 100; id++) {
        send_id(link, id, 100, 0);
        assert_true(netsim_link_deadline(link) < 40 * MS);
    }
    linkroom_end(link);
}

/* 1000 bytes at 8 mbit are 1 ms; one after the other, and delay overlaps the queueing. */
static void test_rate(void **state)
{
    struct netsim_link *link = linkroom_begin("rate 8mbit delay 3ms");

    (void)state;
    send_id(link, 0, 1000, 0); /* 3 + 1 */
    send_id(link, 1, 1000, 0); /* behind it: delay is used up */
    send_id(link, 2, 1000, 2 * MS);
    assert_int_equal(netsim_link_deadline(link), 4 * MS);
    assert_receives(link, 0, 4 * MS);
    assert_int_equal(netsim_link_deadline(link), 5 * MS);
    assert_receives(link, 1, 5 * MS);
    assert_int_equal(netsim_link_deadline(link), 6 * MS);
    assert_receives(link, 2, 6 * MS);
    send_id(link, 3, 2000, 10 * MS); /* alone again */
    assert_int_equal(netsim_link_deadline(link), 15 * MS);
    linkroom_end(link);
}

static void test_rate_keeps_order(void **state)
{
    struct netsim_link *link = linkroom_begin("rate 8mbit delay 20ms 10ms");
    struct netsim_delivery out;
    uint64_t last = 0;

    (void)state;
    for (uint64_t id = 0; id < 500; id++)
        send_id(link, id, 1000, id * MS / 2);
    for (uint64_t id = 0; netsim_link_receive(link, BELAY_NEVER, &out); id++) {
        assert_int_equal(out.id, id);
        assert_true(id == 0 || out.due_ns >= last + 1 * MS);
        last = out.due_ns;
    }
    linkroom_end(link);
}

static void test_slot(void **state)
{
    struct netsim_link *link = linkroom_begin("slot 10ms packets 2");
    uint64_t now = 1 * MS;

    (void)state;
    for (uint64_t id = 0; id < 6; id++)
        send_id(link, id, 100, now);
    for (uint64_t id = 0; id < 6; id++) {
        assert_int_equal(netsim_link_deadline(link), now + (id / 2 + 1) * 10 * MS);
        assert_receives(link, id, netsim_link_deadline(link));
    }
    linkroom_end(link);
}

/* Slots that open too soon are drawn anew, and everything still leaves. */
static void test_slot_with_delay(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 20ms 5ms slot 3ms 9ms packets 1");
    struct netsim_delivery out;
    int got = 0;

    (void)state;
    for (uint64_t id = 0; id < 50; id++)
        send_id(link, id, 100, id * MS);
    for (int tries = 0; tries < 1000 && netsim_link_queued(link) > 0; tries++) {
        uint64_t now = netsim_link_deadline(link);

        while (netsim_link_receive(link, now, &out)) {
            got++;
            assert_true(out.due_ns <= now && now >= 15 * MS);
        }
    }
    assert_int_equal(got, 50);
    linkroom_end(link);
}

/* Jitter without reordering; also behind packets that have left, and with copies. */
static void test_fifo(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 20ms 15ms duplicate 10% x-fifo");
    struct netsim_delivery out;
    uint64_t last_id = 0, last_ns = 0, got = 0;
    long moved = 0;

    (void)state;
    for (uint64_t id = 0; id < 3000; id++) {
        uint64_t now = id * MS;

        while (netsim_link_receive(link, now, &out)) {
            assert_true(out.id >= last_id && out.due_ns >= last_ns);
            moved += out.due_ns == last_ns; /* held back by the one before */
            last_id = out.id;
            last_ns = out.due_ns;
            got++;
        }
        send_id(link, id, 100, now);
    }
    assert_true(got > 3000 && moved > 1000);
    linkroom_end(link);
}

/* A reordered packet passes all the same, and holds nobody back. */
static void test_fifo_with_reorder(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 10ms reorder 100% gap 2 x-fifo");

    (void)state;
    send_id(link, 0, 100, 0);
    send_id(link, 1, 100, 1);
    assert_receives(link, 1, 1);
    send_id(link, 2, 100, 2);
    assert_receives(link, 0, 10 * MS);
    assert_receives(link, 2, 10 * MS + 2);
    linkroom_end(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_early_is_a_stack),
        cmocka_unit_test(test_jitter_above_delay),
        cmocka_unit_test(test_jitter_at_time_0),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_rate_keeps_order),
        cmocka_unit_test(test_slot),
        cmocka_unit_test(test_slot_with_delay),
        cmocka_unit_test(test_fifo),
        cmocka_unit_test(test_fifo_with_reorder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
