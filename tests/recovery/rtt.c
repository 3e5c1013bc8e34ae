#include "support/memory.h"

#include "recovery/rtt.h"

#define MS UINT64_C(1000000)

static void test_before_a_sample(void **state)
{
    (void)state;
    struct belay_rtt rtt;
    belay_rtt_init(&rtt);
    assert_false(rtt.has_sample);
    assert_int_equal(rtt.smoothed_ns, 100 * MS);
    assert_int_equal(rtt.variance_ns, 50 * MS);
    assert_int_equal(belay_rtt_pto_ns(&rtt, 25 * MS), 325 * MS);
}

/* Computed by hand from RFC 9002, section 5.3. */
static void test_by_hand(void **state)
{
    (void)state;
    static const struct {
        uint64_t sample, delay, smoothed, variance, min; /* microseconds */
    } rows[] = {
        {80000, 10000, 80000, 40000, 80000},  /* the first: no delay taken off */
        {100000, 20000, 80000, 30000, 80000}, /* exactly down to the minimum */
        {96000, 20000, 82000, 26500, 80000},  /* below it: not taken off at all */
        {40000, 0, 76750, 30375, 40000},      /* a new minimum; the error is 42 ms */
        {140750, 40000, 79750, 28781, 40000}, /* 100.75 counts; 28781.25 */
    };
    struct belay_rtt rtt;
    belay_rtt_init(&rtt);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        belay_rtt_sample(&rtt, rows[i].sample * 1000, rows[i].delay * 1000);
        assert_true(rtt.has_sample);
        assert_int_equal(rtt.latest_ns, rows[i].sample * 1000);
        assert_int_equal(rtt.smoothed_ns / 1000, rows[i].smoothed);
        assert_int_equal(rtt.variance_ns / 1000, rows[i].variance);
        assert_int_equal(rtt.min_ns / 1000, rows[i].min);
    }
}

static void test_pto_keeps_the_granularity(void **state)
{
    (void)state;
    struct belay_rtt rtt;
    belay_rtt_init(&rtt);
    belay_rtt_sample(&rtt, 100, 0); /* 100 ns: variance 50, four times that is below 1 ms */
    assert_int_equal(belay_rtt_pto_ns(&rtt, 7), 100 + MS + 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_a_sample),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_pto_keeps_the_granularity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
