#include "support/memory.h"
#include "support/random.h"

#include "recovery/pacer.h"

#define SECOND UINT64_C(1000000000)

static void test_a_burst_then_the_rate(void **state)
{
    (void)state;
    struct belay_pacer pacer;
    belay_pacer_init(&pacer, 5000);
    belay_pacer_set_rate(&pacer, 1000000, 5000, SECOND); /* a byte a microsecond */
    assert_int_equal(belay_pacer_left(&pacer, SECOND), 5000);
    belay_pacer_sent(&pacer, 5000, SECOND);
    assert_int_equal(belay_pacer_left(&pacer, SECOND), 0);
    assert_int_equal(belay_pacer_time(&pacer, 1000), SECOND + 1000000);
    assert_int_equal(belay_pacer_left(&pacer, SECOND + 999999), 999);
    assert_int_equal(belay_pacer_time(&pacer, 1000), SECOND + 1000000);
    assert_int_equal(belay_pacer_left(&pacer, SECOND + 1000000), 1000);
    assert_int_equal(belay_pacer_time(&pacer, 1000), 0);
    assert_int_equal(belay_pacer_left(&pacer, 100 * SECOND), 5000);
    /* More than a burst never gathers: it means a burst. */
    belay_pacer_sent(&pacer, 1, 100 * SECOND);
    assert_int_equal(belay_pacer_time(&pacer, UINT64_MAX), 100 * SECOND + 1000);
}

static void test_unpaced_is_always_a_burst(void **state)
{
    (void)state;
    struct belay_pacer pacer;
    belay_pacer_init(&pacer, 5000);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(belay_pacer_left(&pacer, 0), 5000);
        assert_int_equal(belay_pacer_time(&pacer, 5000), 0);
        belay_pacer_sent(&pacer, 5000, 0);
    }
    belay_pacer_set_rate(&pacer, BELAY_PACER_RATE_MAX + 1, 7000, 5);
    belay_pacer_sent(&pacer, 7000, 5);
    assert_int_equal(belay_pacer_left(&pacer, 5), 7000);
}

static void test_debt_is_paid_and_bounded(void **state)
{
    (void)state;
    struct belay_pacer pacer;
    belay_pacer_init(&pacer, 2000);
    belay_pacer_set_rate(&pacer, 1000000, 2000, 1);
    belay_pacer_sent(&pacer, 2500, 1);
    assert_int_equal(belay_pacer_left(&pacer, 1), 0);
    assert_int_equal(belay_pacer_time(&pacer, 100), 1 + 600 * 1000);
    assert_int_equal(belay_pacer_left(&pacer, 1 + 500 * 1000), 0);
    assert_int_equal(belay_pacer_left(&pacer, 1 + 600 * 1000), 100);
    for (int i = 0; i < 100; i++)
        belay_pacer_sent(&pacer, 1000, 1 + 600 * 1000);
    assert_int_equal(belay_pacer_time(&pacer, 2000), 1 + 4600 * 1000);
}

static void test_a_smaller_burst_cuts_the_credit(void **state)
{
    (void)state;
    struct belay_pacer pacer;
    belay_pacer_init(&pacer, 5000);
    belay_pacer_set_rate(&pacer, 1000, 3000, 0);
    assert_int_equal(belay_pacer_left(&pacer, 0), 3000);
    belay_pacer_set_rate(&pacer, 1000, 9000, 0); /* a larger one is earned, not given */
    assert_int_equal(belay_pacer_left(&pacer, 0), 3000);
    assert_int_equal(belay_pacer_left(&pacer, SECOND), 4000);
}

/* 9.9 bytes were earned: what is cut off takes the fraction along. */
static void test_a_cut_leaves_no_fraction(void **state)
{
    (void)state;
    struct belay_pacer pacer;
    belay_pacer_init(&pacer, 10);
    belay_pacer_set_rate(&pacer, 1, 10, 0);
    belay_pacer_sent(&pacer, 10, 0);
    uint64_t now = 99 * SECOND / 10;
    belay_pacer_set_rate(&pacer, 1, 9, now);
    belay_pacer_sent(&pacer, 9, now);
    assert_int_equal(belay_pacer_left(&pacer, now + SECOND - 1), 0);
    assert_int_equal(belay_pacer_left(&pacer, now + SECOND), 1);
}

/* Neither slow rates lose their fractions nor do fast ones overflow. */
static void test_no_drift_and_no_overflow(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1, 3, 999, 1234567, 12500000000, BELAY_PACER_RATE_MAX};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct belay_pacer pacer;
        uint64_t burst = 10 * BELAY_PACER_RATE_MAX, now = 0;
        belay_pacer_init(&pacer, burst);
        belay_pacer_set_rate(&pacer, rates[i], burst, now);
        belay_pacer_sent(&pacer, burst, now);
        for (int step = 0; step < 100000; step++)
            belay_pacer_left(&pacer, now += 70001); /* 7 s in all */
        uint64_t expected = now / SECOND * rates[i] + now % SECOND * rates[i] / SECOND;
        assert_int_equal(belay_pacer_left(&pacer, now), expected);
        /* 584 years fill a burst of 180 GB at 10 bytes a second. */
        uint64_t at_last = belay_pacer_left(&pacer, UINT64_MAX - 1);
        assert_true(rates[i] < 10 ? at_last < burst : at_last == burst);
    }
}

/* bytes sent <= burst + rate * t over every span: checked from each start that was a minimum so
 * far, which covers all. In double, whose error is far below the slack of half a byte. */
static void run_inequality(struct test_random *random)
{
    uint64_t rate = 1 + test_random_below(random, (uint64_t)1 << test_random_below(random, 34));
    uint64_t burst = 1 + test_random_below(random, 100000), now = 0;
    struct belay_pacer pacer;
    if (rate > BELAY_PACER_RATE_MAX)
        rate = BELAY_PACER_RATE_MAX;
    belay_pacer_init(&pacer, burst);
    belay_pacer_set_rate(&pacer, rate, burst, now);
    double sent = 0, lowest = 0; /* of sent - rate * t before sending */
    for (int step = 0; step < 2000; step++) {
        uint64_t wanted = 1 + test_random_below(random, burst);
        uint64_t wait = belay_pacer_time(&pacer, wanted);
        if (test_random_below(random, 2) == 0 && wait > now) {
            /* Exactly then, and not a nanosecond earlier. */
            assert_true(belay_pacer_left(&pacer, wait - 1) < wanted);
            assert_true(belay_pacer_left(&pacer, wait) >= wanted);
            now = wait;
        } else {
            now += test_random_below(random, (uint64_t)1 << test_random_below(random, 30));
        }
        double earned = (double)rate * (double)now / 1e9;
        if (sent - earned < lowest)
            lowest = sent - earned;
        uint64_t left = belay_pacer_left(&pacer, now);
        assert_true(left <= burst);
        if (left >= wanted) {
            belay_pacer_sent(&pacer, wanted, now);
            sent += (double)wanted;
        }
        assert_true(sent - earned - lowest <= (double)burst + 0.5);
    }
}

static void test_the_inequality_at_random(void **state)
{
    (void)state;
    struct test_random random = {test_seed_from_env(4711)};
    for (int run = 0; run < 200; run++)
        run_inequality(&random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_then_the_rate),
        cmocka_unit_test(test_unpaced_is_always_a_burst),
        cmocka_unit_test(test_debt_is_paid_and_bounded),
        cmocka_unit_test(test_a_smaller_burst_cuts_the_credit),
        cmocka_unit_test(test_a_cut_leaves_no_fraction),
        cmocka_unit_test(test_no_drift_and_no_overflow),
        cmocka_unit_test(test_the_inequality_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
