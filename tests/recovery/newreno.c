#include "support/memory.h"

#include <stdalign.h>

#include "recovery/congestion.h"

static alignas(16) unsigned char controller[BELAY_CONGESTION_STATE_BYTES];

static void test_initial_window(void **state)
{
    (void)state;
    static const struct {
        uint64_t datagram, window;
    } rows[] = {
        {1200, 12000}, {1472, 14720}, {1473, 14720},
        {7360, 14720}, {7361, 14722}, {65507, 131014},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        belay_newreno.init(controller, rows[i].datagram);
        assert_int_equal(belay_newreno.window_bytes(controller), rows[i].window);
        assert_true(belay_newreno.is_slow_start(controller));
        assert_int_equal(belay_newreno.rate_bytes_per_s(controller), 0);
    }
}

/* One connection's life by hand; a datagram is 1000 bytes, a row one event. */
static void test_phases(void **state)
{
    (void)state;
    enum { ACK, ACK_LIMITED, LOSS, COLLAPSE, SPURIOUS };
    static const struct {
        int event;
        uint64_t bytes, sent, now, window;
        bool slow_start;
    } rows[] = {
        {ACK, 4000, 0, 10, 14000, true},
        {ACK_LIMITED, 4000, 0, 10, 14000, true}, /* 7.8 */
        {ACK, 6000, 1, 11, 20000, true},
        {LOSS, 1000, 5, 20, 10000, false},  /* halved; recovery from 20 */
        {ACK, 9000, 20, 30, 10000, false},  /* sent before: no growth in recovery */
        {LOSS, 1000, 19, 31, 10000, false}, /* the same recovery */
        {ACK, 9000, 21, 35, 10000, false},  /* recovery is over: a window is not full yet */
        {ACK, 1000, 22, 36, 11000, false},  /* now: one datagram more */
        {ACK, 10999, 23, 37, 11000, false},
        {ACK_LIMITED, 5000, 23, 37, 11000, false},
        {ACK, 1, 23, 37, 12000, false},
        {SPURIOUS, 0, 0, 38, 20000, true}, /* as if that had never been: no threshold */
        {LOSS, 1000, 24, 39, 10000, false},
        {ACK, 21000, 40, 45, 12000, false},
        {LOSS, 1000, 46, 47, 6000, false},
        {SPURIOUS, 0, 0, 48, 12000, false},
        {LOSS, 1000, 24, 50, 6000, false},    /* of the same age: a new reduction now */
        {COLLAPSE, 1000, 24, 51, 4000, true}, /* persistent, in the same recovery */
        {ACK, 1000, 51, 60, 5000, true},
        {ACK, 1000, 52, 61, 6000, false}, /* the threshold of the reduction holds */
        {SPURIOUS, 0, 0, 62, 12000, false},
        {SPURIOUS, 0, 0, 63, 12000, false}, /* only once */
        {COLLAPSE, 1000, 70, 80, 4000, true},
        {LOSS, 1000, 81, 90, 4000, false}, /* the minimum is 4 datagrams */
        {LOSS, 1000, 91, 99, 4000, false},
    };
    belay_newreno.init(controller, 1000);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct belay_congestion_acked acked = {.bytes = rows[i].bytes,
                                                     .sent_ns = rows[i].sent,
                                                     .app_limited =
                                                         rows[i].event == ACK_LIMITED};
        const struct belay_congestion_lost lost = {.bytes = rows[i].bytes,
                                                   .sent_ns = rows[i].sent,
                                                   .persistent = rows[i].event == COLLAPSE};
        if (rows[i].event == ACK || rows[i].event == ACK_LIMITED)
            belay_newreno.on_acked(controller, &acked, rows[i].now);
        else if (rows[i].event == SPURIOUS)
            belay_newreno.on_spurious(controller, rows[i].now);
        else
            belay_newreno.on_lost(controller, &lost, rows[i].now);
        if (belay_newreno.window_bytes(controller) != rows[i].window)
            print_error("row %zu\n", i);
        assert_int_equal(belay_newreno.window_bytes(controller), rows[i].window);
        assert_int_equal(belay_newreno.is_slow_start(controller), rows[i].slow_start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_window),
        cmocka_unit_test(test_phases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
