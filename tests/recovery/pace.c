#include "recovery/story.h"

#include "recovery/pace.h"

/* A table over the round trip: the window is the initial one and one packet, in slow start. */
static void test_rate_from_window_and_round_trip(void **state)
{
    (void)state;
    static const struct {
        uint64_t rtt_ns, rate, burst;
    } rows[] = {
        {999999, 0, 11000}, /* below 1 ms: unpaced */
        {1 * MS, 22000000, 22000},
        {10 * MS, 2200000, 10000},
        {100 * MS, 220000, 10000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct story s;
        story_start(&s, 0);
        story_round_trip(&s, rows[i].rtt_ns);
        assert_int_equal(belay_recovery_window_bytes(&s.r), 11 * PACKET_BYTES);
        assert_int_equal(s.r.pacer.rate_bytes_per_s, rows[i].rate);
        assert_int_equal(s.r.pacer.burst_bytes, rows[i].burst);
        story_finish(&s);
    }
}

static void test_after_slow_start_it_is_five_quarters(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 100 * MS);
    uint64_t first = story_send(&s, 5);
    story_wait(&s, 100 * MS);
    story_ack(&s, first + 1, first + 5);
    assert_int_equal(s.lost_count, 1);
    /* (11 + 4) / 2 packets, a smoothed round trip of 100 ms. */
    assert_int_equal(belay_recovery_window_bytes(&s.r), 7500);
    assert_int_equal(s.r.pacer.rate_bytes_per_s, 7500 * 10 * 5 / 4);
    story_finish(&s);
}

static void test_pacing_holds_back_and_says_until_when(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 100 * MS); /* 220 bytes a millisecond */
    story_send(&s, 10);
    assert_int_equal(belay_recovery_pacer_left(&s.r, s.now_ns), 0);
    uint64_t when = belay_recovery_pacer_time(&s.r);
    assert_int_equal(when, s.now_ns + 4545455); /* 1000 bytes at 220,000 a second, rounded up */
    assert_int_equal(belay_recovery_pacer_left(&s.r, when), PACKET_BYTES);
    assert_int_equal(belay_recovery_pacer_time(&s.r), 0);
    story_finish(&s);
}

/* A host that wakes 5 ms late may send what it missed, and only that; when it is punctual again
 * for long it may not any more. */
static void test_what_a_late_wake_missed_may_be_made_up_for(void **state)
{
    struct story s;
    uint64_t when;
    (void)state;

    story_start(&s, 0);
    story_round_trip(&s, 2 * MS); /* 11,000,000 bytes a second, and a burst of 11,000 */
    assert_int_equal(s.r.pacer.burst_bytes, 11000);
    story_send(&s, 11);
    when = belay_recovery_pacer_time(&s.r);
    s.now_ns = when + 5 * MS;
    belay_recovery_woken_late(&s.r, 5 * MS);
    assert_int_equal(s.r.pacer.burst_bytes, 66000); /* of 6 ms */
    assert_in_range(belay_recovery_pacer_left(&s.r, s.now_ns), 55000, 65000);
    belay_recovery_woken_late(&s.r, 900 * MS);
    assert_int_equal(s.r.pacer.burst_bytes, 11 * 11000); /* 10 ms and no more */
    for (unsigned i = 0; i < 200; i++)
        belay_recovery_woken_late(&s.r, 0);
    belay_recovery_pace(&s.r, s.now_ns);
    assert_in_range(s.r.pacer.burst_bytes, 11000, 11010);
    assert_true(belay_recovery_pacer_left(&s.r, s.now_ns) <= s.r.pacer.burst_bytes);
    story_finish(&s);
}

static uint64_t fast_rate(const void *state)
{
    (void)state;
    return 1000000000;
}

static void test_the_controllers_rate_wins(void **state)
{
    (void)state;
    struct belay_congestion fast = belay_newreno;
    fast.rate_bytes_per_s = fast_rate;
    struct story s;
    story_start(&s, 0);
    s.r.congestion = &fast;
    story_round_trip(&s, MS);
    assert_int_equal(s.r.pacer.rate_bytes_per_s, 1000000000);
    assert_int_equal(s.r.pacer.burst_bytes, 1000000); /* a millisecond of it */
    story_finish(&s);
    story_start(&s, 0);
    s.r.congestion = &fast;
    story_round_trip(&s, MS - 1); /* a round trip shorter than the burst */
    assert_int_equal(s.r.pacer.rate_bytes_per_s, 0);
    assert_int_equal(s.r.pacer.burst_bytes, belay_recovery_window_bytes(&s.r));
    story_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_from_window_and_round_trip),
        cmocka_unit_test(test_after_slow_start_it_is_five_quarters),
        cmocka_unit_test(test_pacing_holds_back_and_says_until_when),
        cmocka_unit_test(test_what_a_late_wake_missed_may_be_made_up_for),
        cmocka_unit_test(test_the_controllers_rate_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
