/*
 * Congestion control in the simulator: bulk senders through a bottleneck (bulk.h). All figures
 * are of virtual time: the same on every machine. Bounds are wider than what was measured
 * (docs/congestion.md), so that a small change of law does not break them.
 */
#include "sim/bulk.h"
#include "sim/story.h"

static const char *const controllers[] = {"bbr", "cubic", "newreno"};

#define LOSS(p)  "loss " p " limit 1000000"
#define LATE     "delay 10ms reorder 75% limit 1000000"
#define EARLY    "delay 10ms reorder 25% limit 1000000"
#define LINK     "rate 20mbit limit 83" /* a queue of one bandwidth-delay product at 50 ms */
#define RATE_BPS 20e6

static struct bulk_config config_of(const char *bottleneck, const char *way)
{
    return (struct bulk_config){
        .bottleneck = bottleneck,
        .way = way,
        .seed = 1,
        .datagram_bytes = 1472,
        .message_bytes = 16384,
        .from_ns = 4 * BULK_S,
        .to_ns = 14 * BULK_S,
    };
}

static struct bulk *run(struct bulk_config *config)
{
    struct bulk *bulk = bulk_new(config);
    bulk_run(bulk, config->to_ns + BULK_S);
    return bulk;
}

static void add(struct bulk_config *config, const char *congestion, uint64_t rtt_ns,
                uint64_t start_ns)
{
    config->flows[config->flow_count++] = (struct bulk_flow_config){
        .congestion = congestion, .rtt_ns = rtt_ns, .start_ns = start_ns + 1};
}

static double share(const struct bulk *bulk, size_t flow)
{
    return 100 * bulk_goodput(bulk, flow) / RATE_BPS;
}

static void must_lie(const char *what, double value, double least, double most)
{
    print_message("%s: %.2f\n", what, value);
    assert_true(value >= least && value <= most);
}

/* The default, by its goodput, what it sends for that, and the queue that it keeps. */
static void goodput_through_loss_and_reordering(void **state)
{
    static const struct {
        const char *way;
        double share, sent;
    } rows[] = {
        {"", 92, 1.08},           {LOSS("0.1%"), 91, 1.08}, {LOSS("1%"), 89, 1.09},
        {LOSS("5%"), 82, 1.1126}, {LATE, 85, 1.1},          {EARLY, 80, 1.1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bulk_config config = config_of(LINK, rows[i].way);
        add(&config, NULL, 50 * BULK_MS, 0);
        struct bulk *bulk = run(&config);
        const struct bulk_counts *w = &bulk->flows[0].window;
        print_message("'%s'\n", rows[i].way);
        must_lie("share", share(bulk, 0), rows[i].share, 96);
        must_lie("sent", (double)w->sent_bytes / (double)w->payload_bytes, 1, rows[i].sent);
        must_lie("queue, ms", bulk_delay_mean_ms(bulk), 0, 25);
        must_lie("spurious, %", bulk_spurious_percent(bulk, 0), 0, 1);
        bulk_free(bulk);
    }
}

/* Not more than one packet in a hundred is sent again in vain, after the first second. And the
 * windows of those that go by loss are not held down by what was none. */
static void reordering_is_not_loss(void **state)
{
    static const char *const ways[] = {LATE, EARLY};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct bulk_config config = config_of(LINK, ways[i % 2]);
        add(&config, controllers[i / 2], 50 * BULK_MS, 0);
        struct bulk *bulk = run(&config);
        print_message("%s, '%s'\n", controllers[i / 2], ways[i % 2]);
        must_lie("spurious, %", bulk_spurious_percent(bulk, 0), 0, 1);
        must_lie("share", share(bulk, 0), 80, 96);
        bulk_free(bulk);
    }
}

static void acks_are_few(void **state)
{
    static const char *const ways[] = {"", LATE, EARLY};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct bulk_config config = config_of("rate 100mbit limit 416", ways[i]);
        config.from_ns = 2 * BULK_S;
        config.to_ns = 4 * BULK_S;
        add(&config, NULL, 50 * BULK_MS, 0);
        struct bulk *bulk = run(&config);
        const struct bulk_counts *w = &bulk->flows[0].window;
        must_lie("packets an ACK", (double)w->passed / (double)w->acks, 5, 16);
        bulk_free(bulk);
    }
}

/* What one search for the rate costs others: packets lost in the first second. */
static void startup_overshoots_little(void **state)
{
    static const struct {
        const char *link;
        double most;
    } rows[] = {{LINK, 4}, {"rate 20mbit limit 332", 1}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bulk_config config = config_of(rows[i].link, "");
        config.from_ns = BULK_S;
        config.to_ns = 2 * BULK_S;
        add(&config, NULL, 50 * BULK_MS, 0);
        struct bulk *bulk = run(&config);
        const struct bulk_counts *first = &bulk->flows[0].first_second;
        must_lie("dropped, %", 100 * (double)first->dropped / (double)first->sent_packets, 0,
                 rows[i].most);
        must_lie("share of the second second", share(bulk, 0), 85, 96);
        bulk_free(bulk);
    }
}

static void two_flows_share(void **state)
{
    static const struct {
        const char *first, *second, *link;
        uint64_t start_ns; /* of the second */
        double least;
    } rows[] = {
        {"bbr", "cubic", LINK, 0, 30},
        {"bbr", "cubic", LINK, 3 * BULK_S, 30},
        {"cubic", "bbr", LINK, 3 * BULK_S, 25},
        {"bbr", "cubic", "rate 20mbit limit 42", 0, 30},
        {"bbr", "bbr", LINK, 3 * BULK_S, 35},
        {"bbr", "bbr", "rate 20mbit limit 332", 3 * BULK_S, 25},
        {"bbr", "newreno", LINK, 0, 20},
        {"cubic", "newreno", LINK, 0, 20},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bulk_config config = config_of(rows[i].link, "");
        config.from_ns = 10 * BULK_S;
        config.to_ns = 50 * BULK_S;
        add(&config, rows[i].first, 50 * BULK_MS, 0);
        add(&config, rows[i].second, 50 * BULK_MS, rows[i].start_ns);
        struct bulk *bulk = run(&config);
        double all = share(bulk, 0) + share(bulk, 1);
        print_message("%s, %s after %u s, '%s'\n", rows[i].first, rows[i].second,
                      (unsigned)(rows[i].start_ns / BULK_S), rows[i].link);
        must_lie("of it the first", 100 * share(bulk, 0) / all, rows[i].least,
                 100 - rows[i].least);
        must_lie("together", all, 88, 96);
        bulk_free(bulk);
    }
}

/* Slow start overshoots more than BBR does: what it took so must be had back in seconds. */
static void two_that_begin_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct bulk_config config = config_of("rate 100mbit limit 416", "");
        config.seed = seed;
        config.from_ns = 5 * BULK_S;
        config.to_ns = 25 * BULK_S;
        add(&config, "bbr", 50 * BULK_MS, 0);
        add(&config, "cubic", 50 * BULK_MS, 0);
        struct bulk *bulk = run(&config);
        double all = share(bulk, 0) + share(bulk, 1);
        must_lie("bbr's, of both", 100 * share(bulk, 0) / all, 40, 60);
        bulk_free(bulk);
    }
}

static void ten_flows_share(void **state)
{
    static const char *const links[] = {"rate 100mbit limit 416", "rate 100mbit limit 42"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct bulk_config config = config_of(links[i % 2], "");
        config.from_ns = 10 * BULK_S;
        config.to_ns = 40 * BULK_S;
        for (unsigned n = 0; n < 10; n++)
            add(&config, i == 2 && n % 2 ? "cubic" : "bbr", 50 * BULK_MS, n * BULK_S / 2);
        struct bulk *bulk = run(&config);
        double sum = 0, squares = 0;
        for (unsigned n = 0; n < 10; n++) {
            sum += bulk_goodput(bulk, n);
            squares += bulk_goodput(bulk, n) * bulk_goodput(bulk, n);
            must_lie("a flow's, Mbit/s", bulk_goodput(bulk, n) / 1e6, 2, 35);
        }
        must_lie("Jain's index", sum * sum / 10 / squares, 0.6, 1);
        must_lie("together", 100 * sum / 100e6, 88, 96);
        bulk_free(bulk);
    }
}

static void round_trips_from_5_to_500_ms(void **state)
{
    static const struct {
        uint64_t rtt_ms;
        const char *link, *way;
        double least;
    } rows[] = {
        {5, "rate 20mbit limit 8", "", 85},     {5, "rate 20mbit limit 8", LOSS("1%"), 75},
        {500, "rate 20mbit limit 832", "", 75}, {500, "rate 20mbit limit 832", LOSS("1%"), 70},
        {200, "rate 20mbit limit 332", "", 80}, {200, "rate 20mbit limit 332", LOSS("1%"), 75},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bulk_config config = config_of(rows[i].link, rows[i].way);
        config.from_ns = 10 * BULK_S;
        config.to_ns = 30 * BULK_S;
        add(&config, NULL, rows[i].rtt_ms * BULK_MS, 0);
        struct bulk *bulk = run(&config);
        print_message("%u ms, '%s'\n", (unsigned)rows[i].rtt_ms, rows[i].way);
        must_lie("share", share(bulk, 0), rows[i].least, 96);
        bulk_free(bulk);
    }
}

/* Five times slower, and back: found within two seconds, and within five. */
static void the_link_changes_its_rate(void **state)
{
    static const char link[] = "rate 20mbit limit 83 ; at 10s rate 4mbit limit 83 ; "
                               "at 20s rate 20mbit limit 83";
    static const struct {
        uint64_t from_s, to_s;
        double least, most;
    } rows[] = {{12, 20, 17, 20}, {25, 30, 85, 96}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bulk_config config = config_of(link, "");
        config.from_ns = rows[i].from_s * BULK_S;
        config.to_ns = rows[i].to_s * BULK_S;
        add(&config, NULL, 50 * BULK_MS, 0);
        struct bulk *bulk = run(&config);
        must_lie("share", share(bulk, 0), rows[i].least, rows[i].most);
        bulk_free(bulk);
    }
}

/* Three seconds of nothing: the window falls to its least, and is found again. */
static void after_a_blackout(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct bulk_config config =
            config_of("rate 20mbit limit 83 ; at 6s rate 20mbit limit 83 loss 100% ; "
                      "at 9s rate 20mbit limit 83",
                      "");
        config.from_ns = 12 * BULK_S;
        config.to_ns = 20 * BULK_S;
        add(&config, controllers[i], 50 * BULK_MS, 0);
        struct bulk *bulk = bulk_new(&config);
        bulk_run(bulk, 9 * BULK_S);
        struct belay_stats before = bulk_stats(&bulk->flows[0]);
        bulk_run(bulk, 21 * BULK_S);
        assert_true(before.probe_timeouts > 0);
        print_message("%s\n", controllers[i]);
        must_lie("share", share(bulk, 0), i == 0 ? 85 : 60, 96);
        bulk_free(bulk);
    }
}

STORIES(cmocka_unit_test(goodput_through_loss_and_reordering),
        cmocka_unit_test(reordering_is_not_loss), cmocka_unit_test(acks_are_few),
        cmocka_unit_test(startup_overshoots_little), cmocka_unit_test(two_flows_share),
        cmocka_unit_test(two_that_begin_at_once), cmocka_unit_test(ten_flows_share),
        cmocka_unit_test(round_trips_from_5_to_500_ms),
        cmocka_unit_test(the_link_changes_its_rate), cmocka_unit_test(after_a_blackout))
