/* limits_held.c - what a peer that stays below the limits can make us hold is bounded. */
#include "conn/pen.h"

#include <stdlib.h>

/* Rows of what a peer may send, each with the most that it makes us hold beyond
 * the credit. */

static void far_ahead_in_few(struct pen *pen)
{
    for (uint32_t channel = 0; channel < OPEN_MAX / WINDOW; channel++)
        pen_message(pen, channel, UNORDERED, WINDOW - 1);
}

static void ahead_in_all(struct pen *pen)
{
    for (uint32_t channel = 0; channel < CHANNELS; channel++) {
        pen_message(pen, channel, ORDERED, 31);
        pen_message(pen, channel, UNORDERED, 31);
    }
}

/* One of each page, as far as numbers may be open. */
static void sparse_numbers(struct pen *pen)
{
    for (uint32_t channel = 0; channel < OPEN_MAX / WINDOW; channel++) {
        for (uint64_t number = 15; number < WINDOW; number += 16)
            pen_message(pen, channel, UNORDERED, number);
        pen_assert_open(pen);
    }
}

/* What was open once is not kept: sequence after sequence is filled from
 * behind. */
static void one_after_the_other(struct pen *pen)
{
    for (uint32_t channel = 0; channel < 64; channel++) {
        for (uint64_t number = WINDOW - 1; number-- > 0;) {
            pen_message(pen, channel, UNORDERED, number);
            if (number % 1024 == 0)
                pen_assert_open(pen);
        }
    }
}

static void a_byte_of_each_chunk(struct pen *pen)
{
    for (size_t at = 4095; at < 4 * MIB; at += 4096)
        pen_byte(pen, 0, ORDERED, 0, SIZE_MAX_DEFAULT, at, 1);
}

static void a_byte_of_many_messages(struct pen *pen)
{
    for (uint32_t i = 0; i < OPEN_MAX; i++)
        pen_byte(pen, i % CHANNELS, ORDERED, i / CHANNELS, 2, 1, 1);
}

static void a_byte_of_large_messages(struct pen *pen)
{
    for (uint32_t i = 0; i < 255; i++)
        pen_byte(pen, 0, ORDERED, i, 65536, 1, 1);
}

static void late_gaps_everywhere(struct pen *pen)
{
    for (size_t at = 0; at < SIZE_MAX_DEFAULT; at += 65536)
        for (size_t i = 0; i < 192; i++)
            pen_byte(pen, 0, ORDERED, 0, SIZE_MAX_DEFAULT, at + 2 * i, 1);
}

static const struct {
    const char *name;
    void (*attack)(struct pen *pen);
    size_t most_bytes;    /* that we may hold then */
    unsigned most_factor; /* of what it took to make us, when that is less; 0: any */
} burdens[] = {
    {"far ahead in few sequences", far_ahead_in_few, 16 << 10, 0},
    {"ahead in every sequence", ahead_in_all, 256 << 10, 50},
    {"numbers with gaps", sparse_numbers, 384 << 10, 30},
    {"sequence after sequence", one_after_the_other, 256 << 10, 0},
    {"a byte of each chunk", a_byte_of_each_chunk, 5 << 20, 320},
    {"a byte of many small messages", a_byte_of_many_messages, 6 << 20, 40},
    {"a byte of each large message", a_byte_of_large_messages, 1200 << 10, 400},
    {"as many gaps as may be", late_gaps_everywhere, 4 << 20, 8},
};

static void test_what_a_peer_can_make_us_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(burdens) / sizeof(burdens[0]); i++) {
        struct pair pair;
        struct pen pen;

        pen_begin(&pair, &pen);
        burdens[i].attack(&pen);
        pen_assert_open(&pen);
        print_message("%-32s %9zu bytes of frames, %9zu held at most\n", burdens[i].name,
                      pen.sent_bytes, pen.most_bytes);
        assert_true(pen.most_bytes <= burdens[i].most_bytes);
        if (burdens[i].most_factor > 0)
            assert_true(pen.most_bytes <= burdens[i].most_factor * pen.sent_bytes + 32768);
        pair_dispose(&pair);
    }
}

/* ------------------------------------------------------------------ tiny fragments */

/* Byte i of the message. */
static uint8_t byte_of(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

/* Every section full of gaps first, then filled from its middle to both sides,
 * a byte of each section in turn: whatever is sorted is split in its middle,
 * whatever is cached is cold. */
static void dribble(struct pen *pen, size_t total)
{
    size_t sections = total / 65536, gap = 65536 / 190;

    for (size_t k = 0; k < 190; k++)
        for (size_t s = 0; s < sections; s++)
            pen_byte(pen, 0, ORDERED, 0, total, s * 65536 + k * gap,
                     byte_of(s * 65536 + k * gap));
    for (size_t k = 0; k < 65536; k++) {
        size_t at = k % 2 == 0 ? 32768 + k / 2 : 32767 - k / 2;

        for (size_t s = 0; s < sections && (at % gap != 0 || at / gap >= 190); s++)
            pen_byte(pen, 0, ORDERED, 0, total, s * 65536 + at, byte_of(s * 65536 + at));
    }
    pen_send(pen);
}

/* BELAY_LIMITS_MIB=16 takes the whole 16 MiB, for the figure. */
static void test_a_message_in_single_bytes(void **state)
{
    const char *asked = getenv("BELAY_LIMITS_MIB");
    size_t total = asked != NULL ? (size_t)atoi(asked) * MIB : MIB / 4;
    const struct pair_event *event;
    uint8_t *message = malloc(total);
    struct pair pair;
    struct pen pen;

    (void)state;
    assert_non_null(message);
    for (size_t i = 0; i < total; i++)
        message[i] = byte_of(i);
    pen_begin(&pair, &pen);
    dribble(&pen, total);
    event = pair_find(&pair.server, BELAY_CORE_MESSAGE);
    assert_non_null(event);
    assert_int_equal(event->len, total);
    assert_int_equal(event->sum, pair_sum(message, total));
    print_message("%zu bytes one by one: %zu bytes of frames, %zu held at most\n", total,
                  pen.sent_bytes, pen.most_bytes);
    assert_true(pen.most_bytes <= 2 * total + total / 16 + 65536); /* once more to join it */
    pen_assert_open(&pen);
    free(message);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ packets */

/* Every second number never comes. What is remembered of those that did is
 * bounded. */
static void test_gaps_between_packets(void **state)
{
    static const uint8_t ping[] = {0x01};
    struct belay_stats stats;
    struct pair pair;
    struct pen pen;

    (void)state;
    pen_begin(&pair, &pen);
    for (unsigned i = 0; i < 5000; i++) {
        pair_forge_number(&pair, &pair.client, pair.client.sent_number += 2, ping, 1);
        pair_collect_from(&pair.server);
        pair_drop_all(&pair);
    }
    belay_core_conn_stats(pair.server.conn, &stats, sizeof(stats));
    assert_true(stats.ranges_evicted >= 5000 - 1024 - 1);
    assert_true(pen_held_bytes(&pen) < 1 << 20);
    pen_message(&pen, 0, ORDERED, 0);
    pen_send(&pen);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1);
    pen_assert_open(&pen);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ handshakes */

/* A client that says INIT for ever and nothing else keeps a slot for the
 * connect timeout. */
static void test_a_slow_handshake_keeps_nothing(void **state)
{
    struct pair pair;
    struct pen pen;
    size_t bare;

    (void)state;
    pen_begin(&pair, &pen);
    pair_dispose(&pair);
    pair_init(&pair, NULL);
    bare = belay_core_memory_bytes(pair.server.core);
    pair_dial(&pair, false);
    assert_int_equal(pair_collect_from(&pair.client), 1);
    for (unsigned i = 0; i < 99; i++) {
        pair_repeat(&pair, 0);
        pair_collect_from(&pair.server);
        while (pair.packet_count > 1)
            pair_drop(&pair, 1);
        assert_int_equal(belay_core_conn_count(pair.server.core), 1);
        pair_sleep(&pair, 100 * MS);
        belay_core_timeout(pair.server.core, pair.now_ns);
    }
    pair_sleep(&pair, SECOND);
    belay_core_timeout(pair.server.core, pair.now_ns);
    assert_int_equal(pair_stats(&pair.server).half_open, 0);
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    assert_true(belay_core_memory_bytes(pair.server.core) <= bare + 4096);
    assert_null(pair_find(&pair.server, BELAY_CORE_ACCEPTED));
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_peer_can_make_us_hold),
        cmocka_unit_test(test_a_message_in_single_bytes),
        cmocka_unit_test(test_gaps_between_packets),
        cmocka_unit_test(test_a_slow_handshake_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
