#include "recovery/story.h"

#include "recovery/reorder.h"

static void test_packet_threshold(void **state)
{
    (void)state;
    static const uint64_t firsts[] = {0,
                                      254,
                                      65533,
                                      (UINT64_C(1) << 31) - 3,
                                      (UINT64_C(1) << 32) - 3,
                                      (UINT64_C(1) << 62) - 20};
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        struct story s;
        story_start(&s, firsts[i]);
        uint64_t first = story_send(&s, 8);
        assert_int_equal(first, firsts[i]);
        story_wait(&s, 10 * MS);
        story_ack(&s, first + 2, first + 3); /* two behind at most: no loss yet */
        assert_int_equal(s.lost_count, 0);
        story_ack(&s, first + 4, first + 5); /* the first two are three behind now */
        assert_int_equal(s.lost_count, 2);
        assert_int_equal(s.lost[0], first);
        assert_int_equal(s.lost[1], first + 1);
        assert_int_equal(s.r.packets_lost, 2);
        assert_int_equal(s.r.in_flight_bytes, 4 * PACKET_BYTES);
        assert_int_equal(s.r.eliciting_in_flight, 4);
        story_finish(&s);
    }
}

static void test_time_threshold(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 80 * MS);
    uint64_t first = story_send(&s, 1);
    story_wait(&s, 4 * MS);
    uint64_t second = story_send(&s, 2);
    uint64_t sent_ns = s.now_ns - 4 * MS;
    story_wait(&s, 76 * MS);
    story_ack(&s, second + 1, second + 2); /* 76 ms: the smoothed one becomes 79.5 */
    uint64_t threshold_ns = belay_reorder_time_ns(&s.r);
    assert_int_equal(threshold_ns, 89437500);
    assert_int_equal(s.lost_count, 0);
    assert_int_equal(belay_recovery_deadline(&s.r), sent_ns + threshold_ns);

    s.now_ns = sent_ns + threshold_ns - 1;
    assert_int_equal(belay_recovery_timeout(&s.r, s.now_ns, &s.sink), 0);
    assert_int_equal(s.lost_count, 0);
    s.now_ns++;
    assert_int_equal(belay_recovery_timeout(&s.r, s.now_ns, &s.sink), 0);
    assert_int_equal(s.lost_count, 1);
    assert_int_equal(s.lost[0], first);
    assert_int_equal(belay_recovery_deadline(&s.r), s.now_ns + 4 * MS);
    assert_int_equal(s.r.probe_timeouts, 0);
    s.now_ns += 4 * MS;
    assert_int_equal(belay_recovery_timeout(&s.r, s.now_ns, &s.sink), 0);
    assert_int_equal(s.lost[1], second);
    assert_int_equal(belay_recovery_deadline(&s.r), BELAY_NEVER);
    story_finish(&s);
}

/* Both losses of one reduction come after all: the window is what it was. */
static void test_a_spurious_reduction_is_undone(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 80 * MS);
    uint64_t first = story_send(&s, 8);
    story_wait(&s, 80 * MS);
    story_ack(&s, first + 2, first + 8);
    assert_int_equal(s.lost_count, 2);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 17000 / 2);
    story_wait(&s, 5 * MS);
    story_ack(&s, first + 1, first + 8); /* one of two: not yet */
    assert_int_equal(belay_recovery_window_bytes(&s.r), 17000 / 2);
    story_ack(&s, first, first + 8);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 17000);
    assert_int_equal(s.r.packets_spurious, 2);
    assert_int_equal(s.acked_count, 8);
    assert_int_equal(s.r.in_flight_bytes, 0);
    story_finish(&s);
}

static void test_a_real_loss_forbids_the_undo(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 80 * MS);
    uint64_t first = story_send(&s, 8);
    story_wait(&s, 80 * MS);
    story_ack(&s, first + 2, first + 8);
    story_wait(&s, 5 * MS);
    story_ack(&s, first + 1, first + 8);
    story_round_trip(&s, 80 * MS);
    assert_int_equal(s.r.packets_spurious, 1);
    /* An ACK of what was sent after the loss ends recovery: 1000 of 8500 towards growth. */
    assert_int_equal(belay_recovery_window_bytes(&s.r), 17000 / 2);
    story_finish(&s);
}

/* PTO: 80 + 4 * 40 (the first sample's variance, 3/4 with each that is equal) + 25 ms. */
static void lose_two(struct story *s, uint64_t apart_ns, uint64_t between_acked)
{
    uint64_t first = story_send(s, 1);
    story_wait(s, apart_ns / 2);
    uint64_t middle = story_send(s, 1);
    story_wait(s, apart_ns - apart_ns / 2);
    story_send(s, 1);
    story_wait(s, 1);
    story_send(s, 3);
    story_wait(s, 80 * MS);
    uint64_t last = belay_recovery_next_number(&s->r) - 1;
    const struct belay_range ranges[] = {{last, last + 1}, {middle, middle + between_acked}};
    assert_int_equal(
        belay_recovery_acked(&s->r, ranges, 1 + between_acked, 0, s->now_ns, &s->sink), 0);
    assert_true(s->lost_count >= 2 && s->lost[0] == first);
}

static void test_persistent_congestion(void **state)
{
    (void)state;
    static const struct {
        int64_t past_ns; /* three PTO and this much between the first and last loss */
        uint64_t between_acked;
        bool is_persistent;
    } rows[] = {{1, 0, true}, {0, 0, false}, {1, 1, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct story s;
        story_start(&s, 0);
        story_round_trip(&s, 80 * MS);
        /* After the ACK of the story, which samples 80 ms: srtt 80, variance 30. */
        uint64_t pto_ns = (80 + 4 * 30 + 25) * MS;
        lose_two(&s, 3 * pto_ns + (uint64_t)rows[i].past_ns, rows[i].between_acked);
        assert_int_equal(belay_recovery_pto_ns(&s.r), pto_ns);
        assert_int_equal(belay_recovery_window_bytes(&s.r) == 4 * PACKET_BYTES,
                         rows[i].is_persistent);
        story_finish(&s);
    }
}

static void test_no_persistent_congestion_before_a_sample(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    lose_two(&s, 10000 * MS, 0); /* its ACK gives the first sample */
    assert_true(belay_recovery_window_bytes(&s.r) > 4 * PACKET_BYTES);
    story_finish(&s);
}

/* Found by two calls, the threshold's and the timer's: one run nevertheless, unless the first
 * arrives after all. */
static void lose_in_two_finds(struct story *s, bool is_first_spurious)
{
    story_start(s, 0);
    story_round_trip(s, 80 * MS);
    uint64_t first = story_send(s, 1);
    story_wait(s, 2000 * MS);
    uint64_t second = story_send(s, 2);
    story_wait(s, 90 * MS - 1);
    story_ack(s, second + 1, second + 2);
    assert_int_equal(s->lost_count, 1);
    assert_int_equal(s->lost[0], first);
    if (is_first_spurious)
        story_ack(s, first, first + 1);
    assert_true(belay_recovery_window_bytes(&s->r) > 4 * PACKET_BYTES);
    s->now_ns = belay_recovery_deadline(&s->r);
    belay_recovery_timeout(&s->r, s->now_ns, &s->sink);
    assert_int_equal(s->lost_count, 2);
}

static void test_persistent_congestion_over_two_finds(void **state)
{
    (void)state;
    struct story s;
    lose_in_two_finds(&s, false);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 4 * PACKET_BYTES);
    assert_int_equal(s.r.rtt.min_ns, 90 * MS - 1); /* of a path that may be another */
    story_finish(&s);
    lose_in_two_finds(&s, true);
    assert_true(belay_recovery_window_bytes(&s.r) > 4 * PACKET_BYTES);
    assert_int_equal(s.r.rtt.min_ns, 80 * MS);
    story_finish(&s);
}

/* Of two packets one is lost and the other arrives, and so again after a pause that lets the
 * log forget both: between the two losses something arrived. */
static void test_no_persistent_congestion_past_what_arrived(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 80 * MS);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t first = story_send(&s, 2);
        story_wait(&s, 90 * MS);
        story_ack(&s, first + 1, first + 2);
        s.now_ns = belay_recovery_deadline(&s.r);
        belay_recovery_timeout(&s.r, s.now_ns, &s.sink);
        assert_int_equal(s.lost_count, i + 1);
        story_wait(&s, 5000 * MS);
    }
    assert_int_equal(s.r.rtt.min_ns, 80 * MS);
    story_finish(&s);
}

/* The only loss of an older reduction: the newest had another cause. */
static void test_an_older_spurious_loss_undoes_nothing(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 80 * MS);
    uint64_t first = story_send(&s, 4);
    story_wait(&s, 80 * MS);
    story_ack(&s, first + 1, first + 4);
    story_wait(&s, 1);
    uint64_t second = story_send(&s, 4);
    story_wait(&s, 80 * MS);
    story_ack(&s, second + 1, second + 4);
    assert_int_equal(s.lost_count, 2);
    uint64_t window_bytes = belay_recovery_window_bytes(&s.r);
    story_ack(&s, first, first + 1);
    assert_int_equal(s.r.packets_spurious, 1);
    assert_int_equal(belay_recovery_window_bytes(&s.r), window_bytes);
    story_ack(&s, second, second + 1);
    assert_true(belay_recovery_window_bytes(&s.r) > window_bytes);
    story_finish(&s);
}

static void test_lost_packets_are_forgotten_in_time(void **state)
{
    (void)state;
    for (uint64_t late = 0; late < 2; late++) {
        struct story s;
        story_start(&s, 0);
        story_round_trip(&s, 80 * MS);
        uint64_t first = story_send(&s, 5);
        story_wait(&s, 80 * MS);
        story_ack(&s, first + 1, first + 5);
        assert_int_equal(s.lost_count, 1);
        story_wait(&s, 3 * belay_recovery_pto_ns(&s.r) - 1 + late);
        story_send_ack_only(&s); /* any call drives it */
        assert_int_equal(s.r.log.first_number, late ? s.r.log.next_number : first);
        assert_int_equal(s.r.log.first_record, late ? s.r.log.next_record : first);
        story_ack(&s, first, first + 5);
        assert_int_equal(s.r.packets_spurious, 1 - late);
        assert_int_equal(s.acked_count, 5 - late);
        story_finish(&s);
    }
}

/* A packet lost at the tail may hold the log for a while, but not grow it without bound. */
static void test_lost_packets_are_bounded_in_number(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 80 * MS);
    story_send(&s, 1); /* never acknowledged */
    for (int i = 0; i < 2000; i++) {
        uint64_t first = story_send(&s, 10);
        story_wait(&s, 1000); /* 2 ms in all: no time to forget by age */
        story_ack(&s, first, first + 10);
        assert_in_range(s.r.log.next_number - s.r.log.first_number, 0, 256 + 20);
        story_forget_heard(&s);
    }
    assert_int_equal(s.r.packets_lost, 1);
    assert_int_equal(s.r.log.packet_capacity, 512);
    story_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packet_threshold),
        cmocka_unit_test(test_time_threshold),
        cmocka_unit_test(test_a_spurious_reduction_is_undone),
        cmocka_unit_test(test_a_real_loss_forbids_the_undo),
        cmocka_unit_test(test_persistent_congestion),
        cmocka_unit_test(test_no_persistent_congestion_before_a_sample),
        cmocka_unit_test(test_persistent_congestion_over_two_finds),
        cmocka_unit_test(test_no_persistent_congestion_past_what_arrived),
        cmocka_unit_test(test_an_older_spurious_loss_undoes_nothing),
        cmocka_unit_test(test_lost_packets_are_forgotten_in_time),
        cmocka_unit_test(test_lost_packets_are_bounded_in_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
