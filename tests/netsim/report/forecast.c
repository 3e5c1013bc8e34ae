/*
 * Each formula against a run of the model: 10^6 packets, fixed seeds, exact binomial bounds.
 * Where neighbours depend on each other (bursts, overtaking), every so many-th packet counts,
 * so far apart that they don't.
 */
#include "../fixture.h"

#include "netsim/report/forecast.h"
#include "netsim/report/trips.h"

#define PACKETS 1000000
#define SIZE    1200

/* What became of packets of a link. */
struct seen {
    uint8_t arrived[PACKETS];
    bool late[PACKETS];
    int64_t delay_ns[PACKETS]; /* of the first arrival */
    long corrupt, deliveries;
    uint64_t end_ns;
    struct netsim_stats stats;
};

static void note(struct seen *seen, const struct netsim_delivery *d, uint64_t *greatest)
{
    seen->deliveries++;
    seen->corrupt += d->corrupt_bit >= 0;
    seen->end_ns = d->due_ns;
    if (seen->arrived[d->id]++ > 0)
        return;
    seen->delay_ns[d->id] = (int64_t)(d->due_ns - d->sent_ns);
    seen->late[d->id] = d->id < *greatest;
    *greatest = d->id > *greatest ? d->id : *greatest;
}

static struct seen *run(const char *text, int64_t interval_ns, uint64_t seed)
{
    struct counted counted = {0};
    struct netsim_link *link = link_of(text, seed, &counted);
    struct seen *seen = calloc(1, sizeof(*seen));
    struct netsim_delivery d;
    uint64_t greatest = 0;

    assert_non_null(link);
    assert_non_null(seen);
    for (uint64_t i = 0; i < PACKETS; i++) {
        uint64_t now = i * (uint64_t)interval_ns, due;

        while ((due = netsim_link_deadline(link)) <= now)
            while (netsim_link_receive(link, due, &d))
                note(seen, &d, &greatest);
        send_id(link, i, SIZE, now);
    }
    while ((d.due_ns = netsim_link_deadline(link)) != BELAY_NEVER)
        while (netsim_link_receive(link, d.due_ns, &d))
            note(seen, &d, &greatest);
    netsim_link_stats(link, &seen->stats);
    netsim_link_free(link);
    return seen;
}

static struct netsim_forecast forecast_of(const char *text, int64_t interval_ns)
{
    struct netsim_words words = words_of(text);
    struct netsim_traffic traffic = {interval_ns, SIZE};
    struct netsim_forecast forecast;

    netsim_forecast(&forecast, &words, &traffic);
    return forecast;
}

/* Of every stride-th packet, how many are lost, and come twice. */
static void check_losses(const struct seen *seen, const char *text, long stride,
                         const struct netsim_losses *want)
{
    long lost = 0, twice = 0, n = 0;

    for (long i = 0; i < PACKETS; i += stride, n++) {
        lost += seen->arrived[i] == 0;
        twice += seen->arrived[i] == 2;
    }
    assert_binomial(lost, n, want->lost, text);
    assert_binomial(twice, n, want->twice, text);
}

/* After every 30th loss: is the next packet lost too? In the mean 1 - 1 / burst. */
static void check_bursts(const struct seen *seen, const char *text, double burst)
{
    long losses = 0, tries = 0, again = 0;

    for (long i = 0; i + 1 < PACKETS; i++)
        if (seen->arrived[i] == 0 && losses++ % 30 == 0) {
            tries++;
            again += seen->arrived[i + 1] == 0;
        }
    assert_binomial(again, tries, 1 - 1 / burst, text);
}

static void test_losses(void **state)
{
    static const struct {
        const char *text;
        long stride;        /* packets that far apart are independent */
        double least, most; /* of the loss: what one knows by hand */
    } rows[] = {
        {"loss 10%", 1, 0.0999, 0.1001},
        {"duplicate 5%", 1, 0, 0},
        {"loss 10% duplicate 20%", 1, 0.0799, 0.0801},
        {"loss gemodel 5% 40%", 40, 0.1111, 0.1112},
        {"loss gemodel 5% 40% 70% 2%", 40, 0.0955, 0.0956},
        {"loss gemodel 1%", 1, 0.0099, 0.0101},
        {"loss gemodel 2% 10% duplicate 30%", 100, 0.141, 0.142},
        {"loss state 5% 40%", 40, 0.1111, 0.1112},
        {"loss state 5% 40% 10% 50% 3%", 60, 0.12, 0.14},
        {"loss state 5% 40% 10% 50% 3% duplicate 30%", 60, 0.08, 0.12},
        {"loss 10% 25%", 20, 0.01749, 0.01751},
        {"loss 30% 50%", 40, 0.10, 0.13},
        {"loss 10% 75%", 100, 0, 0.00001},
        {"duplicate 30% 50% delay 1ms 0ms 50%", 40, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_forecast e = forecast_of(rows[i].text, MS);
        struct seen *seen;

        if (e.losses.lost < rows[i].least || e.losses.lost > rows[i].most)
            fail_msg("%s: %g", rows[i].text, e.losses.lost);
        seen = run(rows[i].text, MS, 77);
        check_losses(seen, rows[i].text, rows[i].stride, &e.losses);
        if (e.losses.burst > 0 && e.losses.lost > 0.001)
            check_bursts(seen, rows[i].text, e.losses.burst);
        free(seen);
    }
}

static void test_bursts_by_hand(void **state)
{
    (void)state;
    assert_true(fabs(forecast_of("loss gemodel 5% 40%", MS).losses.burst - 2.5) < 1e-6);
    assert_true(fabs(forecast_of("loss state 5% 40%", MS).losses.burst - 2.5) < 1e-6);
    assert_true(fabs(forecast_of("loss 20%", MS).losses.burst - 1.25) < 1e-6);
    assert_true(forecast_of("loss 0%", MS).losses.burst == 0);
    assert_true(forecast_of("loss 100%", MS).losses.lost > 0.999999);
    assert_true(fabs(forecast_of("loss 50% 100%", MS).losses.lost - 0.5) < 1e-6);
    assert_true(fabs(forecast_of("loss state 100% 100%", MS).losses.lost - 0.5) < 1e-6);
    assert_true(forecast_of("loss gemodel 1% 0%", MS).losses.lost >
                0.999999); /* bad for ever */
}

static void test_corrupt(void **state)
{
    static const struct {
        const char *text;
        long stride;
    } rows[] = {{"corrupt 3%", 1}, {"corrupt 30% 30%", 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_forecast e = forecast_of(rows[i].text, MS);
        struct seen *seen = run(rows[i].text, MS, 79);

        /* Correlated draws depend on each other: a tenth of them would be as wide. */
        if (i == 0)
            assert_binomial(seen->corrupt, PACKETS, e.corrupt.mean, rows[i].text);
        else
            assert_binomial(seen->corrupt / 10, PACKETS / 10, e.corrupt.mean, rows[i].text);
        free(seen);
    }
}

static void test_order(void **state)
{
    static const struct {
        const char *text;
        int64_t interval_ns;
        long stride;
    } rows[] = {
        {"delay 10ms reorder 25%", MS, 20},
        {"delay 10ms reorder 25%", 20 * MS, 1},
        {"delay 10ms reorder 25% gap 5", MS, 60},
        {"delay 3ms reorder 25% gap 5", MS, 60},
        {"delay 4ms reorder 100% gap 5", MS, 1},
        {"delay 10ms loss 30% reorder 25%", MS, 20},
        {"delay 10ms loss 30% reorder 25% gap 3", MS, 60},
        {"delay 10ms duplicate 30% reorder 25%", MS, 20},
        {"delay 10ms loss 10% duplicate 30% reorder 15%", MS, 20},
        {"delay 20ms 5ms", MS, 30},
        {"delay 20ms 5ms", 4 * MS, 10},
        {"delay 20ms 5ms loss 20%", MS, 30},
        {"delay 20ms 5ms duplicate 50%", MS, 30},
        {"delay 20ms 40ms", MS, 100},
        {"delay 20ms 5ms distribution normal", MS, 60},
        {"delay 20ms 5ms distribution pareto", MS, 60},
        {"delay 20ms 5ms distribution paretonormal", MS, 60},
        {"delay 20ms 5ms reorder 25%", MS, 40},
        {"delay 20ms 5ms 50%", MS, 30},
        {"delay 20ms 5ms distribution normal reorder 10% loss 10% duplicate 20%", MS, 60},
        {"delay 20ms 5ms reorder 30% gap 4", MS, 60},
        {"delay 10ms reorder 25% rate 20mbit", MS, 20},
        {"delay 20ms 5ms rate 20mbit", MS, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_forecast e = forecast_of(rows[i].text, rows[i].interval_ns);
        struct seen *seen = run(rows[i].text, rows[i].interval_ns, 80);
        long late = 0, n = 0;

        for (long k = 1000; k < PACKETS; k += rows[i].stride) {
            n += seen->arrived[k] > 0;
            late += seen->late[k];
        }
        assert_false(e.order.unknown);
        assert_binomial(late, n, e.order.late, rows[i].text);
        free(seen);
    }
}

/* `reorder`'s draws are the model's own counter. */
static void test_early(void **state)
{
    static const struct {
        const char *text;
        long scale;
    } rows[] = {
        {"delay 10ms reorder 25%", 1},
        {"delay 10ms reorder 25% gap 5", 1},
        {"delay 10ms reorder 25% 50%", 10},
        {"delay 10ms reorder 25% 50% gap 3", 10},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_forecast e = forecast_of(rows[i].text, MS);
        struct seen *seen = run(rows[i].text, MS, 81);

        assert_binomial((long)seen->stats.requeues / rows[i].scale, PACKETS / rows[i].scale,
                        e.order.early, rows[i].text);
        free(seen);
    }
}

static void test_delays(void **state)
{
    static const char *const rows[] = {
        "limit 100000 delay 20ms 5ms",
        "limit 100000 delay 20ms 40ms",
        "limit 100000 delay 20ms 5ms distribution normal",
        "limit 100000 delay 20ms 5ms distribution pareto",
        "limit 100000 delay 20ms 5ms distribution paretonormal",
        "limit 100000 delay 20ms 5ms 90%",
        "limit 100000 delay 2s 1.6s",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_forecast e = forecast_of(rows[i], MS);
        struct seen *seen = run(rows[i], MS, 82);
        long half[2] = {0}, most[2] = {0}, at_once = 0;
        double sum = 0, span = e.delay.max_ns - e.delay.min_ns;

        for (long k = 0; k < PACKETS; k++) {
            double ns = (double)seen->delay_ns[k], step = span / 2048;

            half[0] += ns < e.delay.p50_ns - step;
            half[1] += ns <= e.delay.p50_ns + step;
            most[0] += ns < e.delay.p99_ns - step;
            most[1] += ns <= e.delay.p99_ns + step;
            at_once += ns <= 0;
            sum += ns;
            assert_true(ns >= e.delay.min_ns && ns <= e.delay.max_ns);
        }
        /* 6 deviations of a share of half are 0.003, of 0.99 0.0006. */
        assert_true(half[0] < PACKETS * 0.503 && half[1] > PACKETS * 0.497);
        assert_true(most[0] < PACKETS * 0.9906 && most[1] > PACKETS * 0.9894);
        assert_binomial(at_once, PACKETS, e.delay.at_once, rows[i]);
        assert_true(fabs(sum / PACKETS - e.delay.mean_ns) < span * 6.2 / 2 / sqrt(PACKETS));
        free(seen);
    }
}

/* x-fifo's delay is the running maximum of the times to leave. */
static void test_delays_in_order(void **state)
{
    static const char *const rows[][2] = {
        {"delay 20ms 5ms x-fifo", "delay 20ms 5ms"},
        {"delay 20ms 5ms distribution normal x-fifo", "delay 20ms 5ms distribution normal"},
        {"delay 20ms 5ms loss 30% x-fifo", "delay 20ms 5ms loss 30%"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_forecast e = forecast_of(rows[i][0], MS);
        struct seen *seen = run(rows[i][1], MS, 86);
        double sum = 0, leaves = 0;
        long half = 0, most = 0, n = 0;

        for (long k = 0; k < PACKETS; k++) {
            if (seen->arrived[k] == 0)
                continue;
            leaves = fmax(leaves, (double)k * 1e6 + (double)seen->delay_ns[k]);
            sum += leaves - (double)k * 1e6;
            half += leaves - (double)k * 1e6 <= e.delay.p50_ns;
            most += leaves - (double)k * 1e6 <= e.delay.p99_ns;
            n++;
        }
        assert_true(fabs(sum / (double)n - e.delay.mean_ns) < 20000);
        assert_true(fabs((double)half / (double)n - 0.5) < 0.015); /* neighbours depend */
        assert_true(fabs((double)most / (double)n - 0.99) < 0.003);
        assert_true(e.order.late == 0);
        free(seen);
    }
}

static void test_line(void **state)
{
    struct netsim_forecast e = forecast_of("rate 8mbit", MS);
    struct seen *seen = run("limit 2000000 rate 8mbit", MS, 83);

    (void)state;
    assert_true(fabs(e.line_ns - 1.2e6) < 1 && fabs(e.load - 1.2) < 1e-9);
    assert_true(fabs(e.full_ns - 1.2e9) < 1);
    assert_true(fabs((double)seen->end_ns - e.line_ns * PACKETS) < 2e6);
    free(seen);
    seen = run("rate 8mbit", MS, 83); /* of 6, 5 pass */
    assert_true(fabs((double)seen->stats.dropped_limit / PACKETS - e.limit_lost) < 0.002);
    free(seen);
    e = forecast_of("rate 8mbit 22 48 5", MS); /* 1222 bytes in 26 cells of 53 */
    assert_true(fabs(e.line_ns - 26 * 53 * 1000) < 1);
}

static void test_limit(void **state)
{
    static const struct {
        const char *text;
        int64_t interval_ns;
    } rows[] = {{"delay 100ms", 10000},
                {"limit 10 delay 20ms", MS},
                {"limit 20 delay 20ms", MS},
                {"limit 100 delay 100ms 50ms", MS / 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_forecast e = forecast_of(rows[i].text, rows[i].interval_ns);
        struct seen *seen = run(rows[i].text, rows[i].interval_ns, 84);

        assert_true(fabs((double)seen->stats.dropped_limit / PACKETS - e.limit_lost) < 0.01);
        free(seen);
    }
    assert_true(fabs(forecast_of("delay 100ms", MS).limit_pps - 10000) < 1);
    assert_true(fabs(forecast_of("delay 100ms", 10000).limit_lost - 0.9) < 1e-9);
}

static void test_slot(void **state)
{
    struct netsim_forecast e = forecast_of("limit 2000000 slot 5ms 15ms packets 4", MS);
    struct seen *seen = run("limit 2000000 slot 5ms 15ms packets 4", MS, 85);

    (void)state;
    assert_true(fabs(e.slot_ns - 1e7) < 1 && fabs(e.slot_pps - 400) < 1e-6);
    assert_true(fabs(PACKETS / ((double)seen->end_ns / 1e9) / e.slot_pps - 1) < 0.01);
    free(seen);
    assert_true(fabs(forecast_of("slot 10ms bytes 3000", MS).slot_pps - 300) < 1e-6);
}

/* x-words: runs of the pipeline. */
static struct netsim_trips *trips_of(const char *text, int64_t interval_ns, size_t count)
{
    struct counted counted = {0};
    struct belay_memory memory = {counted_resize, &counted};
    struct netsim_traffic traffic = {interval_ns, SIZE};
    struct netsim_words_error error;
    struct netsim_plan *plan;
    struct netsim_trips *trips;

    assert_int_equal(netsim_plan_parse(&plan, text, &memory, &error), 0);
    trips = netsim_trips_run(plan, 87, count, &traffic, &memory);
    assert_non_null(trips);
    netsim_plan_free(plan);
    return trips;
}

static void test_queue_of_a_line(void **state)
{
    struct netsim_forecast e = forecast_of("rate 8mbit x-queue droptail 24000", MS);
    struct netsim_trips *trips = trips_of("rate 8mbit x-queue droptail 24000", MS, 60000);
    uint64_t most = 0, dropped = 0;

    (void)state;
    for (size_t i = 1000; i < trips->count; i++) {
        const struct netsim_trip *trip = &trips->trip[i];

        if (trip->arrivals == 0)
            dropped++;
        else if (trip->arrival[0].t_ns - trip->sent_ns > most)
            most = trip->arrival[0].t_ns - trip->sent_ns;
    }
    assert_true(fabs((double)dropped / 59000 - (1 - 1 / e.load)) < 0.001);
    /* Behind a full queue, and perhaps the one on the line. */
    assert_true((double)most > e.full_ns - e.line_ns &&
                (double)most < e.full_ns + 2 * e.line_ns);
    free(trips);
}

static void test_order_of_stages(void **state)
{
    static const struct {
        const char *text;
        int64_t interval_ns;
    } rows[] = {
        {"rate 20mbit x-queue droptail 64k delay 20ms 5ms", MS},
        {"rate 20mbit x-queue codel delay 10ms reorder 25%", MS},
        {"delay 20ms 5ms x-fifo", MS},
        {"delay 20ms 5ms reorder 25% x-fifo", MS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_forecast e = forecast_of(rows[i].text, rows[i].interval_ns);
        struct netsim_trips *trips = trips_of(rows[i].text, rows[i].interval_ns, 300000);
        long late = 0, n = 0;

        for (size_t k = 1000; k < trips->count; k += 30, n++)
            late += trips->trip[k].arrivals > 0 && trips->trip[k].arrival[0].late;
        assert_binomial(late, n, e.order.late, rows[i].text);
        free(trips);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses),          cmocka_unit_test(test_bursts_by_hand),
        cmocka_unit_test(test_corrupt),         cmocka_unit_test(test_order),
        cmocka_unit_test(test_early),           cmocka_unit_test(test_delays),
        cmocka_unit_test(test_delays_in_order), cmocka_unit_test(test_line),
        cmocka_unit_test(test_limit),           cmocka_unit_test(test_slot),
        cmocka_unit_test(test_queue_of_a_line), cmocka_unit_test(test_order_of_stages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
