#include "support/hex.h"
#include "support/memory.h"

#include "conn/acks.h"
#include "wire/frame.h"
#include "wire/packet.h"

#define MS UINT64_C(1000000)

struct room {
    struct test_memory memory;
    struct belay_mem mem;
    struct belay_acks acks;
};

static void setup(struct room *room, uint64_t first, size_t ranges_max)
{
    test_memory_init(&room->memory);
    belay_mem_init(&room->mem, &room->memory.hook);
    belay_acks_init(&room->acks, &room->mem, first, ranges_max, 25 * MS);
}

static void teardown(struct room *room)
{
    belay_acks_dispose(&room->acks);
    test_memory_assert_empty(&room->memory);
}

static void take(struct room *room, uint64_t number, uint64_t now_ns)
{
    assert_int_equal(belay_acks_check(&room->acks, number), BELAY_PACKET_NEW);
    assert_int_equal(belay_acks_received(&room->acks, number, true, 0, now_ns), 0);
    assert_int_equal(belay_acks_check(&room->acks, number), BELAY_PACKET_SEEN);
}

static void assert_ack(struct room *room, uint64_t now_ns, const char *expected)
{
    uint8_t frame[1024];
    struct belay_writer w;
    uint64_t largest = 0;

    belay_writer_init(&w, frame, sizeof(frame));
    assert_true(belay_acks_write(&room->acks, &w, now_ns, &largest));
    test_assert_hex(frame, (size_t)(w.at - frame), expected);
    assert_int_equal(largest, room->acks.next_expected - 1);
}

/* ------------------------------------------------------------------ frames by hand */

static void an_ack_names_what_came(void **state)
{
    static const struct {
        const char *name;
        uint64_t numbers[8];
        size_t count;
        const char *frame;
    } rows[] = {
        {"one", {0}, 1, "02 00 00 00 00"},
        {"a row", {0, 1, 2}, 3, "02 02 00 00 02"},
        {"a gap of one", {0, 2}, 2, "02 02 00 01 00 00 00"},
        {"a gap of three, ranges of two", {0, 1, 5, 6}, 4, "02 06 00 01 01 02 01"},
        {"two gaps", {0, 2, 4}, 3, "02 04 00 02 00 00 00 00 00"},
        {"filled", {0, 2, 1}, 3, "02 02 00 00 02"},
        {"the first is missing", {3}, 1, "02 03 00 00 00"},
        {"two bytes of number", {100}, 1, "02 40 64 00 00 00"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct room room;
        setup(&room, 0, 16);
        for (size_t k = 0; k < rows[i].count; k++)
            take(&room, rows[i].numbers[k], 5 * MS);
        assert_ack(&room, 5 * MS, rows[i].frame);
        teardown(&room);
    }
}

static void the_delay_counts_from_the_largest(void **state)
{
    struct room room;
    (void)state;
    setup(&room, 0, 16);
    take(&room, 1, 10 * MS);
    take(&room, 0, 12 * MS); /* late: changes nothing about the largest */
    assert_ack(&room, 13 * MS, "02 01 4b b8 00 01"); /* 3000 us */
    teardown(&room);
}

static void an_ack_without_room_is_none(void **state)
{
    struct room room;
    uint8_t frame[4];
    struct belay_writer w;
    uint64_t largest;
    (void)state;
    setup(&room, 0, 16);
    belay_writer_init(&w, frame, sizeof(frame));
    assert_false(belay_acks_write(&room.acks, &w, 0, &largest)); /* nothing came */
    take(&room, 0, 0);
    assert_false(belay_acks_write(&room.acks, &w, 0, &largest)); /* five bytes */
    assert_ptr_equal(w.at, frame);
    teardown(&room);
}

static void ecn_is_counted_and_told(void **state)
{
    struct room room;
    (void)state;
    setup(&room, 0, 16);
    assert_int_equal(belay_acks_received(&room.acks, 0, true, 0, 0), 0);
    assert_ack(&room, 0, "02 00 00 00 00");
    assert_int_equal(belay_acks_received(&room.acks, 1, true, 2, 0), 0); /* ECT(0) */
    assert_int_equal(belay_acks_received(&room.acks, 2, true, 2, 0), 0);
    assert_int_equal(belay_acks_received(&room.acks, 3, false, 1, 0), 0); /* ECT(1) */
    belay_acks_sent(&room.acks);
    assert_int_equal(belay_acks_received(&room.acks, 4, true, 3, 0), 0); /* CE */
    assert_true(belay_acks_is_due(&room.acks, 0));                       /* at once */
    assert_ack(&room, 0, "03 04 00 00 04 02 01 01");
    teardown(&room);
}

/* ------------------------------------------------------------------ when */

static void every_second_is_acknowledged_at_once(void **state)
{
    struct room room;
    (void)state;
    setup(&room, 7, 16);
    assert_false(belay_acks_is_pending(&room.acks));
    take(&room, 7, 100 * MS);
    assert_true(belay_acks_is_pending(&room.acks));
    assert_int_equal(room.acks.deadline_ns, 125 * MS);
    assert_false(belay_acks_is_due(&room.acks, 125 * MS - 1));
    assert_true(belay_acks_is_due(&room.acks, 125 * MS));
    take(&room, 8, 101 * MS);
    assert_int_equal(room.acks.deadline_ns, 125 * MS); /* still that of the first */
    assert_true(belay_acks_is_due(&room.acks, 101 * MS));
    belay_acks_sent(&room.acks);
    assert_false(belay_acks_is_pending(&room.acks));
    assert_int_equal(room.acks.deadline_ns, BELAY_NEVER);
    teardown(&room);
}

static void a_stream_is_acknowledged_more_rarely(void **state)
{
    static const struct {
        uint32_t packets, every; /* of a round trip of 50 ms */
    } rows[] = {{8, 2}, {64, 2}, {96, 3}, {160, 5}, {256, 8}, {5000, 8}, {31, 2}};
    struct room room;
    uint64_t number = 0, now_ns = 1000 * MS;
    (void)state;
    setup(&room, 0, 16);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++, now_ns += 50 * MS) {
        belay_acks_tune(&room.acks, 50 * MS, 10 * MS, now_ns);
        for (uint32_t n = 0; n < rows[i].packets; n++)
            take(&room, number++, now_ns + 1);
        belay_acks_tune(&room.acks, 50 * MS, 10 * MS, now_ns + 50 * MS);
        assert_int_equal(room.acks.every, rows[i].every);
        belay_acks_sent(&room.acks);
        for (uint32_t n = 1; n < rows[i].every; n++)
            take(&room, number++, now_ns + 50 * MS);
        assert_false(belay_acks_is_due(&room.acks, now_ns + 60 * MS - 1));
        take(&room, number++, now_ns + 50 * MS);
        assert_true(belay_acks_is_due(&room.acks, now_ns + 50 * MS));
        now_ns += 1000 * MS;
        belay_acks_tune(&room.acks, 50 * MS, 10 * MS, now_ns); /* a pause */
        assert_int_equal(room.acks.every, 2);
    }
    teardown(&room);
}

/* Two packets in five change places for a round trip: then a gap is no news. */
static void a_path_that_reorders_is_not_told_of_every_gap(void **state)
{
    struct room room;
    uint64_t now_ns = 1000 * MS;
    (void)state;
    setup(&room, 0, 64);
    belay_acks_tune(&room.acks, 50 * MS, 10 * MS, now_ns);
    for (uint64_t n = 0; n < 160; n += 5) {
        static const unsigned order[] = {0, 2, 1, 3, 4};
        for (unsigned i = 0; i < 5; i++)
            take(&room, n + order[i], now_ns + n * MS / 4);
    }
    belay_acks_sent(&room.acks);
    belay_acks_tune(&room.acks, 50 * MS, 10 * MS, now_ns += 50 * MS);
    take(&room, 161, now_ns);
    take(&room, 160, now_ns);
    assert_false(belay_acks_is_due(&room.acks, now_ns));
    for (uint64_t n = 162; n < 170; n++)
        take(&room, n, now_ns);
    assert_true(belay_acks_is_due(&room.acks, now_ns)); /* at the latest */
    belay_acks_sent(&room.acks);
    /* And when it stops, gaps count again. */
    for (uint64_t n = 170; n < 330; n++)
        take(&room, n, now_ns);
    belay_acks_sent(&room.acks);
    belay_acks_tune(&room.acks, 50 * MS, 10 * MS, now_ns += 50 * MS);
    take(&room, 331, now_ns);
    assert_true(belay_acks_is_due(&room.acks, now_ns));
    teardown(&room);
}

static void a_gap_is_told_at_once_left_or_filled(void **state)
{
    struct room room;
    (void)state;
    setup(&room, 0, 16);
    take(&room, 1, 0); /* 0 is missing */
    assert_true(belay_acks_is_due(&room.acks, 0));
    belay_acks_sent(&room.acks);
    take(&room, 2, 0); /* in order behind the gap */
    assert_false(belay_acks_is_due(&room.acks, 0));
    belay_acks_sent(&room.acks);
    take(&room, 0, 0);
    assert_true(belay_acks_is_due(&room.acks, 0));
    teardown(&room);
}

static void what_elicits_nothing_is_never_due(void **state)
{
    struct room room;
    (void)state;
    setup(&room, 0, 16);
    for (uint64_t i = 0; i < 10; i += 2)
        assert_int_equal(belay_acks_received(&room.acks, i, false, 3, 0), 0);
    assert_false(belay_acks_is_pending(&room.acks));
    assert_false(belay_acks_is_due(&room.acks, BELAY_NEVER));
    assert_int_equal(room.acks.deadline_ns, BELAY_NEVER);
    teardown(&room);
}

/* ------------------------------------------------------------------ novelty and the floor */

static void a_packet_is_new_once_and_not_for_ever(void **state)
{
    struct room room;
    const uint64_t largest = 200000;
    (void)state;
    setup(&room, 10, 16);
    assert_int_equal(belay_acks_check(&room.acks, 9), BELAY_PACKET_TOO_OLD); /* never sent */
    assert_int_equal(belay_acks_check(&room.acks, 10), BELAY_PACKET_NEW);
    take(&room, largest, 0);
    /* "more than 65,536 below the largest received" is dropped */
    assert_int_equal(belay_acks_check(&room.acks, largest - 65536), BELAY_PACKET_NEW);
    assert_int_equal(belay_acks_check(&room.acks, largest - 65537), BELAY_PACKET_TOO_OLD);
    assert_int_equal(belay_acks_check(&room.acks, largest + 1), BELAY_PACKET_NEW);
    assert_int_equal(belay_acks_check(&room.acks, UINT64_C(1) << 62), BELAY_PACKET_NEW);
    teardown(&room);
}

static void the_lowest_range_yields_and_raises_the_floor(void **state)
{
    struct room room;
    (void)state;
    setup(&room, 0, 4);
    for (uint64_t i = 0; i < 4; i++)
        take(&room, 10 * i, 0); /* 0, 10, 20, 30 */
    assert_int_equal(room.acks.floor, 0);
    take(&room, 40, 0);
    assert_int_equal(room.acks.evicted, 1);
    assert_int_equal(room.acks.floor, 1);
    assert_int_equal(belay_acks_check(&room.acks, 0), BELAY_PACKET_TOO_OLD);
    assert_int_equal(belay_acks_check(&room.acks, 1), BELAY_PACKET_NEW);
    /* The lowest may be the one that is to be added: it is forgotten at once. */
    assert_int_equal(belay_acks_received(&room.acks, 5, true, 0, 0), 0);
    assert_int_equal(room.acks.evicted, 2);
    assert_int_equal(belay_acks_check(&room.acks, 5), BELAY_PACKET_TOO_OLD);
    assert_int_equal(belay_acks_check(&room.acks, 6), BELAY_PACKET_NEW);
    assert_int_equal(belay_acks_check(&room.acks, 10), BELAY_PACKET_SEEN);
    teardown(&room);
}

static void what_touches_a_range_evicts_nothing(void **state)
{
    struct room room;
    (void)state;
    setup(&room, 0, 4);
    for (uint64_t i = 0; i < 4; i++)
        take(&room, 2 * i, 0);
    take(&room, 1, 0); /* joins two */
    take(&room, 7, 0); /* grows one */
    assert_int_equal(room.acks.evicted, 0);
    assert_int_equal(room.acks.received.count, 3);
    teardown(&room);
}

/* ------------------------------------------------------------------ the report floor */

static void confirmed_ranges_are_not_repeated(void **state)
{
    struct room room;
    (void)state;
    setup(&room, 0, 16);
    take(&room, 0, 0);
    take(&room, 2, 0);
    take(&room, 4, 0);
    belay_acks_confirmed(&room.acks, 2); /* an ACK up to 2 arrived over there */
    assert_ack(&room, 0, "02 04 00 00 00");
    belay_acks_confirmed(&room.acks, 1); /* an older one: no step back */
    assert_ack(&room, 0, "02 04 00 00 00");
    belay_acks_confirmed(&room.acks, 4); /* the newest range is always told */
    assert_ack(&room, 0, "02 04 00 00 00");
    teardown(&room);
}

static void a_late_packet_below_the_report_floor_is_told(void **state)
{
    struct room room;
    (void)state;
    setup(&room, 0, 16);
    take(&room, 0, 0);
    take(&room, 4, 0);
    belay_acks_confirmed(&room.acks, 4);
    take(&room, 6, 0);
    assert_ack(&room, 0, "02 06 00 00 00");
    take(&room, 2, 0);                                  /* late */
    assert_ack(&room, 0, "02 06 00 02 00 00 00 00 00"); /* 6, 4, 2 and not 0 */
    assert_int_equal(belay_acks_check(&room.acks, 0), BELAY_PACKET_SEEN); /* not forgotten */
    teardown(&room);
}

static void an_ack_has_a_bounded_number_of_ranges(void **state)
{
    struct room room;
    uint8_t bytes[1024];
    struct belay_writer w;
    struct belay_reader r;
    struct belay_frame frame;
    const char *why;
    uint64_t largest;
    (void)state;
    setup(&room, 0, 1024);
    for (uint64_t i = 0; i < 1000; i++)
        take(&room, 2 * i, 0);
    belay_writer_init(&w, bytes, sizeof(bytes));
    assert_true(belay_acks_write(&room.acks, &w, 0, &largest));
    assert_int_equal(largest, 1998);
    belay_reader_init(&r, bytes, (size_t)(w.at - bytes));
    assert_int_equal(belay_frame_parse(&r, &frame, &why), 0);
    assert_int_equal(frame.ack.range_count, BELAY_ACK_RANGES_SENT);
    assert_int_equal(frame.ack.largest, 1998);
    teardown(&room);
}

/* ------------------------------------------------------------------ memory */

static void no_memory_is_said_and_changes_nothing(void **state)
{
    struct room room;
    (void)state;
    setup(&room, 0, 16);
    take(&room, 0, 0);
    assert_ack(&room, 0, "02 00 00 00 00");
    room.memory.fail_at = (long)room.memory.calls + 1; /* for a second range */
    assert_int_equal(belay_acks_received(&room.acks, 2, true, 0, 0), BELAY_ENOMEM);
    assert_int_equal(room.acks.unacked, 1);
    take(&room, 1, 0);
    assert_ack(&room, 0, "02 01 00 00 01");
    teardown(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ack_names_what_came),
        cmocka_unit_test(the_delay_counts_from_the_largest),
        cmocka_unit_test(an_ack_without_room_is_none),
        cmocka_unit_test(ecn_is_counted_and_told),
        cmocka_unit_test(a_stream_is_acknowledged_more_rarely),
        cmocka_unit_test(a_path_that_reorders_is_not_told_of_every_gap),
        cmocka_unit_test(every_second_is_acknowledged_at_once),
        cmocka_unit_test(a_gap_is_told_at_once_left_or_filled),
        cmocka_unit_test(what_elicits_nothing_is_never_due),
        cmocka_unit_test(a_packet_is_new_once_and_not_for_ever),
        cmocka_unit_test(the_lowest_range_yields_and_raises_the_floor),
        cmocka_unit_test(what_touches_a_range_evicts_nothing),
        cmocka_unit_test(confirmed_ranges_are_not_repeated),
        cmocka_unit_test(a_late_packet_below_the_report_floor_is_told),
        cmocka_unit_test(an_ack_has_a_bounded_number_of_ranges),
        cmocka_unit_test(no_memory_is_said_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
