#include "linkroom.h"

static void test_clean(void **state)
{
    struct netsim_link *link = linkroom_begin("");
    struct netsim_packet packet = {.id = 5, .len = 100, .user = &counted};
    struct netsim_delivery out;
    struct netsim_fate fate;

    (void)state;
    assert_true(netsim_link_deadline(link) == BELAY_NEVER);
    assert_receives_nothing(link, BELAY_NEVER);
    fate = netsim_link_send(link, &packet, 7 * MS);
    assert_int_equal(fate.queued, 1);
    assert_int_equal(fate.dropped, 0);
    assert_int_equal(netsim_link_deadline(link), 7 * MS);
    assert_true(netsim_link_receive(link, 7 * MS, &out));
    assert_true(out.id == 5 && out.len == 100 && out.user == &counted && out.last);
    assert_true(out.sent_ns == 7 * MS && out.due_ns == 7 * MS && out.corrupt_bit == -1);
    assert_false(out.ce || out.duplicate || out.reordered);
    linkroom_end(link);
}

static void test_delay(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 20ms");

    (void)state;
    send_id(link, 0, 100, 0);
    send_id(link, 1, 100, 0); /* the same time: order kept */
    send_id(link, 2, 100, 1);
    assert_int_equal(netsim_link_deadline(link), 20 * MS);
    assert_receives_nothing(link, 20 * MS - 1);
    assert_receives(link, 0, 20 * MS);
    assert_receives(link, 1, 20 * MS);
    assert_receives_nothing(link, 20 * MS);
    assert_int_equal(netsim_link_deadline(link), 20 * MS + 1);
    assert_receives(link, 2, BELAY_NEVER);
    linkroom_end(link);
}

/*
 * The order of all draws, against the rules written out once more: duplicate, loss, corrupt,
 * then all of the copy, then reorder, delay of the original.
 */
struct mirror {
    struct netsim_random random;
    uint32_t since;
    int events[6];
};

enum { DUPLICATED, LOST, CORRUPTED, REORDERED, DELAYED, COPY_LOST };

static bool below(struct mirror *m, double percent)
{
    return netsim_random_draw(&m->random) <= (uint32_t)rint(percent / 100 * UINT32_MAX);
}

/* Appends the packet's expected time, or nothing. -1: early. */
static void mirror_offer(struct mirror *m, bool copy, int64_t now, int64_t *times, int *count)
{
    bool two = !copy && below(m, 20), lost = below(m, 10);

    m->events[DUPLICATED] += two;
    m->events[LOST] += lost;
    if (lost && !two) {
        m->events[COPY_LOST] += copy;
        return;
    }
    m->events[CORRUPTED] += below(m, 15);
    if (two && !lost)
        mirror_offer(m, true, now, times, count);
    if (m->since >= 2 && below(m, 30)) {
        m->since = 0;
        m->events[REORDERED]++;
        times[(*count)++] = -1;
        return;
    }
    m->since++;
    m->events[DELAYED]++;
    times[(*count)++] = now + 15000000 + netsim_random_draw(&m->random) % 10000000;
}

static void test_order_of_draws(void **state)
{
    struct netsim_link *link =
        linkroom_begin("delay 20ms 5ms loss 10% duplicate 20% corrupt 15% reorder 30% gap 3");
    struct mirror m = {.since = 0};
    struct netsim_stats stats;

    (void)state;
    netsim_random_init(&m.random, SEED);
    for (uint64_t id = 0; id < 3000; id++) {
        uint64_t now = id * 100 * MS; /* alone in the queue */
        struct netsim_fate fate = send_id(link, id, 100, now);
        int64_t want[2];
        int count = 0;

        mirror_offer(&m, false, (int64_t)now, want, &count);
        assert_int_equal(fate.queued, count);
        for (int left = count; left > 0; left--) {
            struct netsim_delivery out;
            int64_t is;
            int i = 0;

            assert_true(netsim_link_receive(link, netsim_link_deadline(link), &out));
            is = out.reordered ? -1 : (int64_t)out.due_ns;
            while (i < count && want[i] != is)
                i++;
            assert_true(i < count);
            want[i] = -2;
            assert_int_equal(out.last, left == 1);
        }
    }
    for (size_t i = 0; i < sizeof(m.events) / sizeof(m.events[0]); i++)
        assert_true(m.events[i] > 10); /* each of them happened */
    netsim_link_stats(link, &stats);
    assert_int_equal(stats.requeues, m.events[REORDERED]);
    assert_int_equal(stats.corrupted, m.events[CORRUPTED]);
    assert_int_equal(stats.packets, 3000);
    assert_int_equal(stats.delivered, m.events[REORDERED] + m.events[DELAYED]);
    linkroom_end(link);
}

static void test_seed(void **state)
{
    struct counted memory = {0};
    struct netsim_link *own = link_of("loss 50% seed 9", 1, &memory);
    struct netsim_link *given = link_of("loss 50%", 9, &memory);
    struct netsim_link *other = link_of("loss 50%", 10, &memory);
    int differ = 0;

    (void)state;
    assert_true(netsim_link_seed(own) == 9 && netsim_link_seed(given) == 9);
    for (uint64_t id = 0; id < 100; id++) {
        unsigned queued = send_id(own, id, 100, 0).queued;

        assert_int_equal(send_id(given, id, 100, 0).queued, queued);
        differ += send_id(other, id, 100, 0).queued != queued;
    }
    assert_true(differ > 20);
    netsim_link_free(own);
    netsim_link_free(given);
    netsim_link_free(other);
    assert_int_equal(memory.bytes, 0);
}

/* No memory: at the start NULL; later, beyond what is reserved, a drop that says so, and what
 * is queued stays. */
static void test_no_memory(void **state)
{
    struct netsim_link *link = linkroom_begin("delay 10ms limit 2000000");
    struct netsim_words wide = words_of("limit 3000000"), words = words_of("");
    struct netsim_delivery out;
    struct belay_memory memory = {counted_resize, &counted};
    struct counted none = {.bytes_max = 10};
    unsigned queued = 0, dropped = 0, got = 0;

    (void)state;
    assert_null(link_of("", 1, &none));
    none.bytes_max = 100000; /* for the link, but not for its queue */
    assert_null(link_of("", 1, &none));
    assert_int_equal(none.bytes, 0);
    counted.bytes_max = counted.bytes + 10000;
    for (uint64_t id = 0; id < NETSIM_RESERVE_MAX + 2000; id++) {
        struct netsim_fate fate = send_id(link, id, 100, 0);

        queued += fate.queued;
        dropped += fate.dropped;
        if (fate.dropped > 0)
            assert_int_equal(fate.drops[0].why, NETSIM_DROP_MEMORY);
    }
    assert_true(queued >= NETSIM_RESERVE_MAX && dropped > 1000);
    assert_int_equal(netsim_link_queued(link), queued);
    while (got < 1000 && netsim_link_receive(link, BELAY_NEVER, &out))
        assert_int_equal(out.id, got++);
    assert_int_equal(got, 1000);
    assert_int_equal(netsim_link_change(link, &wide), 0); /* there is enough already */
    linkroom_end(link);

    link = netsim_link_new(&words, SEED, &memory);
    assert_non_null(link);
    counted.bytes_max = counted.bytes + 1000;
    assert_int_equal(netsim_link_change(link, &wide), BELAY_ENOMEM);
    assert_int_equal(send_id(link, 0, 100, 0).queued, 1);
    assert_receives(link, 0, 0); /* and nothing has changed */
    linkroom_end(link);
}

/* With the queue full, and with copies beyond. */
static void test_no_allocation_after_new(void **state)
{
    struct netsim_link *link =
        linkroom_begin("delay 20ms 5ms loss 5% reorder 25% duplicate 50% limit 99");
    struct netsim_delivery out;
    struct netsim_stats stats;
    size_t allocations = counted.allocations;

    (void)state;
    for (uint64_t id = 0; id < 20000; id++) {
        uint64_t now = id * MS / 10;

        while (netsim_link_receive(link, now, &out))
            ;
        send_id(link, id, 1200, now);
    }
    netsim_link_stats(link, &stats);
    assert_true(stats.dropped_limit > 100);
    assert_int_equal(counted.allocations, allocations);
    linkroom_end(link);
}

/* Every packet is told of exactly once: it leaves, `last`, or was dropped whole. */
static void test_ownership(void **state)
{
    struct netsim_link *link =
        linkroom_begin("delay 5ms 5ms loss 20% duplicate 40% corrupt 5% reorder 30% limit 8");
    static uint8_t held[5000];
    struct netsim_delivery out;

    (void)state;
    for (uint64_t id = 0; id < 5000; id++) {
        uint64_t now = id * MS;

        held[id] = 1;
        while (netsim_link_receive(link, now, &out)) {
            assert_int_equal(held[out.id], 1);
            held[out.id] = !out.last;
        }
        if (send_id(link, id, 100, now).queued == 0)
            held[id] = 0;
    }
    while (netsim_link_receive(link, BELAY_NEVER, &out)) {
        assert_int_equal(held[out.id], 1);
        held[out.id] = !out.last;
    }
    for (size_t id = 0; id < 5000; id++)
        assert_int_equal(held[id], 0);
    linkroom_end(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),          cmocka_unit_test(test_delay),
        cmocka_unit_test(test_order_of_draws), cmocka_unit_test(test_seed),
        cmocka_unit_test(test_no_memory),      cmocka_unit_test(test_no_allocation_after_new),
        cmocka_unit_test(test_ownership),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
