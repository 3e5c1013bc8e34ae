/*
 * limits.c - a peer that has the keys and means harm: what it can make us hold
 * and do is bounded, and who passes a bound is told so and is gone. Every
 * attack is on docs/protocol.md's "Limits", at the defaults, by a peer that
 * writes its packets by hand.
 */
#include "conn/pen.h"

#include "delivery/assembly.h"

#include <stdlib.h>

/* ------------------------------------------------------------------ who passes
 * a limit */

/* A byte of credit more than there is. */
static void overrun_bytes(struct pen *pen)
{
    belay_core_conn_pause(pen->pair->server.conn);
    for (unsigned i = 0; i < 16; i++)
        pen_byte(pen, 0, ORDERED, i, MIB - 64, 0, 1);
    pen_assert_open(pen);
    pen_message(pen, 0, ORDERED, 16); /* the last 64 bytes */
    pen_assert_open(pen);
    pen_message(pen, 0, ORDERED, 17);
}

/* Messages that the app does not take cost credit as well. */
static void overrun_messages(struct pen *pen)
{
    belay_core_conn_pause(pen->pair->server.conn);
    for (uint32_t i = 0; i < SIZE_MAX_DEFAULT / 64 + 1; i++)
        pen_message(pen, i % CHANNELS, ORDERED, i / CHANNELS);
    pen_assert_open(pen);
    pen_message(pen, 0, UNORDERED, 0);
}

static void overrun_numbers(struct pen *pen)
{
    pen_message(pen, 0, UNORDERED, WINDOW - 1);
    pen_assert_open(pen);
    pen_message(pen, 0, UNORDERED, WINDOW);
}

static void overrun_open_numbers(struct pen *pen)
{
    for (uint32_t channel = 0; channel < OPEN_MAX / WINDOW; channel++)
        pen_message(pen, channel, UNORDERED, WINDOW - 1);
    pen_message(pen, 9, ORDERED, 0);
    pen_assert_open(pen);
    pen_message(pen, 9, ORDERED, 2);
}

static void channel_out_of_range(struct pen *pen)
{
    pen_message(pen, CHANNELS - 1, ORDERED, 0);
    pen_assert_open(pen);
    pen_message(pen, CHANNELS, ORDERED, 0);
}

static void message_too_large(struct pen *pen)
{
    pen_byte(pen, 0, ORDERED, 0, SIZE_MAX_DEFAULT, 0, 1);
    pen_assert_open(pen);
    pen_byte(pen, 0, ORDERED, 1, SIZE_MAX_DEFAULT + 1, 0, 1);
}

static void too_many_gaps(struct pen *pen)
{
    size_t most = BELAY_ASSEMBLY_RANGES_MAX(BELAY_ASSEMBLY_SECTION);

    assert_int_equal(most, 192);
    for (size_t i = 0; i < most; i++)
        pen_byte(pen, 0, ORDERED, 0, MIB, 65536 + 2 * i, 1);
    pen_assert_open(pen);
    pen_byte(pen, 0, ORDERED, 0, MIB, 65536 + 2 * most, 1);
}

static void total_changed(struct pen *pen)
{
    pen_byte(pen, 0, ORDERED, 0, 1000, 5, 1);
    pen_assert_open(pen);
    pen_byte(pen, 0, ORDERED, 0, 1001, 5, 1);
}

static void credit_for_what_was_never_used(struct pen *pen)
{
    pen_max_messages(pen, BELAY_FRAME_MAX_MESSAGES, 3);
}

static void too_many_frames(struct pen *pen)
{
    for (unsigned i = 0; i < BELAY_FRAMES_MAX; i++)
        pen_hex(pen, "01");
    pen_assert_open(pen);
    for (unsigned i = 0; i <= BELAY_FRAMES_MAX; i++)
        belay_frame_write_ping(&pen->w);
}

/* The server's packets so far are 0 .. sent_number. */
static void ack_of_what_was_never_sent(struct pen *pen)
{
    pen_hex(pen, "02 0400 00 00 00"); /* 1024 */
    pen->bytes[1] = 0x44;
}

static bool range_of_all(const void *ctx, size_t i, uint64_t *lo, uint64_t *hi)
{
    *lo = 0;
    *hi = *(const uint64_t *)ctx;
    return i == 0;
}

static void ack_all(struct pen *pen)
{
    pen_room(pen, 32);
    belay_frame_write_ack(&pen->w, 0, NULL, range_of_all, &pen->pair->server.sent_number);
}

/* The server leaves a number out within its first 512 packets: who says that all came lies. */
static void optimistic_ack(struct pen *pen)
{
    struct pair *pair = pen->pair;

    pair_send(&pair->server, 0, 10, 1);
    pair_exchange(pair);
    ack_all(pen);
    pen_assert_open(pen);
    while (pair->server.sent_number + 1 == pair->server.sent_count) {
        assert_true(pair->server.sent_count < 512);
        pair_send(&pair->server, 0, 10, 1);
        pair_exchange(pair);
        pair_forget_events(pair);
    }
    pen_assert_open(pen);
    ack_all(pen);
}

static void fin_twice(struct pen *pen)
{
    pen_hex(pen, "08 05");
    pen_assert_open(pen);
    pen_hex(pen, "08 06");
}

static void more_than_fin_said(struct pen *pen)
{
    pen_hex(pen, "08 01");
    pen_message(pen, 0, ORDERED, 0);
    pen_assert_open(pen);
    pen_message(pen, 1, ORDERED, 0);
}

static const struct {
    const char *name;
    void (*attack)(struct pen *pen); /* its last frame is one too many */
    uint64_t code;
    const char *why;
} offences[] = {
    {"bytes", overrun_bytes, BELAY_CLOSE_CREDIT, "message above MAX_DATA"},
    {"messages", overrun_messages, BELAY_CLOSE_CREDIT, "message above MAX_DATA"},
    {"numbers", overrun_numbers, BELAY_CLOSE_CREDIT, "message number above MAX_MESSAGES"},
    {"open numbers", overrun_open_numbers, BELAY_CLOSE_CREDIT, "message numbers open"},
    {"channel", channel_out_of_range, BELAY_CLOSE_LIMIT, "channel out of range"},
    {"size", message_too_large, BELAY_CLOSE_LIMIT, "message above the announced size"},
    {"gaps", too_many_gaps, BELAY_CLOSE_CREDIT, "too many gaps"},
    {"total", total_changed, BELAY_CLOSE_PROTOCOL, "total of a message changed"},
    {"MAX_MESSAGES", credit_for_what_was_never_used, BELAY_CLOSE_PROTOCOL, "never used"},
    {"frames", too_many_frames, BELAY_CLOSE_PROTOCOL, "too many frames"},
    {"ACK", ack_of_what_was_never_sent, BELAY_CLOSE_PROTOCOL, "never sent"},
    {"optimistic ACK", optimistic_ack, BELAY_CLOSE_PROTOCOL, "never sent"},
    {"FIN", fin_twice, BELAY_CLOSE_PROTOCOL, "FIN twice"},
    {"after FIN", more_than_fin_said, BELAY_CLOSE_PROTOCOL, "more messages than its FIN"},
};

/* The CLOSE among what the server sends now. */
static bool is_told(struct pair *pair, uint64_t code, const char *why)
{
    struct belay_frame frames[BELAY_FRAMES_MAX];
    char text[256] = "";
    size_t count;

    pair_drop_all(pair);
    pair_collect_from(&pair->server);
    for (size_t i = 0; i < pair->packet_count; i++) {
        pair_open(pair, i, frames, &count);
        for (size_t k = 0; k < count; k++) {
            if (frames[k].type != BELAY_FRAME_CLOSE)
                continue;
            memcpy(text, frames[k].close.reason, frames[k].close.reason_len);
            text[frames[k].close.reason_len] = '\0';
            return frames[k].close.code == code && strstr(text, why) != NULL;
        }
    }
    return false;
}

static void test_who_passes_a_limit_is_told_and_gone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(offences) / sizeof(offences[0]); i++) {
        const struct pair_event *end;
        struct pair pair;
        struct pen pen;

        pen_begin(&pair, &pen);
        offences[i].attack(&pen);
        if (strcmp(pair.server.logged, "") != 0)
            fail_msg("%s: too early: %s", offences[i].name, pair.server.logged);
        pen_send(&pen);
        end = pair_find(&pair.server, BELAY_CORE_CLOSED);
        if (end == NULL && offences[i].attack != overrun_messages) /* they wait before it */
            fail_msg("%s: still open", offences[i].name);
        if (end != NULL && (end->error != BELAY_EPROTO || end->close_code != offences[i].code ||
                            strstr(end->reason, offences[i].why) == NULL))
            fail_msg("%s: code %u: %s", offences[i].name, (unsigned)end->close_code,
                     end->reason);
        assert_int_equal(pair.server.log_count, 1);
        assert_memory_equal(&pair.server.logged_of, &pair.client.address,
                            sizeof(pair.client.address));
        assert_non_null(strstr(pair.server.logged, offences[i].why));
        assert_true(is_told(&pair, offences[i].code, offences[i].why));
        pair_dispose(&pair);
    }
}

/* ------------------------------------------------------------------ who stays
 * below them */

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

/* ------------------------------------------------------------------ tiny
 * fragments */

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

/* ------------------------------------------------------------------ control
 * frames */

/* How many frames of this type the server sends now. */
static size_t answers(struct pair *pair, enum belay_frame_type type)
{
    struct belay_frame frames[BELAY_FRAMES_MAX];
    size_t count, found = 0;

    pair_collect_from(&pair->server);
    for (size_t i = 0; i < pair->packet_count; i++) {
        pair_open(pair, i, frames, &count);
        for (size_t k = 0; k < count; k++)
            found += frames[k].type == type;
    }
    pair_drop_all(pair);
    return found;
}

static void blocked_by_data(struct pen *pen)
{
    pen_room(pen, 16);
    belay_frame_write_data_blocked(&pen->w, 1);
}

static void blocked_by_numbers(struct pen *pen)
{
    pen_max_messages(pen, BELAY_FRAME_MESSAGES_BLOCKED, pen->frames % 32);
}

static void blocked_where_nothing_came(struct pen *pen)
{
    pen_max_messages(pen, BELAY_FRAME_MESSAGES_BLOCKED, 100 + pen->frames % 32);
}

/* However often it is asked: one answer of a kind, and one a sequence. */
static const struct {
    void (*frame)(struct pen *pen);
    enum belay_frame_type answer;
    size_t most;
} floods[] = {
    {blocked_by_data, BELAY_FRAME_MAX_DATA, 1},
    {blocked_by_numbers, BELAY_FRAME_MAX_MESSAGES, 32},
    {blocked_where_nothing_came, BELAY_FRAME_MAX_MESSAGES, 0},
};

static void test_floods_of_questions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        struct pair pair;
        struct pen pen;

        pen_begin(&pair, &pen);
        for (uint32_t channel = 0; channel < 32; channel++)
            pen_message(&pen, channel, ORDERED, 0);
        pen_send(&pen);
        pair_collect_from(&pair.server);
        pair_drop_all(&pair);
        for (unsigned k = 0; k < 10000; k++)
            floods[i].frame(&pen);
        pen_assert_open(&pen);
        assert_true(pen.most_bytes < 32 << 10);
        assert_int_equal(answers(&pair, floods[i].answer), floods[i].most);
        pair_dispose(&pair);
    }
}

/* Each of its packets asks for an answer, and it acknowledges none: what is under way stays
 * within the congestion window, what is kept of it is bounded, and some day it is enough. */
static void test_who_never_acknowledges(void **state)
{
    const struct pair_event *end;
    struct belay_stats stats;
    struct pair pair;
    struct pen pen;

    (void)state;
    pen_begin(&pair, &pen);
    for (unsigned i = 0; i < 700000 && pair_find(&pair.server, BELAY_CORE_CLOSED) == NULL;
         i++) {
        blocked_by_data(&pen);
        pen_send(&pen);
        pair_sleep(&pair, MS / 4);
        belay_core_timeout(pair.server.core, pair.now_ns);
        pair_collect_from(&pair.server);
        pair_drop_all(&pair);
        belay_core_conn_stats(pair.server.conn, &stats, sizeof(stats));
        assert_true(stats.in_flight_bytes <= stats.window_bytes + 4 * 1200);
    }
    end = pair_find(&pair.server, BELAY_CORE_CLOSED);
    assert_non_null(end);
    assert_int_equal(end->close_code, BELAY_CLOSE_PROTOCOL);
    assert_non_null(strstr(end->reason, "acknowledges none"));
    print_message("never acknowledged: %zu bytes of frames, %zu held at most\n", pen.sent_bytes,
                  pen.most_bytes);
    assert_true(pen.most_bytes < 12 << 20);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ handshakes
 */

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
        cmocka_unit_test(test_who_passes_a_limit_is_told_and_gone),
        cmocka_unit_test(test_what_a_peer_can_make_us_hold),
        cmocka_unit_test(test_a_message_in_single_bytes),
        cmocka_unit_test(test_gaps_between_packets),
        cmocka_unit_test(test_floods_of_questions),
        cmocka_unit_test(test_who_never_acknowledges),
        cmocka_unit_test(test_a_slow_handshake_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
