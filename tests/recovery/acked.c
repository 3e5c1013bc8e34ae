#include "recovery/story.h"

static void test_what_was_never_sent_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        struct belay_range ranges[3]; /* 10 .. 19 were sent */
    } rows[] = {
        {1, {{10, 21}}},
        {1, {{20, 21}}},
        {1, {{9, 12}}},
        {1, {{0, UINT64_MAX}}},
        {2, {{15, 20}, {3, 4}}},
        {2, {{15, 18}, {10, 16}}},
        {2, {{10, 12}, {15, 17}}},
        {1, {{12, 12}}},
        {1, {{14, 12}}},
        {3, {{18, 19}, {15, 16}, {16, 17}}},
    };
    struct story s;
    story_start(&s, 10);
    story_send(&s, 10);
    story_wait(&s, 10 * MS);
    struct belay_recovery before = s.r;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            belay_recovery_acked(&s.r, rows[i].ranges, rows[i].count, 0, s.now_ns, &s.sink),
            BELAY_EPROTO);
        assert_memory_equal(&s.r, &before, sizeof(before));
    }
    assert_int_equal(s.acked_count + s.lost_count, 0);
    assert_int_equal(belay_recovery_acked(&s.r, NULL, 0, 0, s.now_ns, &s.sink), 0);
    story_ack(&s, 10, 20); /* all of them are still there */
    assert_int_equal(s.acked_count, 10);
    story_finish(&s);
}

/* An ACK of a number that was left out is from one who saw no packet. */
static void test_what_was_skipped_is_not_acknowledged(void **state)
{
    static const struct {
        uint64_t lo, hi;
        int error;
    } rows[] = {{2, 3, BELAY_EPROTO},
                {0, 5, BELAY_EPROTO},
                {1, 3, BELAY_EPROTO},
                {2, 5, BELAY_EPROTO},
                {3, 5, 0},
                {0, 2, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_range range = {rows[i].lo, rows[i].hi};
        struct story s;
        story_start(&s, 0);
        for (unsigned n = 0; n < 5; n++) {
            if (n == 2) {
                assert_int_equal(belay_recovery_reserve(&s.r, 0), 0);
                belay_recovery_skip(&s.r, s.now_ns);
            } else {
                story_send(&s, 1);
            }
        }
        assert_int_equal(belay_recovery_acked(&s.r, &range, 1, 0, s.now_ns, &s.sink),
                         rows[i].error);
        story_finish(&s);
    }
}

static void test_repeated_acks_say_nothing_new(void **state)
{
    (void)state;
    static const struct belay_range ranges[] = {{17, 20}, {14, 16}, {10, 12}};
    struct story s;
    story_start(&s, 10);
    story_send(&s, 12);
    story_wait(&s, 10 * MS);
    assert_int_equal(belay_recovery_acked(&s.r, ranges, 3, 0, s.now_ns, &s.sink), 0);
    assert_int_equal(s.acked_count, 7);
    assert_int_equal(s.lost_count, 3); /* 12, 13, 16 */
    uint64_t window = belay_recovery_window_bytes(&s.r), srtt = s.r.rtt.smoothed_ns;
    for (int i = 0; i < 3; i++) {
        story_wait(&s, MS);
        assert_int_equal(belay_recovery_acked(&s.r, ranges, 3, 0, s.now_ns, &s.sink), 0);
    }
    assert_int_equal(s.acked_count, 7);
    assert_int_equal(s.lost_count, 3);
    assert_int_equal(belay_recovery_window_bytes(&s.r), window);
    assert_int_equal(s.r.rtt.smoothed_ns, srtt);
    assert_int_equal(s.r.in_flight_bytes, 2 * PACKET_BYTES);
    story_finish(&s);
}

static void test_rtt_samples(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_send(&s, 4);
    uint64_t ack_only = story_send_ack_only(&s);
    story_wait(&s, 40 * MS);
    story_ack(&s, 1, 2);
    assert_int_equal(s.r.rtt.latest_ns, 40 * MS);
    story_wait(&s, 20 * MS);
    story_ack(&s, 0, 2); /* the largest is not new: no sample */
    assert_int_equal(s.r.rtt.latest_ns, 40 * MS);
    /* The largest need not ask for the ACK itself when something with it did; the delay counts
     * up to the 25 ms that the peer promised: 90 of 100 ms would else be its own. */
    story_wait(&s, 40 * MS);
    const struct belay_range range = {2, ack_only + 1};
    assert_int_equal(belay_recovery_acked(&s.r, &range, 1, 90 * MS, s.now_ns, &s.sink), 0);
    assert_int_equal(s.r.rtt.latest_ns, 100 * MS);
    assert_int_equal(s.r.rtt.smoothed_ns, (7 * 40 + 75) * MS / 8);
    /* An ACK of nothing but such a packet is none. */
    ack_only = story_send_ack_only(&s);
    story_wait(&s, 10 * MS);
    story_ack(&s, ack_only, ack_only + 1);
    assert_int_equal(s.r.rtt.latest_ns, 100 * MS);
    assert_int_equal(s.r.largest_acked, ack_only);
    story_finish(&s);
}

static void test_an_unused_window_does_not_grow(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    belay_recovery_set_app_limited(&s.r, true);
    story_round_trip(&s, 40 * MS);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 10000);
    /* Data ran out when the window was just full: it was used. */
    uint64_t first = story_send(&s, 10);
    story_wait(&s, 40 * MS);
    story_ack(&s, first, first + 10);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 20000);
    /* Sending stopped for another reason, the pacer say. */
    belay_recovery_set_app_limited(&s.r, false);
    story_round_trip(&s, 40 * MS);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 21000);
    story_finish(&s);
}

static struct belay_congestion_acked told;

static void hear_controller(void *controller, const struct belay_congestion_acked *acked,
                            uint64_t now_ns)
{
    (void)controller;
    (void)now_ns;
    told = *acked;
}

static void test_what_the_controller_is_told(void **state)
{
    (void)state;
    struct belay_congestion listener = belay_newreno;
    listener.on_acked = hear_controller;
    struct story s;
    story_start(&s, 0);
    s.r.congestion = &listener;
    for (int i = 0; i < 6; i++) {
        story_send(&s, 1);
        story_wait(&s, MS);
    }
    static const struct belay_range ranges[] = {{3, 5}, {1, 2}};
    assert_int_equal(belay_recovery_acked(&s.r, ranges, 2, 0, s.now_ns, &s.sink), 0);
    assert_int_equal(told.bytes, 3 * PACKET_BYTES);
    assert_int_equal(told.in_flight_bytes, 3 * PACKET_BYTES); /* losses come after */
    assert_int_equal(told.sent_ns, 1004 * MS);
    assert_int_equal(told.rtt_ns, 2 * MS);
    assert_int_equal(told.rtt_min_ns, 2 * MS);
    assert_int_equal(told.rtt_smoothed_ns, 2 * MS);
    assert_false(told.app_limited);
    assert_false(told.is_reordered);
    s.r.packet_threshold += 8;
    story_ack(&s, 5, 6);
    assert_true(told.is_reordered);
    story_finish(&s);
}

/* However the peer words its ACKs, the packets looked at are a small multiple of those sent. */
static void test_an_ack_costs_what_it_tells(void **state)
{
    (void)state;
    enum { COUNT = 4000, REPEATS = 200, RANGES = 256 };
    struct story s;
    story_start(&s, 0);
    story_send(&s, COUNT);
    story_wait(&s, 10 * MS);
    /* The first stays in flight, but for one; every other of the rest is acknowledged. */
    s.r.packet_threshold = 2 * COUNT;
    struct belay_range ranges[RANGES];
    for (uint64_t top = COUNT; top > 2 * RANGES; top -= RANGES) {
        for (uint64_t i = 0; i < RANGES; i++)
            ranges[i] = (struct belay_range){top - 2 * i - 1, top - 2 * i};
        assert_int_equal(belay_recovery_acked(&s.r, ranges, RANGES, 0, s.now_ns, &s.sink), 0);
    }
    story_ack(&s, 1, COUNT);
    assert_int_equal(s.acked_count, COUNT - 1);
    s.r.log.visits = 0;
    for (int i = 0; i < REPEATS; i++)
        story_ack(&s, 1, COUNT);
    assert_in_range(s.r.log.visits, 0, 4 * REPEATS);
    /* From every place in the middle too, which no range ended at before. */
    s.r.log.visits = 0;
    for (uint64_t hi = COUNT; hi > 1; hi--)
        story_ack(&s, 1, hi);
    assert_in_range(s.r.log.visits, 0, 20 * COUNT);
    story_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_never_sent_changes_nothing),
        cmocka_unit_test(test_what_was_skipped_is_not_acknowledged),
        cmocka_unit_test(test_repeated_acks_say_nothing_new),
        cmocka_unit_test(test_rtt_samples),
        cmocka_unit_test(test_an_unused_window_does_not_grow),
        cmocka_unit_test(test_what_the_controller_is_told),
        cmocka_unit_test(test_an_ack_costs_what_it_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
