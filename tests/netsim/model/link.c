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

static void test_duplicate(void **state)
{
    struct netsim_link *link = linkroom_begin("duplicate 100% delay 5ms");
    struct netsim_delivery out;
    struct netsim_fate fate;

    (void)state;
    fate = send_id(link, 3, 100, 0);
    assert_int_equal(fate.queued, 2);
    assert_true(netsim_link_receive(link, 5 * MS, &out));
    assert_true(out.id == 3 && out.duplicate && !out.last); /* the copy leaves first */
    assert_true(netsim_link_receive(link, 5 * MS, &out));
    assert_true(out.id == 3 && !out.duplicate && out.last);
    linkroom_end(link);
}

/* Duplicated and lost leaves one, and no drop. */
static void test_duplicate_and_lost(void **state)
{
    struct netsim_link *link = linkroom_begin("duplicate 100% loss 100%");
    struct netsim_fate fate = send_id(link, 0, 100, 0);
    struct netsim_stats stats;

    (void)state;
    assert_int_equal(fate.queued, 1);
    assert_int_equal(fate.dropped, 0);
    netsim_link_stats(link, &stats);
    assert_int_equal(stats.dropped, 0);
    assert_int_equal(stats.duplicated, 0);
    linkroom_end(link);
}

static void test_loss_names(void **state)
{
    static const struct {
        const char *words;
        enum netsim_why why;
        const char *name;
    } rows[] = {
        {"loss 100%", NETSIM_DROP_LOSS, "loss"},
        {"loss state 100% 0%", NETSIM_DROP_STATE, "state"},
        {"loss gemodel 0% 0% 100% 100%", NETSIM_DROP_GEMODEL, "gemodel"},
        {"limit 0", NETSIM_DROP_LIMIT, "limit"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_link *link = linkroom_begin(rows[i].words);
        struct netsim_fate fate = send_id(link, 0, 100, 0);
        struct netsim_stats stats;

        assert_int_equal(fate.queued, 0);
        assert_int_equal(fate.dropped, 1);
        assert_int_equal(fate.drops[0].why, rows[i].why);
        assert_string_equal(netsim_why_name(fate.drops[0].why), rows[i].name);
        netsim_link_stats(link, &stats);
        assert_int_equal(stats.dropped, 1);
        assert_int_equal(stats.dropped_loss + stats.dropped_limit, 1);
        assert_int_equal(stats.overlimits, stats.dropped_limit);
        linkroom_end(link);
    }
}

/* The queue is measured before the copy goes in, so a duplicate may make it limit + 1. */
static void test_limit(void **state)
{
    struct netsim_link *link = linkroom_begin("limit 3 delay 10ms");
    struct netsim_fate fate;

    (void)state;
    for (uint64_t id = 0; id < 3; id++)
        assert_int_equal(send_id(link, id, 100, 0).queued, 1);
    fate = send_id(link, 3, 100, 0);
    assert_true(fate.queued == 0 && fate.drops[0].why == NETSIM_DROP_LIMIT);
    assert_receives(link, 0, 10 * MS);
    assert_int_equal(send_id(link, 4, 100, 10 * MS).queued, 1);
    linkroom_end(link);

    link = linkroom_begin("limit 3 delay 10ms duplicate 100%");
    assert_int_equal(send_id(link, 0, 100, 0).queued, 2);
    assert_int_equal(send_id(link, 1, 100, 0).queued, 2);
    assert_int_equal(netsim_link_queued(link), 4);
    fate = send_id(link, 2, 100, 0);
    assert_true(fate.queued == 0 && fate.dropped == 1); /* both, as one */
    linkroom_end(link);

    link = linkroom_begin("limit 1 delay 10ms duplicate 100%");
    fate = send_id(link, 0, 100, 0); /* the original saw an empty queue, so did the copy */
    assert_true(fate.queued == 2 && fate.dropped == 0);
    linkroom_end(link);
}

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

static void test_ecn(void **state)
{
    struct netsim_link *link = linkroom_begin("loss 100% ecn");
    struct netsim_packet packet = {.id = 1, .len = 100, .ect = true};
    struct netsim_delivery out;
    struct netsim_stats stats;

    (void)state;
    assert_int_equal(send_id(link, 0, 100, 0).dropped, 1); /* not capable */
    assert_int_equal(netsim_link_send(link, &packet, 0).queued, 1);
    assert_true(netsim_link_receive(link, 0, &out) && out.id == 1 && out.ce);
    netsim_link_stats(link, &stats);
    assert_int_equal(stats.marked, 1);
    assert_int_equal(stats.dropped, 2); /* as netem counts */
    linkroom_end(link);
}

/* A copy has its bytes in common with the original, and so the marks. */
static void test_ecn_of_copies(void **state)
{
    struct netsim_link *link = linkroom_begin("loss 50% ecn duplicate 100%");
    struct netsim_delivery out[2];
    uint64_t marked = 0;

    (void)state;
    for (uint64_t id = 0; id < 100; id++) {
        struct netsim_packet packet = {.id = id, .len = 100, .ect = true};

        netsim_link_send(link, &packet, id);
        assert_true(netsim_link_receive(link, id, &out[0]));
        assert_true(netsim_link_receive(link, id, &out[1]));
        assert_int_equal(out[0].ce, out[1].ce);
        marked += out[0].ce;
    }
    assert_binomial((long)marked, 100, 0.75, "either of them would be lost");
    linkroom_end(link);
}

static void test_corrupt(void **state)
{
    struct netsim_link *link = linkroom_begin("corrupt 100% duplicate 100%");
    struct netsim_delivery out;
    long halves[2] = {0, 0};

    (void)state;
    for (uint64_t id = 0; id < 5000; id++) {
        send_id(link, id, 10, id);
        for (int i = 0; i < 2; i++) {
            assert_true(netsim_link_receive(link, id, &out));
            assert_in_range(out.corrupt_bit, 0, 79);
            halves[out.corrupt_bit / 40]++;
        }
    }
    assert_binomial(halves[0], 10000, 0.5, "first half");
    send_id(link, 0, 0, 6000); /* there is nothing to flip */
    assert_true(netsim_link_receive(link, 6000, &out) && out.corrupt_bit == -1);
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
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_order_of_draws),
        cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_duplicate_and_lost),
        cmocka_unit_test(test_loss_names),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_early_is_a_stack),
        cmocka_unit_test(test_jitter_above_delay),
        cmocka_unit_test(test_jitter_at_time_0),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_rate_keeps_order),
        cmocka_unit_test(test_ecn),
        cmocka_unit_test(test_ecn_of_copies),
        cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_slot),
        cmocka_unit_test(test_slot_with_delay),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_allocation_after_new),
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_change_to_the_same),
        cmocka_unit_test(test_change_ends_a_slot),
        cmocka_unit_test(test_fifo),
        cmocka_unit_test(test_fifo_with_reorder),
        cmocka_unit_test(test_fifo_after_a_change),
        cmocka_unit_test(test_ownership),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
