#include "support/memory.h"

#include "recovery/sentlog.h"

static struct test_memory memory;
static struct belay_mem mem;
static struct belay_sentlog sent;

static void start(uint64_t first_number)
{
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    belay_sentlog_init(&sent, &mem, first_number);
}

static void finish(void)
{
    belay_sentlog_dispose(&sent);
    assert_int_equal(mem.used_bytes, 0);
    test_memory_assert_empty(&memory);
}

/* Packet n carries n % 4 records, numbered n * 10 and up. */
static size_t record_count_of(uint64_t number)
{
    return number % 4;
}

static void append(void)
{
    uint64_t number = sent.next_number;
    struct belay_record records[3];
    for (size_t i = 0; i < 3; i++)
        records[i] = (struct belay_record){{number * 10 + i, number, i}};
    assert_int_equal(belay_sentlog_reserve(&sent, record_count_of(number)), 0);
    struct belay_sent_packet *packet =
        belay_sentlog_append(&sent, records, record_count_of(number));
    packet->state = BELAY_SENT_IN_FLIGHT;
    packet->bytes = (uint32_t)number;
}

static void settle(uint64_t number)
{
    belay_sentlog_find(&sent, number)->state = BELAY_SENT_ACKED;
    belay_sentlog_trim(&sent);
}

static void assert_packet(uint64_t number)
{
    const struct belay_sent_packet *packet = belay_sentlog_find(&sent, number);
    assert_non_null(packet);
    assert_int_equal(packet->bytes, (uint32_t)number);
    assert_int_equal(packet->record_count, record_count_of(number));
    for (size_t i = 0; i < packet->record_count; i++) {
        const struct belay_record *record =
            belay_sentlog_record(&sent, packet->record_start + i);
        assert_int_equal(record->word[0], number * 10 + i);
        assert_int_equal(record->word[2], i);
    }
}

static const uint64_t starts[] = {
    0, 1, 250, 65530, UINT32_MAX / 2 - 5, UINT32_MAX - 5, (UINT64_C(1) << 62) - 5000,
};

/* Fills and drains so that the rings wrap at every offset, and grow while they are wrapped. */
static void test_growth_across_wraps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        start(starts[i]);
        for (uint64_t held = 3; held < 200; held = held * 2 + 1) {
            for (int round = 0; round < 40; round++) {
                while (sent.next_number - sent.first_number < held)
                    append();
                for (uint64_t n = sent.first_number; n < sent.next_number; n++)
                    assert_packet(n);
                settle(sent.first_number);
            }
        }
        finish();
    }
}

static void test_find_knows_its_bounds(void **state)
{
    (void)state;
    start(100);
    assert_null(belay_sentlog_find(&sent, 100));
    append();
    append();
    assert_null(belay_sentlog_find(&sent, 99));
    assert_null(belay_sentlog_find(&sent, 102));
    assert_null(belay_sentlog_find(&sent, 100 + sent.packet_capacity));
    assert_packet(101);
    settle(100);
    assert_null(belay_sentlog_find(&sent, 100));
    finish();
}

static void test_trim_stops_at_the_first_unsettled(void **state)
{
    (void)state;
    start(1);
    for (int i = 0; i < 8; i++)
        append();
    settle(2);
    settle(3);
    assert_int_equal(sent.first_number, 1);
    assert_int_equal(sent.first_record, 0);
    belay_sentlog_find(&sent, 4)->state = BELAY_SENT_LOST;
    settle(1);
    assert_int_equal(sent.first_number, 4);
    assert_int_equal(sent.first_record, 1 + 2 + 3);
    for (uint64_t n = 4; n < 9; n++)
        settle(n);
    assert_int_equal(sent.first_number, sent.next_number);
    assert_int_equal(sent.first_record, sent.next_record);
    finish();
}

static void test_the_steady_state_allocates_nothing(void **state)
{
    (void)state;
    start(0);
    for (int i = 0; i < 50; i++)
        append();
    size_t calls = memory.calls;
    for (int i = 0; i < 10000; i++) {
        settle(sent.first_number);
        append();
    }
    assert_int_equal(memory.calls, calls);
    finish();
}

/* Each call for memory of 100 packets fails once: nothing has changed, and it works again. */
static void test_each_allocation_can_fail(void **state)
{
    (void)state;
    for (long fail_at = 1; fail_at < 11; fail_at++) {
        start(7);
        memory.fail_at = fail_at;
        int failed = 0;
        for (int i = 0; i < 100; i++) {
            uint64_t records = sent.next_record;
            if (belay_sentlog_reserve(&sent, 3) != 0) {
                failed++;
                assert_int_equal(sent.next_number, 7 + i);
                assert_int_equal(sent.next_record, records);
            }
            append();
        }
        assert_int_equal(failed, memory.calls >= (size_t)fail_at ? 1 : 0);
        for (uint64_t n = 7; n < 107; n++)
            assert_packet(n);
        finish();
    }
}

static void test_more_than_a_ring_can_hold_is_refused(void **state)
{
    (void)state;
    start(0);
    append();
    assert_int_equal(belay_sentlog_reserve(&sent, SIZE_MAX), BELAY_ENOMEM);
    assert_int_equal(belay_sentlog_reserve(&sent, SIZE_MAX / sizeof(struct belay_record)),
                     BELAY_ENOMEM);
    assert_packet(0);
    finish();
}

/* A peer that never acknowledges the oldest packet, and makes us answer for ever. */
static void test_the_log_does_not_grow_for_ever(void **state)
{
    size_t count = 0;
    (void)state;
    start(0);
    append();
    belay_sentlog_find(&sent, 0)->state = BELAY_SENT_IN_FLIGHT;
    while (count < (2u << 20) && belay_sentlog_reserve(&sent, 0) == 0) {
        belay_sentlog_append(&sent, NULL, 0);
        belay_sentlog_trim(&sent);
        count++;
    }
    assert_int_equal(sent.next_number, 1u << 20);
    finish();
}

/* The highest unsettled number below each number, against a scan. */
static void assert_unsettled_ends(void)
{
    uint64_t expected = sent.first_number;
    for (uint64_t end = sent.first_number; end <= sent.next_number; end++) {
        if (end > sent.first_number &&
            belay_sentlog_find(&sent, end - 1)->state == BELAY_SENT_IN_FLIGHT)
            expected = end;
        assert_int_equal(belay_sentlog_unsettled_end(&sent, end), expected);
    }
}

static void settle_range(uint64_t lo, uint64_t hi)
{
    for (uint64_t n = lo; n < hi; n++)
        belay_sentlog_find(&sent, n)->state = BELAY_SENT_ACKED;
    belay_sentlog_join(&sent, lo, hi);
    assert_unsettled_ends();
}

static void test_settled_runs_are_skipped(void **state)
{
    (void)state;
    start(UINT32_MAX - 20);
    uint64_t base = sent.first_number;
    for (int i = 0; i < 100; i++)
        append();
    assert_unsettled_ends();
    settle_range(base + 10, base + 20);
    settle_range(base + 30, base + 31);
    settle_range(base + 20, base + 30); /* joins both */
    settle_range(base + 90, base + 100);
    settle_range(base, base + 5);
    belay_sentlog_trim(&sent); /* runs that begin below what is held */
    assert_unsettled_ends();
    for (uint64_t n = base + 5; n < base + 10; n++)
        settle(n);
    assert_int_equal(sent.first_number, base + 31);
    settle_range(base + 31, base + 90);
    belay_sentlog_join(&sent, 0, base + 3); /* below all: nothing to do */
    finish();
}

/* A whole log settled one by one, then asked from the top again and again: two looks each. */
static void test_skipping_is_cheap(void **state)
{
    (void)state;
    enum { COUNT = 4096 };
    start(0);
    for (int i = 0; i < COUNT; i++)
        append();
    for (uint64_t n = 1; n < COUNT; n++)
        belay_sentlog_find(&sent, n)->state = BELAY_SENT_ACKED;
    for (int i = 0; i < 20; i++)
        assert_int_equal(belay_sentlog_unsettled_end(&sent, COUNT), 1);
    sent.visits = 0;
    for (int i = 0; i < 100; i++)
        assert_int_equal(belay_sentlog_unsettled_end(&sent, COUNT), 1);
    assert_in_range(sent.visits, 0, 200);
    finish();
}

/* The rings go when they are empty, and only then; numbers and serials go on. */
static void test_rest_gives_the_rings_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        start(starts[i]);
        belay_sentlog_rest(&sent);
        for (int round = 0; round < 20; round++) {
            while (sent.next_number - sent.first_number < 11)
                append();
            belay_sentlog_rest(&sent);
            for (uint64_t n = sent.first_number; n < sent.next_number; n++)
                assert_packet(n);
            while (sent.first_number < sent.next_number)
                settle(sent.first_number);
            assert_int_not_equal(mem.used_bytes, 0);
            belay_sentlog_rest(&sent);
            assert_int_equal(mem.used_bytes, 0);
            assert_null(belay_sentlog_find(&sent, sent.next_number - 1));
            assert_int_equal(belay_sentlog_unsettled_end(&sent, sent.next_number),
                             sent.next_number);
            belay_sentlog_trim(&sent);
        }
        finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth_across_wraps),
        cmocka_unit_test(test_find_knows_its_bounds),
        cmocka_unit_test(test_trim_stops_at_the_first_unsettled),
        cmocka_unit_test(test_the_steady_state_allocates_nothing),
        cmocka_unit_test(test_each_allocation_can_fail),
        cmocka_unit_test(test_the_log_does_not_grow_for_ever),
        cmocka_unit_test(test_more_than_a_ring_can_hold_is_refused),
        cmocka_unit_test(test_settled_runs_are_skipped),
        cmocka_unit_test(test_skipping_is_cheap),
        cmocka_unit_test(test_rest_gives_the_rings_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
