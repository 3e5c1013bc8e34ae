#include "support/memory.h"

#include "recovery/hystart.h"

#define MS UINT64_C(1000000)

/* A round: samples of this RTT, the last of which was sent after the round began. */
struct round {
    uint64_t rtt_ms;
    unsigned samples;
    uint64_t growth; /* in percent of what is acknowledged, by its last ACK */
    bool is_over;    /* after it */
};

static void run(const struct round *rounds, size_t count)
{
    struct belay_hystart h = {.round_start_ns = 1};
    uint64_t now_ns = 100 * MS;
    bool is_over = false;
    for (size_t i = 0; i < count; i++) {
        uint64_t growth = 0;
        for (unsigned n = 1; n <= rounds[i].samples; n++) {
            const struct belay_congestion_acked acked = {
                .bytes = 1000,
                .rtt_ns = rounds[i].rtt_ms * MS,
                .sent_ns = n == rounds[i].samples ? now_ns : 0};
            growth = belay_hystart_acked(&h, &acked, now_ns += MS, &is_over);
        }
        if (growth != rounds[i].growth * 10 || is_over != rounds[i].is_over)
            print_error("round %zu\n", i);
        assert_int_equal(growth, rounds[i].growth * 10);
        assert_int_equal(is_over, rounds[i].is_over);
    }
}

static void test_flat_is_never_over(void **state)
{
    static const struct round rounds[] = {
        {50, 20, 100, false}, {50, 20, 100, false}, {54, 20, 100, false}, {54, 20, 100, false},
        {50, 20, 100, false}, {90, 7, 100, false}, /* too few samples to tell */
        {50, 20, 100, false},
    };
    (void)state;
    run(rounds, sizeof(rounds) / sizeof(rounds[0]));
}

static void test_growth_ends_it(void **state)
{
    static const struct round rounds[] = {
        {50, 20, 100, false}, {60, 20, 25, false}, {62, 20, 25, false},
        {64, 20, 25, false},  {66, 20, 25, false}, {68, 20, 25, true},
    };
    (void)state;
    run(rounds, sizeof(rounds) / sizeof(rounds[0]));
}

/* It was somebody else's burst: on as before. */
static void test_a_passing_cloud(void **state)
{
    static const struct round rounds[] = {
        {50, 20, 100, false}, {60, 20, 25, false},  {60, 20, 25, false},
        {51, 20, 100, false}, {51, 20, 100, false}, {60, 20, 25, false},
    };
    (void)state;
    run(rounds, sizeof(rounds) / sizeof(rounds[0]));
}

/* An eighth of the round trip, 4 ms at least and 16 at most. */
static void test_how_much_is_growth(void **state)
{
    static const struct {
        uint64_t before_ms, after_ms;
        bool grew;
    } rows[] = {{1, 4, false},  {1, 5, true},      {64, 71, false},
                {64, 72, true}, {400, 415, false}, {400, 416, true}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct round rounds[] = {
            {rows[i].before_ms, 8, 100, false},
            {rows[i].after_ms, 8, rows[i].grew ? 25 : 100, false},
        };
        run(rounds, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flat_is_never_over),
        cmocka_unit_test(test_growth_ends_it),
        cmocka_unit_test(test_a_passing_cloud),
        cmocka_unit_test(test_how_much_is_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
