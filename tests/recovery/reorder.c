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

static void test_thresholds_grow_as_far_as_needed(void **state)
{
    (void)state;
    static const struct {
        uint64_t distance, took_ms;
        uint32_t packets, eighths;
    } rows[] = {
        {0, 0, 3, 9},         {2, 89, 3, 9},         {3, 90, 4, 10},
        {2, 10, 4, 10},       {9, 125, 10, 13},      {1022, 95, 1023, 13},
        {1023, 10, 1024, 13}, {5000, 159, 1024, 16}, {3, 100000, 1024, 16},
    };
    struct story s;
    start(&s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        belay_reorder_spurious(&s.r, rows[i].distance, rows[i].took_ms * MS, s.now_ns);
        assert_int_equal(s.r.packet_threshold, rows[i].packets);
        assert_int_equal(s.r.time_threshold_eighths, rows[i].eighths);
    }
    story_finish(&s);
}

static void test_thresholds_decay(void **state)
{
    (void)state;
    struct story s;
    start(&s);
    belay_reorder_spurious(&s.r, 12, 1000 * MS, s.now_ns);
    assert_int_equal(s.r.packet_threshold, 13);
    assert_int_equal(s.r.time_threshold_eighths, 16);
    belay_reorder_decay(&s.r, s.now_ns + 16 * 80 * MS - 1);
    assert_int_equal(s.r.packet_threshold, 13);
    static const uint32_t packets[] = {8, 5, 4, 3, 3}, eighths[] = {12, 10, 9, 9, 9};
    for (size_t i = 0; i < 5; i++) {
        story_wait(&s, 16 * 80 * MS);
        belay_reorder_decay(&s.r, s.now_ns);
        assert_int_equal(s.r.packet_threshold, packets[i]);
        assert_int_equal(s.r.time_threshold_eighths, eighths[i]);
    }
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
    assert_int_equal(s.r.time_threshold_eighths, 11); /* 100 ms are 10/8, still lost; 11 not */

    /* The same again is no loss any more. */
    story_forget_heard(&s);
    first = story_send(&s, 10);
    story_wait(&s, 80 * MS);
    story_ack(&s, first + 1, first + 10);
    assert_int_equal(s.lost_count, 0);
    assert_int_equal(belay_recovery_deadline(&s.r), s.now_ns + 30 * MS);
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
    assert_int_equal(s.r.time_threshold_eighths, 11);
    story_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds_grow_as_far_as_needed),
        cmocka_unit_test(test_thresholds_decay),
        cmocka_unit_test(test_time_threshold_keeps_the_granularity),
        cmocka_unit_test(test_an_ack_teaches),
        cmocka_unit_test(test_the_peers_delay_is_no_reordering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
