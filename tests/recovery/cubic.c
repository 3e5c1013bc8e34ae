#include "support/memory.h"

#include <math.h>
#include <stdalign.h>

#include "recovery/congestion.h"

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

enum { DATAGRAM = 1000 };

static alignas(16) unsigned char controller[BELAY_CONGESTION_STATE_BYTES];

static uint64_t window(void)
{
    return belay_cubic.window_bytes(controller);
}

static void ack(uint64_t bytes, uint64_t sent_ns, uint64_t rtt_ns, bool limited)
{
    const struct belay_congestion_acked acked = {.bytes = bytes,
                                                 .sent_ns = sent_ns,
                                                 .rtt_ns = rtt_ns,
                                                 .rtt_smoothed_ns = rtt_ns,
                                                 .app_limited = limited};
    belay_cubic.on_acked(controller, &acked, sent_ns + rtt_ns);
}

static void lose(uint64_t sent_ns, uint64_t now_ns, bool persistent)
{
    const struct belay_congestion_lost lost = {
        .bytes = DATAGRAM, .sent_ns = sent_ns, .persistent = persistent};
    belay_cubic.on_lost(controller, &lost, now_ns);
}

/* A window of so many datagrams in slow start, and one loss at 1 s. */
static void reduce_from(uint64_t datagrams)
{
    belay_cubic.init(controller, DATAGRAM);
    ack((datagrams - 10) * DATAGRAM, 1, 1, false);
    assert_int_equal(window(), datagrams * DATAGRAM);
    lose(S, S + 1, false);
}

/* The curve, against floating point: W_max 1000, K = cbrt(300 / 0.4) = 9.09 s. */
static void test_the_curve(void **state)
{
    const uint64_t rtt_ns = 100 * MS;
    (void)state;
    reduce_from(1000);
    assert_int_equal(window(), 700 * DATAGRAM);
    assert_false(belay_cubic.is_slow_start(controller));
    uint64_t now_ns = 2 * S;
    ack(DATAGRAM, now_ns, rtt_ns, false); /* the epoch begins with its arrival */
    for (unsigned round = 1; round <= 150; round++) {
        now_ns += rtt_ns;
        for (unsigned n = 0; n < 10; n++)
            ack(window() / 10, now_ns, rtt_ns, false);
        double t = 0.1 * (round + 1), k = cbrt(300 / 0.4);
        double curve = 0.4 * pow(t - k, 3) + 1000;
        assert_true(fabs((double)window() / DATAGRAM - curve) < 0.02 * curve);
    }
    assert_true(window() > 1060 * DATAGRAM); /* beyond the plateau it goes on */
}

/* On short paths the curve is too slow: what Reno would have is the least. */
static void test_never_slower_than_reno(void **state)
{
    const uint64_t rtt_ns = 5 * MS;
    (void)state;
    reduce_from(100);
    uint64_t now_ns = 2 * S;
    for (unsigned round = 0; round < 100; round++, now_ns += rtt_ns)
        ack(window(), now_ns, rtt_ns, false);
    /* After 0.5 s the curve is at 92; Reno at 70 + 0.529 * 100, faster beyond 100. */
    assert_in_range(window(), 118 * DATAGRAM, 150 * DATAGRAM);
}

static void test_losses(void **state)
{
    (void)state;
    reduce_from(1000);
    lose(S, S + 2, false); /* the same reduction */
    assert_int_equal(window(), 700 * DATAGRAM);
    belay_cubic.on_spurious(controller, S + 3);
    assert_int_equal(window(), 1000 * DATAGRAM);
    assert_true(belay_cubic.is_slow_start(controller));
    belay_cubic.on_spurious(controller, S + 3); /* once */
    assert_int_equal(window(), 1000 * DATAGRAM);
    lose(2 * S, 2 * S + 1, true);
    assert_int_equal(window(), 4 * DATAGRAM);
    assert_true(belay_cubic.is_slow_start(controller)); /* up to 700 */
    for (unsigned i = 0; i < 10; i++)
        lose((3 + i) * S, (3 + i) * S + 1, false);
    assert_int_equal(window(), 4 * DATAGRAM);
}

/* Fast convergence: a second loss below W_max aims lower than where it was. */
static void test_fast_convergence(void **state)
{
    const uint64_t rtt_ns = 100 * MS;
    (void)state;
    reduce_from(1000);
    lose(2 * S, 2 * S + 1, false);
    assert_int_equal(window(), 490 * DATAGRAM);
    uint64_t now_ns = 3 * S;
    /* W_max is 0.85 * 700 = 595, K 6.4 s: there it is flat. */
    for (unsigned round = 0; round < 65; round++, now_ns += rtt_ns)
        ack(window(), now_ns, rtt_ns, false);
    assert_in_range(window(), 585 * DATAGRAM, 605 * DATAGRAM);
}

static void test_time_without_data_is_not_counted(void **state)
{
    const uint64_t rtt_ns = 100 * MS;
    (void)state;
    reduce_from(1000);
    ack(DATAGRAM, 2 * S, rtt_ns, false);
    uint64_t before = window();
    ack(DATAGRAM, 3 * S, rtt_ns, true);
    ack(DATAGRAM, 20 * S, rtt_ns, true);
    assert_int_equal(window(), before);
    ack(window(), 23 * S, rtt_ns, false); /* a second of the curve: 796 */
    assert_in_range(window(), 790 * DATAGRAM, 800 * DATAGRAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_curve),
        cmocka_unit_test(test_never_slower_than_reno),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_fast_convergence),
        cmocka_unit_test(test_time_without_data_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
