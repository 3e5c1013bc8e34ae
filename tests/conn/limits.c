/*
 * limits.c - a peer that has the keys and means harm: who passes a bound is told so and is
 * gone. What he can make us hold below them is in limits_held.c, what he can make us do in
 * limits_floods.c. Every attack is on docs/protocol.md's "Limits", at the defaults, by a peer
 * that writes its packets by hand.
 */
#include "conn/pen.h"

#include "delivery/assembly.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_passes_a_limit_is_told_and_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
