#include "../fixture.h"

#include "netsim/run/counters.h"

static const char text[] =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
    "    lo:       0       0    0    0    0     0          0         0        0       0    0\n"
    "  net0:18446744073709551615 12345678901 0 0 0 0 0 0 99 88 0 0 0 0 0 0\n"
    " net01:     628       6    0    0    0     0          0         0      628       6    0\n";

static void test_parse(void **state)
{
    uint64_t received = 1;

    (void)state;
    assert_true(netsim_counters_parse(text, "lo", &received));
    assert_int_equal(received, 0);
    assert_true(netsim_counters_parse(text, "net0", &received));
    assert_int_equal(received, UINT64_C(12345678901));
    assert_true(netsim_counters_parse(text, "net01", &received));
    assert_int_equal(received, 6);
    assert_false(netsim_counters_parse(text, "net", &received));
    assert_false(netsim_counters_parse(text, "face", &received));
    assert_false(netsim_counters_parse("", "lo", &received));
    assert_false(netsim_counters_parse("  lo:", "lo", &received));
    assert_false(netsim_counters_parse("  lo: 1", "lo", &received));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
