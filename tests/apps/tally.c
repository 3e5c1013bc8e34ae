#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tally.h"

#define US UINT64_C(1000)

/* Sends count messages, message n at n us, then receives the numbers given, 100 us later
 * each than the one before. */
static struct tally play(uint64_t count, unsigned channels, const int *numbers, size_t n)
{
    struct tally tally;
    assert_int_equal(tally_init(&tally, count, channels), 0);
    for (uint64_t i = 0; i < count; i++)
        tally_sent(&tally, i * US);
    for (size_t i = 0; i < n; i++)
        tally_received(&tally, (uint64_t)numbers[i], (i + 1) * 100 * US);
    return tally;
}

static void test_counts(void **state)
{
    (void)state;
    static const struct {
        unsigned channels;
        int numbers[8];
        size_t n;
        uint64_t received, duplicates, out_of_order;
    } rows[] = {
        {1, {0}, 0, 0, 0, 0},
        {1, {0, 1, 2, 3}, 4, 4, 0, 0},
        {1, {0, 1, 1, 3}, 4, 3, 1, 0},
        {1, {0, 2, 1, 3}, 4, 4, 0, 1},
        {1, {3, 0, 1, 2}, 4, 4, 0, 3}, /* RFC 4737: all that come after the largest */
        {1, {3, 3, 2, 2}, 4, 2, 2, 1}, /* a duplicate is never reordered as well */
        {1, {7, 5, 6, 4}, 4, 4, 0, 3},
        {2, {1, 0, 3, 2}, 4, 4, 0, 0}, /* each channel has its own order */
        {2, {2, 1, 0, 3}, 4, 4, 0, 1},
        {8, {7, 6, 5, 4, 3, 2, 1, 0}, 8, 8, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tally tally = play(8, rows[i].channels, rows[i].numbers, rows[i].n);
        assert_int_equal(tally.sent, 8);
        assert_int_equal(tally.received, rows[i].received);
        assert_int_equal(tally.duplicates, rows[i].duplicates);
        assert_int_equal(tally.out_of_order, rows[i].out_of_order);
        tally_dispose(&tally);
    }
}

static void test_nearest_rank(void **state)
{
    (void)state;
    struct tally tally;
    assert_int_equal(tally_init(&tally, 1000, 1), 0);
    for (int i = 0; i < 1000; i++)
        tally_sent(&tally, 0);
    for (uint64_t i = 1000; i > 0; i--)
        tally_received(&tally, i - 1, i * US);
    struct tally_rtt rtt;
    assert_true(tally_rtt(&tally, &rtt));
    assert_int_equal(rtt.min_us, 1);
    assert_int_equal(rtt.p50_us, 500);
    assert_int_equal(rtt.p99_us, 990);
    assert_int_equal(rtt.p999_us, 999);
    assert_int_equal(rtt.max_us, 1000);
    tally_dispose(&tally);
}

static void test_rtt_of_few(void **state)
{
    (void)state;
    struct tally tally = play(3, 1, (int[]){2}, 1);
    struct tally_rtt rtt;
    assert_true(tally_rtt(&tally, &rtt));
    assert_int_equal(rtt.min_us, 98);
    assert_int_equal(rtt.p50_us, 98);
    assert_int_equal(rtt.max_us, 98);
    tally_dispose(&tally);

    tally = play(3, 1, NULL, 0);
    assert_false(tally_rtt(&tally, &rtt));
    tally_dispose(&tally);
}

static void test_clock_wraps(void **state)
{
    (void)state;
    struct tally tally;
    assert_int_equal(tally_init(&tally, 1, 1), 0);
    tally_sent(&tally, (UINT64_C(1) << 32) * US - 5 * US);
    tally_received(&tally, 0, (UINT64_C(1) << 32) * US + 5 * US);
    assert_int_equal(tally.rtt_max_us, 10);
    tally_dispose(&tally);
}

static void test_reset(void **state)
{
    (void)state;
    struct tally tally = play(8, 2, (int[]){3, 1, 1}, 3);
    tally_reset(&tally);
    assert_int_equal(tally.sent + tally.received + tally.duplicates + tally.out_of_order, 0);
    tally_sent(&tally, 0);
    tally_received(&tally, 0, 0);
    assert_int_equal(tally.received, 1);
    assert_int_equal(tally.duplicates + tally.out_of_order, 0);
    tally_dispose(&tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),     cmocka_unit_test(test_nearest_rank),
        cmocka_unit_test(test_rtt_of_few), cmocka_unit_test(test_clock_wraps),
        cmocka_unit_test(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
