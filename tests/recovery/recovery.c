#include "recovery/story.h"

static void test_at_the_start(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 500);
    assert_int_equal(belay_recovery_next_number(&s.r), 500);
    assert_int_equal(belay_recovery_deadline(&s.r), BELAY_NEVER);
    assert_int_equal(belay_recovery_window_left(&s.r), 10000);
    assert_int_equal(belay_recovery_pacer_left(&s.r, 0), 10000);
    assert_int_equal(belay_recovery_pacer_time(&s.r), 0);
    assert_int_equal(belay_recovery_timeout(&s.r, s.now_ns, &s.sink), 0);
    assert_false(belay_recovery_repeat_oldest(&s.r, &s.sink));
    story_finish(&s);
}

static void test_set_peer(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    assert_int_equal(belay_recovery_pto_ns(&s.r), (100 + 4 * 50 + 25) * MS);
    belay_recovery_set_peer(&s.r, 10 * MS, 1400, 40 * MS, s.now_ns);
    assert_int_equal(belay_recovery_pto_ns(&s.r), (40 + 4 * 20 + 10) * MS);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 14000);
    belay_recovery_set_peer(&s.r, 10 * MS, 1400, 0, s.now_ns);
    assert_int_equal(s.r.rtt.smoothed_ns, 40 * MS);
    /* A window that was learned stays, whatever a datagram holds. */
    story_round_trip(&s, 40 * MS);
    belay_recovery_set_peer(&s.r, 10 * MS, 1200, 0, s.now_ns);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 15000);
    story_finish(&s);
}

/* PTO: 40 + 4 * 20 + 25 = 145 ms, doubling up to 2 s. */
static void test_pto_backs_off_up_to_its_cap(void **state)
{
    (void)state;
    static const uint64_t waits_ms[] = {145, 290, 580, 1160, 2000, 2000, 2000};
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 40 * MS);
    story_send(&s, 1);
    for (size_t i = 0; i < 7; i++) {
        uint64_t deadline = belay_recovery_deadline(&s.r);
        assert_int_equal(deadline, s.now_ns + waits_ms[i] * MS);
        assert_int_equal(belay_recovery_timeout(&s.r, deadline - 1, &s.sink), 0);
        assert_int_equal(s.r.probe_timeouts, i);
        s.now_ns = deadline;
        /* One probe for one packet, two when the first did not help. */
        assert_int_equal(belay_recovery_timeout(&s.r, s.now_ns, &s.sink), i == 0 ? 1 : 2);
        assert_int_equal(s.r.pto_count, i + 1);
    }
    for (int i = 0; i < 1000; i++) {
        s.now_ns = belay_recovery_deadline(&s.r);
        belay_recovery_timeout(&s.r, s.now_ns, &s.sink);
    }
    assert_int_equal(belay_recovery_pto_backed_off_ns(&s.r), 2000 * MS);
    assert_int_equal(s.lost_count, 0);

    story_ack(&s, 1, 2); /* something new: the backoff is over */
    assert_int_equal(s.r.pto_count, 0);
    assert_int_equal(belay_recovery_deadline(&s.r), BELAY_NEVER);
    story_finish(&s);
}

static void test_a_slow_path_is_not_probed_early(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 3000 * MS);
    uint64_t pto_ns = belay_recovery_pto_ns(&s.r);
    assert_int_equal(pto_ns, (3000 + 6000 + 25) * MS);
    s.r.pto_count = 5;
    assert_int_equal(belay_recovery_pto_backed_off_ns(&s.r), pto_ns);
    story_finish(&s);
}

static void test_probes_repeat_the_oldest_once(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 40 * MS);
    uint64_t first = story_send(&s, 3);
    story_ack(&s, first + 1, first + 2);
    story_forget_heard(&s);
    assert_int_equal(s.r.loss_time_ns != BELAY_NEVER, true);
    s.r.loss_time_ns = BELAY_NEVER; /* PTO it is */
    s.now_ns = belay_recovery_deadline(&s.r);
    assert_int_equal(belay_recovery_timeout(&s.r, s.now_ns, &s.sink), 2);
    assert_true(belay_recovery_repeat_oldest(&s.r, &s.sink));
    assert_true(belay_recovery_repeat_oldest(&s.r, &s.sink));
    assert_false(belay_recovery_repeat_oldest(&s.r, &s.sink));
    assert_int_equal(s.lost_count, 2);
    assert_int_equal(s.lost[0], first);
    assert_int_equal(s.lost[1], first + 2);
    assert_int_equal(s.r.packets_lost, 0);
    assert_int_equal(s.r.in_flight_bytes, 2 * PACKET_BYTES);

    /* The probes carry the records now: that the old packets are lost is no news. */
    uint64_t probe = story_send(&s, 4);
    story_wait(&s, 40 * MS);
    story_ack(&s, probe + 3, probe + 4);
    assert_int_equal(s.r.packets_lost, 3);
    assert_int_equal(s.lost_count, 3);
    assert_int_equal(s.lost[2], probe);
    story_finish(&s);
}

static void test_probes_pass_the_window(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_send(&s, 10);
    assert_int_equal(belay_recovery_window_left(&s.r), 0);
    s.now_ns = belay_recovery_deadline(&s.r);
    assert_int_equal(belay_recovery_timeout(&s.r, s.now_ns, &s.sink), 2);
    assert_int_equal(belay_recovery_reserve(&s.r, 0), 0);
    belay_recovery_sent(&s.r, 100, BELAY_SENT_ELICITING | BELAY_SENT_PROBE, NULL, 0, s.now_ns);
    assert_int_equal(s.r.in_flight_bytes, 10100);
    assert_int_equal(belay_recovery_window_left(&s.r), 0);
    story_finish(&s);
}

static void test_what_carries_only_an_ack_is_not_in_flight(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    for (int i = 0; i < 1000; i++)
        story_send_ack_only(&s);
    assert_int_equal(s.r.in_flight_bytes, 0);
    assert_int_equal(belay_recovery_deadline(&s.r), BELAY_NEVER);
    assert_int_equal(belay_recovery_pacer_left(&s.r, s.now_ns), 10000);
    assert_int_equal(s.r.log.packet_capacity, 8); /* settled at once */
    const struct belay_record record = {{0, 0, 0}};
    assert_int_equal(belay_recovery_reserve(&s.r, 1), 0);
    belay_recovery_sent(&s.r, 50, 0, &record, 1, s.now_ns);
    assert_int_equal(s.r.log.next_record, 0); /* nobody will ever ask for it */
    uint64_t first = story_send(&s, 1);
    for (int i = 0; i < 5; i++)
        story_send_ack_only(&s);
    uint64_t last = story_send(&s, 1);
    story_wait(&s, 10 * MS);
    story_ack(&s, last, last + 1);
    assert_int_equal(s.r.packets_lost, 1); /* by number: those between count as overtaking */
    assert_int_equal(s.lost[0], first);
    story_finish(&s);
}

static void test_out_of_memory_changes_nothing(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_send(&s, 16);
    struct belay_recovery before = s.r;
    s.memory.fail_at = -1;
    assert_int_equal(belay_recovery_reserve(&s.r, 1), BELAY_ENOMEM);
    assert_memory_equal(&s.r, &before, sizeof(before));
    s.memory.fail_at = 0;
    story_send(&s, 1);
    story_wait(&s, 10 * MS);
    s.memory.fail_at = -1; /* and nothing else asks for any */
    story_ack(&s, 5, 17);
    s.now_ns += 10 * MS;
    belay_recovery_timeout(&s.r, s.now_ns, &s.sink);
    assert_int_equal(s.acked_count, 12);
    assert_int_equal(s.lost_count, 5);
    story_finish(&s);
}

/* ------------------------------------------------------------------ another path */

/* Slow start, a loss, a long round trip: nothing of it holds where packets go now. */
static void test_a_new_path_begins_anew(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 400 * MS);
    uint64_t first = story_send(&s, 8);
    story_wait(&s, 400 * MS);
    story_ack(&s, first + 4, first + 8); /* four are lost: the window is halved */
    assert_true(belay_recovery_window_bytes(&s.r) < 11000);
    s.r.packet_threshold = 50;
    first = story_send(&s, 3);
    belay_recovery_new_path(&s.r, 20 * MS, s.now_ns);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 10000);
    assert_int_equal(belay_recovery_window_left(&s.r), 10000);
    assert_int_equal(s.r.packet_threshold, 3);
    assert_int_equal(belay_recovery_pto_ns(&s.r), (20 + 4 * 10 + 25) * MS);
    assert_false(s.r.rtt.has_sample);
    belay_recovery_new_path(&s.r, 0, s.now_ns);
    assert_int_equal(belay_recovery_pto_ns(&s.r), (100 + 4 * 50 + 25) * MS);
    /* Still waited for. */
    assert_int_equal(s.r.eliciting_in_flight, 3);
    assert_int_equal(belay_recovery_deadline(&s.r), s.now_ns + 325 * MS);
    story_finish(&s);
}

/* Acknowledged: its records are, and that is all. */
static void test_the_old_path_teaches_nothing(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 40 * MS);
    uint64_t old = story_send(&s, 6);
    belay_recovery_new_path(&s.r, 10 * MS, s.now_ns);
    story_wait(&s, 5 * MS);
    story_ack(&s, old, old + 2);
    assert_int_equal(s.acked_count, 2);
    assert_false(s.r.rtt.has_sample);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 10000);
    uint64_t new = story_send(&s, 4);
    assert_int_equal(belay_recovery_window_left(&s.r), 6000);
    story_wait(&s, 10 * MS);
    story_ack(&s, new, new + 4); /* four of the old path are lost: no reduction, no growth */
    assert_int_equal(s.lost_count, 4);
    assert_int_equal(s.r.packets_lost, 4);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 14000);
    assert_int_equal(belay_recovery_window_left(&s.r), 14000);
    assert_int_equal(s.r.rtt.smoothed_ns, 10 * MS);
    /* They had only been slow. */
    story_ack(&s, old + 2, old + 6);
    assert_int_equal(s.acked_count, 2 + 4 + 4);
    assert_int_equal(s.r.packets_spurious, 4);
    assert_int_equal(s.r.packet_threshold, 3);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 14000);
    assert_int_equal(belay_recovery_deadline(&s.r), BELAY_NEVER);
    story_finish(&s);
}

/* A reduction of the old path is not taken back on the new one. */
static void test_an_old_reduction_is_not_undone(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 40 * MS);
    uint64_t first = story_send(&s, 9);
    story_wait(&s, 40 * MS);
    story_ack(&s, first + 4, first + 9);
    assert_int_equal(s.lost_count, 4);
    belay_recovery_new_path(&s.r, 0, s.now_ns);
    story_wait(&s, MS);
    story_ack(&s, first, first + 4);
    assert_int_equal(s.r.packets_spurious, 4);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 10000);
    story_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_the_start),
        cmocka_unit_test(test_set_peer),
        cmocka_unit_test(test_pto_backs_off_up_to_its_cap),
        cmocka_unit_test(test_a_slow_path_is_not_probed_early),
        cmocka_unit_test(test_probes_repeat_the_oldest_once),
        cmocka_unit_test(test_probes_pass_the_window),
        cmocka_unit_test(test_what_carries_only_an_ack_is_not_in_flight),
        cmocka_unit_test(test_out_of_memory_changes_nothing),
        cmocka_unit_test(test_a_new_path_begins_anew),
        cmocka_unit_test(test_the_old_path_teaches_nothing),
        cmocka_unit_test(test_an_old_reduction_is_not_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
