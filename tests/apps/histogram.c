/* Percentiles by nearest rank, never too small, too large by at most 1/256. */
#include "histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_close(uint64_t got_ns, uint64_t true_ns)
{
    assert_true(got_ns >= true_ns);
    assert_true(got_ns - true_ns <= true_ns / 256);
}

static void empty(void **state)
{
    static struct histogram h;
    (void)state;
    assert_int_equal(histogram_at_ns(&h, 0.5), 0);
    assert_int_equal(histogram_at_ns(&h, 1), 0);
}

static void one_value_of_every_size(void **state)
{
    (void)state;
    for (uint64_t ns = 1; ns <= HISTOGRAM_MAX_NS; ns = ns * 3 / 2 + 1) {
        struct histogram *h = calloc(1, sizeof *h);
        assert_non_null(h);
        histogram_add(h, ns - 1);
        histogram_add(h, ns);
        histogram_add(h, ns + ns / 2);
        assert_int_equal(h->min_ns, ns - 1);
        assert_close(histogram_at_ns(h, 0.5), ns);
        assert_close(histogram_at_ns(h, 0.3), ns - 1);
        assert_int_equal(histogram_at_ns(h, 1), h->max_ns);
        free(h);
    }
}

static void ranks_of_a_thousand(void **state)
{
    static const struct {
        double share;
        uint64_t ns;
    } rows[] = {{0, 1000}, {0.001, 1000}, {0.5, 500000}, {0.99, 990000}, {0.999, 999000}};
    static struct histogram h;
    (void)state;
    for (uint64_t i = 1000; i > 0; i--)
        histogram_add(&h, i * 1000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_close(histogram_at_ns(&h, rows[i].share), rows[i].ns);
    assert_int_equal(histogram_at_ns(&h, 1), 1000000);
    assert_int_equal(h.min_ns, 1000);
}

static void longer_than_the_longest(void **state)
{
    static struct histogram h;
    (void)state;
    histogram_add(&h, UINT64_MAX);
    assert_int_equal(histogram_at_ns(&h, 1), HISTOGRAM_MAX_NS);
}

static void two_become_one(void **state)
{
    static struct histogram a, b, none;
    (void)state;
    histogram_add(&a, 100);
    histogram_add(&b, 5);
    histogram_add(&b, 7000);
    histogram_merge(&a, &none);
    assert_int_equal(a.min_ns, 100);
    histogram_merge(&a, &b);
    assert_int_equal(a.count, 3);
    assert_int_equal(a.min_ns, 5);
    assert_int_equal(a.max_ns, 7000);
    assert_int_equal(histogram_at_ns(&a, 0.5), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(one_value_of_every_size),
        cmocka_unit_test(ranks_of_a_thousand),
        cmocka_unit_test(longer_than_the_longest),
        cmocka_unit_test(two_become_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
