#include "recovery/story.h"

#include "recovery/reorder.h"

/* A smoothed round trip of 80 ms: nine eighths are 90. */
static void start(struct story *s)
{
    story_start(s, 0);
    story_round_trip(s, 80 * MS);
    assert_int_equal(s->r.packet_threshold, 3);
    assert_int_equal(belay_reorder_time_ns(&s->r), 90 * MS);
}

/* Milliseconds: what is then taken for loss. The round trip is 80. */
static void test_thresholds_grow_as_far_as_needed(void **state)
{
    (void)state;
    static const struct {
        uint64_t distance, took_ms, packets, threshold_us;
    } rows[] = {
        {0, 0, 3, 90000},         {2, 89, 3, 90000},         {3, 90, 4, 101250},
        {2, 10, 4, 101250},       {9, 120, 10, 135000},      {1022, 95, 1023, 135000},
        {1023, 10, 1024, 135000}, {5000, 136, 1024, 153000},
    };
    struct story s;
    start(&s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        belay_reorder_spurious(&s.r, rows[i].distance, rows[i].took_ms * MS, s.now_ns);
        assert_int_equal(s.r.packet_threshold, rows[i].packets);
        assert_int_equal(belay_reorder_time_ns(&s.r), rows[i].threshold_us * 1000);
    }
    story_finish(&s);
}

static void test_thresholds_decay(void **state)
{
    (void)state;
    struct story s;
    start(&s);
    belay_reorder_spurious(&s.r, 12, 128 * MS, s.now_ns);
    assert_int_equal(s.r.packet_threshold, 13);
    assert_int_equal(belay_reorder_time_ns(&s.r), 144 * MS);
    belay_reorder_decay(&s.r, s.now_ns + 64 * 144 * MS - 1);
    assert_int_equal(s.r.packet_threshold, 13);
    assert_int_equal(belay_reorder_time_ns(&s.r), 144 * MS);
    static const uint32_t packets[] = {8, 5, 4, 3, 3};
    for (size_t i = 0; i < 5; i++) {
        story_wait(&s, 64 * (i == 0 ? 144 : 90) * MS);
        belay_reorder_decay(&s.r, s.now_ns);
        assert_int_equal(s.r.packet_threshold, packets[i]);
        assert_int_equal(belay_reorder_time_ns(&s.r), 90 * MS);
    }
    story_finish(&s);
}

/* However long it took: not beyond two PTOs, or two round trips if these are longer. */
static void test_time_threshold_is_bounded(void **state)
{
    (void)state;
    struct story s;
    start(&s);
    belay_reorder_spurious(&s.r, 2, 1000 * MS, s.now_ns);
    s.r.rtt.variance_ns = 10 * MS;
    assert_int_equal(belay_reorder_time_ns(&s.r), 2 * belay_recovery_pto_ns(&s.r));
    assert_in_range(belay_recovery_pto_ns(&s.r), 120 * MS, 200 * MS);
    s.r.rtt.latest_ns = 300 * MS;
    assert_int_equal(belay_reorder_time_ns(&s.r), 600 * MS);
    story_finish(&s);
}

static void test_time_threshold_keeps_the_granularity(void **state)
{
    (void)state;
    struct story s;
    story_start(&s, 0);
    story_round_trip(&s, 50000);
    assert_int_equal(belay_reorder_time_ns(&s.r), MS);
    story_finish(&s);
}

/* A loss that proves spurious raises what an ACK measured: the path of the numbers above. */
static void test_an_ack_teaches(void **state)
{
    (void)state;
    struct story s;
    start(&s);
    uint64_t first = story_send(&s, 10);
    story_wait(&s, 80 * MS);
    story_ack(&s, first + 1, first + 10); /* the first was overtaken by nine */
    assert_int_equal(s.lost_count, 1);
    story_wait(&s, 20 * MS);
    story_ack(&s, first, first + 10);
    assert_int_equal(s.r.packets_spurious, 1);
    assert_int_equal(s.r.packet_threshold, 10);
    assert_int_equal(belay_reorder_time_ns(&s.r), 112500000); /* an eighth more than 100 ms */

    /* The same again is no loss any more. */
    story_forget_heard(&s);
    first = story_send(&s, 10);
    story_wait(&s, 80 * MS);
    story_ack(&s, first + 1, first + 10);
    assert_int_equal(s.lost_count, 0);
    assert_int_equal(belay_recovery_deadline(&s.r), s.now_ns + 32500000);
    story_wait(&s, 20 * MS);
    story_ack(&s, first, first + 10);
    assert_int_equal(s.r.packets_lost, 1);
    story_finish(&s);
}

/* The peer held its ACK of the newest back for 20 of the 120 ms: the path did not. */
static void test_the_peers_delay_is_no_reordering(void **state)
{
    (void)state;
    struct story s;
    start(&s);
    uint64_t first = story_send(&s, 10);
    story_wait(&s, 40 * MS);
    story_send(&s, 1);
    story_wait(&s, 40 * MS);
    story_ack(&s, first + 1, first + 10);
    assert_int_equal(s.lost_count, 1);
    story_wait(&s, 40 * MS);
    const struct belay_range range = {first, first + 11};
    assert_int_equal(belay_recovery_acked(&s.r, &range, 1, 20 * MS, s.now_ns, &s.sink), 0);
    assert_int_equal(s.r.packets_spurious, 1);
    assert_int_equal(belay_reorder_time_ns(&s.r), 112500000);
    story_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds_grow_as_far_as_needed),
        cmocka_unit_test(test_thresholds_decay),
        cmocka_unit_test(test_time_threshold_is_bounded),
        cmocka_unit_test(test_time_threshold_keeps_the_granularity),
        cmocka_unit_test(test_an_ack_teaches),
        cmocka_unit_test(test_the_peers_delay_is_no_reordering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
