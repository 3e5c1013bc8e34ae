#include "recovery/story.h"

#include "recovery/rate.h"

struct bench {
    struct belay_rate rate;
    struct belay_sent_packet packets[32];
    size_t sent;
    uint64_t in_flight;
};

static void send(struct bench *b, uint64_t now_ns)
{
    struct belay_sent_packet *packet = &b->packets[b->sent++];
    *packet = (struct belay_sent_packet){.sent_ns = now_ns, .bytes = 1000};
    b->in_flight += 1000;
    belay_rate_sent(&b->rate, packet, b->in_flight);
}

/* An ACK of packets first .. last. */
static struct belay_rate_sample ack(struct bench *b, size_t first, size_t last, uint64_t now_ns,
                                    uint64_t rtt_min_ns)
{
    struct belay_rate_sample sample;
    uint64_t bytes = (last - first + 1) * 1000;
    belay_rate_sample_begin(&b->rate, &b->packets[last], &sample);
    b->in_flight -= bytes;
    belay_rate_delivered(&b->rate, bytes, now_ns);
    belay_rate_sample_end(&b->rate, &sample, rtt_min_ns);
    return sample;
}

/* Packets every 1 ms from 10 ms on, acknowledged 20 ms later. */
static void test_a_steady_stream(void **state)
{
    struct bench b = {.sent = 0};
    (void)state;
    for (uint64_t ms = 10; ms < 30; ms++)
        send(&b, ms * MS);
    struct belay_rate_sample first = ack(&b, 0, 0, 30 * MS, 20 * MS);
    assert_int_equal(first.delivered_bytes, 1000);
    assert_int_equal(first.interval_ns, 20 * MS);
    assert_true(first.from_idle);
    for (size_t i = 1; i < 20; i++) {
        if (i == 10)
            send(&b, 40 * MS - 1);
        struct belay_rate_sample sample = ack(&b, i, i, (30 + i) * MS, 20 * MS);
        assert_int_equal(sample.delivered_bytes, (i + 1) * 1000);
        assert_int_equal(sample.interval_ns, (20 + i) * MS); /* since the flight began */
        assert_false(sample.from_idle || sample.app_limited);
        assert_int_equal(sample.in_flight_bytes, (i + 1) * 1000);
    }
    /* Its ten were delivered in the meantime: a packet a millisecond. */
    struct belay_rate_sample late = ack(&b, 20, 20, 60 * MS, 20 * MS);
    assert_int_equal(late.delivered_bytes, 11 * 1000);
    assert_int_equal(late.prior_delivered_bytes, 10 * 1000);
    assert_int_equal(late.interval_ns, 21 * MS);
}

/* All ACKs in one heap: the rate is that of the sending, not of the heap. */
static void test_a_heap_of_acks_is_no_rate(void **state)
{
    struct bench b = {.sent = 0};
    (void)state;
    for (uint64_t ms = 0; ms < 20; ms++)
        send(&b, 1 + ms * MS);
    ack(&b, 0, 0, 30 * MS, 20 * MS);
    struct belay_rate_sample sample = ack(&b, 1, 19, 30 * MS + 1, 10 * MS);
    assert_int_equal(sample.delivered_bytes, 20 * 1000);
    assert_int_equal(sample.interval_ns, 30 * MS);
    /* Shorter than any round trip can be: none. */
    send(&b, 31 * MS);
    send(&b, 31 * MS);
    assert_int_equal(ack(&b, 20, 20, 32 * MS, 20 * MS).interval_ns, 0);
}

static void test_a_pause_marks_what_follows(void **state)
{
    struct bench b = {.sent = 0};
    (void)state;
    send(&b, 1 * MS);
    send(&b, 1 * MS);
    belay_rate_limit(&b.rate, b.in_flight);
    send(&b, 5 * MS);
    assert_false(ack(&b, 0, 0, 20 * MS, 10 * MS).app_limited);
    assert_false(ack(&b, 1, 1, 20 * MS, 10 * MS).app_limited);
    send(&b, 21 * MS);
    assert_true(ack(&b, 2, 2, 25 * MS, 10 * MS).app_limited); /* and that ends it */
    send(&b, 26 * MS);
    assert_true(ack(&b, 3, 3, 41 * MS, 10 * MS).app_limited); /* it left before the end */
    assert_false(ack(&b, 4, 4, 46 * MS, 10 * MS).app_limited);
    /* With nothing under way, too. */
    belay_rate_limit(&b.rate, b.in_flight);
    send(&b, 50 * MS);
    assert_true(b.packets[5].app_limited);
}

static void test_losses_since_a_packet(void **state)
{
    struct bench b = {.sent = 0};
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        send(&b, 1 * MS);
    assert_int_equal(belay_rate_lost(&b.rate, &b.packets[0]), 1000);
    assert_int_equal(belay_rate_lost(&b.rate, &b.packets[1]), 2000);
    send(&b, 2 * MS);
    assert_int_equal(belay_rate_lost(&b.rate, &b.packets[4]), 1000);
    assert_int_equal(ack(&b, 3, 3, 20 * MS, 10 * MS).lost_bytes, 3000);
}

/* Counters are 32 bits in a packet: one of 64 bits that wraps there is told whole. */
static void test_counters_wrap(void **state)
{
    struct bench b = {.rate = {.delivered_bytes = UINT64_C(7) << 32, .lost_bytes = UINT32_MAX}};
    (void)state;
    b.rate.delivered_bytes -= 500;
    send(&b, 1 * MS);
    send(&b, 1 * MS);
    belay_rate_lost(&b.rate, &b.packets[1]);
    struct belay_rate_sample sample = ack(&b, 0, 0, 20 * MS, 10 * MS);
    assert_true(sample.prior_delivered_bytes == (UINT64_C(7) << 32) - 500);
    assert_int_equal(sample.delivered_bytes, 1000);
    assert_int_equal(sample.lost_bytes, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_steady_stream),
        cmocka_unit_test(test_a_heap_of_acks_is_no_rate),
        cmocka_unit_test(test_a_pause_marks_what_follows),
        cmocka_unit_test(test_losses_since_a_packet),
        cmocka_unit_test(test_counters_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
