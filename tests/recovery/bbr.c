/*
 * BBR on a path of the test's own: it carries 12 packets a millisecond with a round trip of
 * 40 ms, holds `room` packets in its queue, and loses one packet in `loses` (0: none) by
 * itself. A step is a millisecond.
 */
#include "support/memory.h"
#include "support/random.h"

#include "recovery/bbr.h"

#define MS UINT64_C(1000000)

enum { DATAGRAM = 1000, RATE = 12, RTT_MS = 40, BDP = RATE * RTT_MS, HISTORY = 16384 };

struct path {
    struct belay_bbr bbr;
    struct test_random random;
    uint64_t room, loses;
    bool is_reordered;
    uint64_t late_ns; /* each ACK is, at least, after the first */
    uint64_t ms;
    double credit; /* of the pacer */
    /* A packet is `sent` at a step, served by the bottleneck in order, and heard of RTT later.
     */
    struct packet {
        uint64_t sent_ms, heard_ms, in_flight, delivered, delivered_ms, lost_before;
        bool lost;
    } packets[HISTORY];
    uint64_t first, next; /* under way, as numbers */
    uint64_t busy_until;  /* in 1/RATE ms */
    uint64_t delivered, delivered_ms, lost, dropped;
    uint64_t queue_most;
};

static void path_open(struct path *p, uint64_t room, uint64_t loses)
{
    memset(p, 0, sizeof(*p));
    p->room = room;
    p->loses = loses;
    p->random.state = 7;
    p->ms = p->delivered_ms = 1000;
    belay_bbr.init(&p->bbr, DATAGRAM);
}

static uint64_t window(const struct path *p)
{
    return belay_bbr.window_bytes(&p->bbr);
}

static void send_one(struct path *p)
{
    uint64_t now = p->ms * RATE;
    if (p->busy_until < now)
        p->busy_until = now;
    uint64_t queue = p->busy_until - now;
    struct packet *packet = &p->packets[p->next++ % HISTORY];
    *packet = (struct packet){.sent_ms = p->ms,
                              .in_flight = (p->next - p->first) * DATAGRAM,
                              .delivered = p->delivered,
                              .delivered_ms = p->delivered_ms,
                              .lost_before = p->lost};
    bool is_full = queue >= p->room + RATE;
    packet->lost = is_full || (p->loses > 0 && test_random_below(&p->random, p->loses) == 0);
    p->dropped += is_full;
    p->busy_until += !is_full;
    packet->heard_ms = p->busy_until / RATE + RTT_MS;
    if (queue > p->queue_most)
        p->queue_most = queue;
}

static void tell_acked(struct path *p, const struct packet *packet)
{
    p->delivered += DATAGRAM;
    p->delivered_ms = p->ms;
    const struct belay_congestion_acked acked = {
        .bytes = DATAGRAM,
        .in_flight_bytes = (p->next - p->first) * DATAGRAM,
        .sent_ns = packet->sent_ms * MS,
        .rtt_ns = (p->ms - packet->sent_ms) * MS + (packet->delivered > 0 ? p->late_ns : 0),
        .delivered_bytes = p->delivered,
        .lost_bytes = p->lost,
        .rate = {.delivered_bytes = p->delivered - packet->delivered,
                 .interval_ns = (p->ms - packet->delivered_ms) * MS,
                 .prior_delivered_bytes = packet->delivered,
                 .in_flight_bytes = packet->in_flight},
        .is_reordered = p->is_reordered,
    };
    belay_bbr.on_acked(&p->bbr, &acked, p->ms * MS);
}

static void tell_lost(struct path *p, const struct packet *packet)
{
    p->lost += DATAGRAM;
    const struct belay_congestion_lost lost = {.bytes = DATAGRAM,
                                               .sent_ns = packet->sent_ms * MS,
                                               .sent_in_flight_bytes = packet->in_flight,
                                               .since_sent_bytes =
                                                   p->lost - packet->lost_before};
    belay_bbr.on_lost(&p->bbr, &lost, p->ms * MS);
}

static void step(struct path *p)
{
    p->ms++;
    while (p->first < p->next && p->packets[p->first % HISTORY].heard_ms <= p->ms) {
        const struct packet packet = p->packets[p->first++ % HISTORY];
        if (packet.lost)
            tell_lost(p, &packet);
        else
            tell_acked(p, &packet);
    }
    uint64_t rate = belay_bbr.rate_bytes_per_s(&p->bbr);
    p->credit += rate > 0 ? (double)rate / 1e6 : 10;
    if (p->credit > 40)
        p->credit = 40;
    while (p->credit >= 1 && (p->next - p->first + 1) * DATAGRAM <= window(p)) {
        p->credit--;
        send_one(p);
    }
}

/* Packets delivered in so many milliseconds, as a share of what the path carries. */
static double run(struct path *p, uint64_t ms)
{
    uint64_t before = p->delivered;
    for (uint64_t i = 0; i < ms; i++)
        step(p);
    return (double)(p->delivered - before) / DATAGRAM / (double)(ms * RATE);
}

static bool reaches(struct path *p, enum belay_bbr_phase phase, uint64_t ms)
{
    for (uint64_t i = 0; i < ms && p->bbr.phase != phase; i++)
        step(p);
    return p->bbr.phase == phase;
}

static void test_the_phases_in_order(void **state)
{
    static const enum belay_bbr_phase phases[] = {
        BELAY_BBR_STARTUP, BELAY_BBR_DRAIN, BELAY_BBR_DOWN, BELAY_BBR_CRUISE,
        BELAY_BBR_REFILL,  BELAY_BBR_UP,    BELAY_BBR_DOWN, BELAY_BBR_CRUISE,
    };
    struct path p;
    (void)state;
    path_open(&p, 4 * BDP, 0);
    assert_true(belay_bbr.is_slow_start(&p.bbr));
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
        assert_true(reaches(&p, phases[i], 4000));
    assert_false(belay_bbr.is_slow_start(&p.bbr));
    assert_int_equal(p.bbr.rtt_min_ns, RTT_MS * MS);
    assert_in_range(belay_bbr_rate_max(&p.bbr), RATE * 950000, RATE * 1050000);
}

/* Loss by itself is not congestion, however much; and nothing overflows meanwhile. */
static void test_random_loss_is_ignored(void **state)
{
    static const uint64_t one_in[] = {0, 1000, 100, 20, 10};
    (void)state;
    for (size_t i = 0; i < sizeof(one_in) / sizeof(one_in[0]); i++) {
        struct path p;
        path_open(&p, 2 * BDP, one_in[i]);
        run(&p, 4000);
        p.queue_most = p.dropped = 0;
        double share = run(&p, 10000);
        double most = one_in[i] > 0 ? 1 - 1.0 / (double)one_in[i] : 1;
        print_message("one in %u: %.3f of %.3f, queue %u\n", (unsigned)one_in[i], share, most,
                      (unsigned)p.queue_most);
        assert_true(share > 0.9 * most);
        assert_int_equal(p.dropped, 0);
        assert_in_range(p.queue_most, 1, BDP / 2);
    }
}

/* A queue too short for a probe: it is bounded, and its loss is no ambient one. */
static void test_overflow_is_congestion(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, BDP / 10, 0);
    run(&p, 4000);
    p.dropped = 0;
    uint64_t sent = p.next;
    assert_true(run(&p, 10000) > 0.8);
    assert_in_range(p.dropped * 100, 0, p.next - sent);
    assert_true(p.bbr.bounds.in_flight_high != BELAY_BBR_NONE);
    assert_in_range(p.bbr.ambient_loss, 0, BELAY_BBR_SHARE_ONE / 100);
}

/* Where nothing is lost, nothing of the path is left unused; a loss brings the margin. */
static void test_the_margin_is_for_losses(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, 4 * BDP, 0);
    run(&p, 4000);
    assert_true(run(&p, 10000) > 0.995);
    assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
    step(&p);
    assert_int_equal(p.bbr.rate, belay_bbr_rate(&p.bbr) / 100 * 100);
    p.loses = 10;
    run(&p, RTT_MS / 2);
    p.loses = 0;
    run(&p, 2 * RTT_MS);
    assert_true(p.bbr.clean_rounds < 3);
    p.bbr.ambient_loss = 0;
    assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
    step(&p);
    assert_int_equal(p.bbr.rate, belay_bbr_rate(&p.bbr) / 100 * 99);
}

static void test_a_spurious_bound_is_taken_back(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, 4 * BDP, 0);
    assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
    assert_true(reaches(&p, BELAY_BBR_UP, 4000));
    const struct belay_congestion_lost lost = {.bytes = 50 * DATAGRAM,
                                               .sent_ns = p.ms * MS,
                                               .sent_in_flight_bytes = BDP * DATAGRAM,
                                               .since_sent_bytes = 50 * DATAGRAM};
    belay_bbr.on_lost(&p.bbr, &lost, p.ms * MS);
    assert_int_equal(p.bbr.bounds.in_flight_high, BDP * DATAGRAM);
    assert_int_equal(p.bbr.phase, BELAY_BBR_DOWN);
    belay_bbr.on_lost(&p.bbr, &lost, p.ms * MS); /* more of the same */
    belay_bbr.on_spurious(&p.bbr, p.ms * MS);
    assert_true(p.bbr.bounds.in_flight_high == BELAY_BBR_NONE);
}

static void lose_one(struct path *p)
{
    const struct packet packet = {
        .sent_ms = p->ms, .in_flight = (p->next - p->first) * DATAGRAM, .lost_before = p->lost};
    tell_lost(p, &packet);
}

/* Loss while a queue stands lowers the window; not if it was none. */
static void test_a_spurious_loss_in_a_queue(void **state)
{
    (void)state;
    for (int is_spurious = 0; is_spurious < 2; is_spurious++) {
        struct path p;
        path_open(&p, 4 * BDP, 0);
        assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
        run(&p, 400);
        p.busy_until = (p.ms + 6) * RATE;
        uint32_t rounds = p.bbr.rounds;
        while (p.bbr.rounds < rounds + 2)
            step(&p);
        lose_one(&p);
        if (is_spurious)
            belay_bbr.on_spurious(&p.bbr, p.ms * MS);
        while (p.bbr.rounds < rounds + 3)
            step(&p);
        assert_true(p.bbr.is_round_queued);
        assert_int_equal(p.bbr.bounds.in_flight_low == BELAY_BBR_NONE, is_spurious);
    }
}

/* A mark needs no queue to be believed; one answers all that was sent before. */
static void test_marks(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, 4 * BDP, 0);
    const struct belay_congestion_lost first = {.ecn_ce = true, .sent_ns = p.ms * MS};
    belay_bbr.on_lost(&p.bbr, &first, p.ms * MS);
    assert_false(belay_bbr.is_slow_start(&p.bbr)); /* the search is over */
    path_open(&p, 4 * BDP, 0);
    assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
    run(&p, 100);
    uint64_t before = belay_bbr.rate_bytes_per_s(&p.bbr);
    const struct belay_congestion_lost lost = {
        .ecn_ce = true, .sent_ns = p.ms * MS, .in_flight_bytes = 3 * BDP * DATAGRAM / 2};
    for (unsigned i = 0; i < 10; i++)
        belay_bbr.on_lost(&p.bbr, &lost, p.ms * MS);
    assert_int_equal(p.bbr.bounds.rate_low, belay_bbr_rate_max(&p.bbr) / 100 * 92);
    assert_in_range(p.bbr.bounds.in_flight_low, BDP * 950, BDP * 1300);
    step(&p);
    assert_in_range(belay_bbr.rate_bytes_per_s(&p.bbr), before / 2, before / 100 * 95);
    assert_in_range(window(&p), BDP * 950, BDP * 1300);
}

static void test_persistent_congestion(void **state)
{
    const struct belay_congestion_lost lost = {
        .bytes = DATAGRAM, .sent_in_flight_bytes = DATAGRAM, .persistent = true};
    struct path p;
    (void)state;
    path_open(&p, 4 * BDP, 0);
    run(&p, 4000);
    belay_bbr.on_lost(&p.bbr, &lost, p.ms * MS);
    assert_int_equal(window(&p), 4 * DATAGRAM);
    run(&p, 1000); /* the model stands: it is back soon */
    assert_true(run(&p, 1000) > 0.85);
}

/* A path that is ours alone is not drained to be measured; one that others fill, is. */
static void test_when_the_round_trip_is_probed(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, 4 * BDP, 0);
    for (unsigned i = 0; i < 20000; i++) {
        step(&p);
        assert_true(p.bbr.phase != BELAY_BBR_PROBE_RTT);
    }
    /* Somebody's standing queue, from here on: 30 ms. */
    for (unsigned i = 0; i < 7000 && p.bbr.phase != BELAY_BBR_PROBE_RTT; i++) {
        if (p.busy_until < (p.ms + 30) * RATE)
            p.busy_until = (p.ms + 30) * RATE;
        step(&p);
    }
    assert_int_equal(p.bbr.phase, BELAY_BBR_PROBE_RTT);
    assert_in_range(window(&p), 4 * DATAGRAM, BDP * DATAGRAM);
    assert_true(reaches(&p, BELAY_BBR_CRUISE, 1000));
}

/* A clock that is late by a little all the time is no queue, and nothing that grows old. */
static void test_a_late_clock_needs_no_probe(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, 4 * BDP, 0);
    p.late_ns = RTT_MS * MS / 100;
    for (unsigned i = 0; i < 20000; i++) {
        step(&p);
        p.bbr.is_rtt_raised = false; /* this is not what keeps it from probing */
        assert_true(p.bbr.phase != BELAY_BBR_PROBE_RTT);
    }
    assert_int_equal(p.bbr.rtt_min_ns, RTT_MS * MS);
}

static uint64_t in_flight_bytes(const struct path *p)
{
    return (p->next - p->first) * DATAGRAM;
}

/* Sends as it does until it gives way to a queue of so many ms. */
static bool yields(struct path *p, uint64_t queue_ms, uint64_t ms)
{
    p->busy_until = (p->ms + queue_ms) * RATE;
    for (uint64_t i = 0; i < ms && p->bbr.bounds.rate_low == BELAY_BBR_NONE; i++)
        step(p);
    return p->bbr.bounds.rate_low != BELAY_BBR_NONE;
}

/* The round trip shows only later that the queue is gone: so long the path would be idle. */
static void test_an_own_queue_is_answered_by_what_is_in_flight(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, 4 * BDP, 0);
    assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
    run(&p, 400);
    assert_true(yields(&p, 6, 400));
    while (p.bbr.bounds.rate_low != BELAY_BBR_NONE) {
        assert_true(in_flight_bytes(&p) > (BDP - 2 * RATE) * DATAGRAM);
        step(&p);
    }
    assert_true(p.bbr.round_rtt_min_ns > (RTT_MS + 2) * MS);
    uint64_t delivered = p.delivered;
    for (unsigned i = 0; i < 2 * RTT_MS; i++) {
        step(&p);
        assert_true(p.bbr.bounds.rate_low == BELAY_BBR_NONE);
    }
    assert_true(p.delivered - delivered > (uint64_t)(2 * BDP - RATE) * DATAGRAM);
}

static void test_a_shared_queue_is_not_own(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, 8 * BDP, 0);
    assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
    run(&p, 400);
    /* Somebody takes a third of the path. */
    unsigned yielding = 0;
    for (unsigned i = 0; i < 1500; i++) {
        p.busy_until += RATE / 3;
        step(&p);
        yielding += p.bbr.bounds.rate_low != BELAY_BBR_NONE;
        assert_false(p.bbr.is_queue_own);
    }
    assert_true(yielding > 100);
}

/* Somebody takes a third, and keeps a queue of 8 ms: there is no use in leaving more. */
static void test_a_queue_that_yielding_does_not_drain(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, 8 * BDP, 0);
    assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
    assert_true(reaches(&p, BELAY_BBR_DOWN, 8000));
    uint64_t down_ms = p.ms, yields_ms = 0, rate = belay_bbr_rate(&p.bbr), rate_least = rate;
    while (p.bbr.phase != BELAY_BBR_REFILL) {
        p.busy_until += RATE / 3;
        if (p.busy_until < (p.ms + 8) * RATE)
            p.busy_until = (p.ms + 8) * RATE;
        step(&p);
        if (yields_ms == 0 && p.bbr.bounds.rate_low != BELAY_BBR_NONE)
            yields_ms = p.ms;
        if (belay_bbr_rate(&p.bbr) < rate_least)
            rate_least = belay_bbr_rate(&p.bbr);
    }
    assert_true(rate_least < rate / 2);
    assert_in_range(p.ms - yields_ms, 16 * (RTT_MS + 8), 24 * (RTT_MS + 8));
    assert_true(p.ms * MS < p.bbr.wait_ns);
    assert_true(p.ms - down_ms < 2000);
    assert_int_equal(p.bbr.yield_rounds, 0);
}

/* A rate that is too great makes a queue; what comes while it stands is the path's rate. */
static void test_a_queue_corrects_the_rate_of_a_path_that_reorders(void **state)
{
    (void)state;
    for (int is_reordered = 0; is_reordered < 2; is_reordered++) {
        struct path p;
        path_open(&p, 4 * BDP, 0);
        p.is_reordered = is_reordered;
        assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
        run(&p, 400);
        p.bbr.rate_max[0] = p.bbr.rate_max[1] = RATE * 1000000 / 4 * 5;
        for (unsigned i = 0; i < 1000 && p.bbr.yield_rounds < 3; i++)
            step(&p);
        for (unsigned i = 0; i < 1000 && p.bbr.yield_rounds > 0; i++)
            step(&p);
        assert_int_equal(p.bbr.phase, BELAY_BBR_CRUISE);
        assert_in_range(belay_bbr_rate_max(&p.bbr),
                        RATE * 1000000 / 100 * (is_reordered ? 94 : 125),
                        RATE * 1000000 / 100 * (is_reordered ? 102 : 125));
    }
}

static void test_a_faster_path_is_found(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, 4 * BDP, 0);
    assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
    /* As if the path had been a tenth of it until now. */
    p.bbr.rate_max[0] = p.bbr.rate_max[1] = RATE * UINT64_C(100000);
    p.bbr.rate = RATE * UINT64_C(100000);
    p.bbr.is_queue_seen = false;
    run(&p, 12000);
    assert_true(run(&p, 1000) > 0.9);
}

/* A rate that is true no more is forgotten with the second probe after it. */
static void test_a_slower_path_is_found(void **state)
{
    struct path p;
    (void)state;
    path_open(&p, 4 * BDP, 0);
    assert_true(reaches(&p, BELAY_BBR_CRUISE, 4000));
    /* As if the path had been ten times as fast until now. */
    p.bbr.rate_max[0] = p.bbr.rate_max[1] = RATE * UINT64_C(10000000);
    run(&p, 12000);
    assert_in_range(belay_bbr_rate_max(&p.bbr), RATE * UINT64_C(900000),
                    RATE * UINT64_C(1500000));
    assert_true(run(&p, 1000) > 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_phases_in_order),
        cmocka_unit_test(test_random_loss_is_ignored),
        cmocka_unit_test(test_overflow_is_congestion),
        cmocka_unit_test(test_the_margin_is_for_losses),
        cmocka_unit_test(test_a_spurious_bound_is_taken_back),
        cmocka_unit_test(test_a_spurious_loss_in_a_queue),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_persistent_congestion),
        cmocka_unit_test(test_when_the_round_trip_is_probed),
        cmocka_unit_test(test_a_late_clock_needs_no_probe),
        cmocka_unit_test(test_an_own_queue_is_answered_by_what_is_in_flight),
        cmocka_unit_test(test_a_shared_queue_is_not_own),
        cmocka_unit_test(test_a_queue_that_yielding_does_not_drain),
        cmocka_unit_test(test_a_queue_corrects_the_rate_of_a_path_that_reorders),
        cmocka_unit_test(test_a_faster_path_is_found),
        cmocka_unit_test(test_a_slower_path_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
