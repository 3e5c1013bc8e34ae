/*
 * Recovery against a naive model of RFC 9002 that looks at every packet after every call:
 * random loss, reordering, lost and repeated ACKs, timers. From the definition alone the model
 * says which packets must have been declared lost by now, and counts what is in flight.
 */
#include "recovery/story.h"
#include "support/random.h"

#include "recovery/reorder.h"

enum { PACKETS = 1500, RANGES_MAX = 8 };

struct packet {
    uint64_t sent_ns, arrives_ns; /* BELAY_NEVER: lost on the way */
    bool eliciting, received, in_flight, lost, acked, heard_acked;
    int heard_lost;
};

static struct story s;
static struct packet packets[PACKETS];
static uint64_t first, count; /* packets[i] is number first + i */
static uint64_t ranges_total, spurious_total, lost_total, probes_total, undone_total;

static struct packet *packet_of(const struct belay_record *record)
{
    assert_in_range(record->word[0], first, first + count - 1);
    assert_int_equal(record->word[1], record->word[0] ^ 0x5a5a);
    return &packets[record->word[0] - first];
}

/* Each packet has two records, so each is heard twice or not at all: a toggle tells. */
static void hear_acked(void *ctx, const struct belay_record *record)
{
    (void)ctx;
    struct packet *packet = packet_of(record);
    if (record->word[2] == 0)
        assert_false(packet->heard_acked);
    packet->heard_acked = true;
}

static void hear_lost(void *ctx, const struct belay_record *record)
{
    (void)ctx;
    packet_of(record)->heard_lost += record->word[2] == 0;
}

static const struct belay_recovery_sink sink = {hear_acked, hear_lost, NULL};

/* Compares every packet with what its past says it must be. */
static void check(void)
{
    uint64_t in_flight_bytes = 0, loss_time_ns = BELAY_NEVER;
    uint64_t threshold_ns = belay_reorder_time_ns(&s.r);
    for (uint64_t i = 0; i < count; i++) {
        struct packet *p = &packets[i];
        uint64_t number = first + i;
        bool below = s.r.largest_acked != UINT64_MAX && number < s.r.largest_acked;
        bool is_due = below && (s.r.largest_acked - number >= s.r.packet_threshold ||
                                p->sent_ns + threshold_ns <= s.now_ns);
        assert_true(p->heard_lost <= 1);
        assert_int_equal(p->heard_acked, p->acked);
        if (!p->in_flight)
            continue;
        in_flight_bytes += PACKET_BYTES;
        assert_false(is_due && s.r.loss_time_ns == BELAY_NEVER);
        if (below && p->sent_ns + threshold_ns < loss_time_ns)
            loss_time_ns = p->sent_ns + threshold_ns;
    }
    assert_int_equal(s.r.in_flight_bytes, in_flight_bytes);
    assert_int_equal(s.r.eliciting_in_flight * (uint64_t)PACKET_BYTES, in_flight_bytes);
    if (s.r.loss_time_ns != BELAY_NEVER || loss_time_ns != BELAY_NEVER)
        assert_int_equal(s.r.loss_time_ns, loss_time_ns);
}

/* By the thresholds of now: who is in flight and must not be. */
static void expect_losses(void)
{
    uint64_t threshold_ns = belay_reorder_time_ns(&s.r);
    for (uint64_t i = 0; i < count && first + i < s.r.largest_acked; i++) {
        struct packet *p = &packets[i];
        if (!p->in_flight || (s.r.largest_acked - first - i < s.r.packet_threshold &&
                              p->sent_ns + threshold_ns > s.now_ns))
            continue;
        p->in_flight = false;
        p->lost = true;
        assert_int_equal(p->heard_lost, 1);
        lost_total++;
    }
}

static void send_one(struct test_random *random)
{
    uint64_t number = belay_recovery_next_number(&s.r);
    struct packet *p = &packets[count++];
    assert_int_equal(number, first + count - 1);
    *p = (struct packet){.sent_ns = s.now_ns, .arrives_ns = BELAY_NEVER};
    p->eliciting = p->in_flight = test_random_below(random, 8) > 0;
    if (test_random_below(random, 10) > 0)
        p->arrives_ns = s.now_ns + 20 * MS + test_random_below(random, 4) * 3 * MS;
    if (test_random_below(random, 30) == 0 && p->arrives_ns != BELAY_NEVER)
        p->arrives_ns += test_random_below(random, 60) * MS;
    const struct belay_record records[2] = {{{number, number ^ 0x5a5a, 0}},
                                            {{number, number ^ 0x5a5a, 1}}};
    assert_int_equal(belay_recovery_reserve(&s.r, 2), 0);
    belay_recovery_sent(&s.r, PACKET_BYTES, p->eliciting ? BELAY_SENT_ELICITING : 0, records, 2,
                        s.now_ns);
}

/* The highest ranges of what has arrived, a few of them. */
static size_t build_ranges(struct belay_range *ranges, size_t max)
{
    size_t n = 0;
    for (uint64_t i = count; i-- > 0;) {
        struct packet *p = &packets[i];
        if (p->arrives_ns > s.now_ns)
            continue;
        if (n > 0 && ranges[n - 1].lo == first + i + 1) {
            ranges[n - 1].lo--;
            continue;
        }
        if (n == max)
            break;
        ranges[n++] = (struct belay_range){first + i, first + i + 1};
    }
    return n;
}

/* What an ACK with these ranges says of a packet. One that was lost may be forgotten. */
static void expect_acked(const struct belay_range *range)
{
    for (uint64_t number = range->lo; number < range->hi; number++) {
        struct packet *p = &packets[number - first];
        const struct belay_sent_packet *kept = belay_sentlog_find(&s.r.log, number);
        bool is_remembered = p->lost && kept != NULL && kept->state == BELAY_SENT_LOST;
        if (p->lost && !is_remembered)
            continue;
        if (p->eliciting && !p->acked)
            spurious_total += p->lost;
        p->acked = p->acked || p->eliciting;
        p->in_flight = p->lost = false;
    }
}

static void ack(struct test_random *random)
{
    struct belay_range ranges[RANGES_MAX];
    size_t n = build_ranges(ranges, 1 + test_random_below(random, RANGES_MAX));
    ranges_total += n;
    bool was_reduced = s.r.own.is_reduced;
    uint64_t spurious = s.r.packets_spurious, window = belay_recovery_window_bytes(&s.r);
    for (size_t i = 0; i < n; i++)
        expect_acked(&ranges[i]);
    assert_int_equal(belay_recovery_acked(&s.r, ranges, n, 0, s.now_ns, &sink), 0);
    if (n > 0)
        expect_losses();
    if (was_reduced && !s.r.own.is_reduced) {
        undone_total++;
        assert_true(s.r.packets_spurious > spurious);
        assert_true(belay_recovery_window_bytes(&s.r) >= window);
    }
    check();
}

static void timers(struct test_random *random)
{
    while (belay_recovery_deadline(&s.r) <= s.now_ns) {
        bool is_loss = s.r.loss_time_ns != BELAY_NEVER;
        unsigned probes = belay_recovery_timeout(&s.r, s.now_ns, &sink);
        assert_in_range(probes, is_loss ? 0 : 1, is_loss ? 0 : 2);
        if (is_loss)
            expect_losses();
        probes_total += probes;
        for (; probes > 0 && count < PACKETS; probes--) {
            belay_recovery_repeat_oldest(&s.r, &sink);
            send_one(random);
        }
        check();
    }
}

static void run(struct test_random *random)
{
    static const uint64_t firsts[] = {0,
                                      200,
                                      65000,
                                      UINT32_MAX / 2 - 700,
                                      UINT32_MAX - 700,
                                      (UINT64_C(1) << 62) - PACKETS - 1};
    first = firsts[test_random_below(random, sizeof(firsts) / sizeof(firsts[0]))];
    count = 0;
    story_start(&s, first);
    while (count < PACKETS) {
        s.now_ns += test_random_below(random, 3) * test_random_below(random, 2 * MS);
        if (test_random_below(random, 200) == 0)
            s.now_ns += test_random_below(random, 600) * MS;
        timers(random);
        uint64_t burst = test_random_below(random, 6);
        for (; burst > 0 && count < PACKETS && belay_recovery_window_left(&s.r) > 0; burst--)
            send_one(random);
        if (test_random_below(random, 2) == 0)
            ack(random);
    }
    assert_int_equal(s.r.packets_lost, lost_total);
    assert_int_equal(s.r.packets_spurious, spurious_total);
    assert_int_equal(s.r.probe_timeouts > 0, probes_total > 0);
    /* Each packet: acknowledged once, passed by once. Each range: two looks,
     * the forest of settled packets is that flat. */
    assert_true(s.r.log.visits <= 3 * count + 2 * ranges_total);
    story_finish(&s);
}

static void test_random_against_the_definition(void **state)
{
    (void)state;
    struct test_random random = {test_seed_from_env(20260)};
    uint64_t lost = 0, spurious = 0, probes = 0;
    for (int i = 0; i < 20; i++) {
        ranges_total = lost_total = spurious_total = probes_total = 0;
        run(&random);
        lost += lost_total;
        spurious += spurious_total;
        probes += probes_total;
    }
    print_message("lost %u, spurious %u, undone %u, probes %u\n", (unsigned)lost,
                  (unsigned)spurious, (unsigned)undone_total, (unsigned)probes);
    assert_true(lost > 0 && spurious > 0 && undone_total > 0 && probes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_against_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
