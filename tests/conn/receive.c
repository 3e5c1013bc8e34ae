/* Packets in: each rule of docs/protocol.md broken once, by an attacker who has the keys. */
#include "conn/pair.h"

static void limits(struct belay_core_config *config)
{
    pair_config(config);
    config->message_size_max = 1000;
    config->window_initial = config->window_max = 2000;
    config->window_messages = 16;
    config->channels_max = 4;
}

struct rule {
    const char *name;
    const char *frames; /* hexadecimal */
    uint64_t code;      /* of the CLOSE that answers it */
    const char *reason; /* a part of it */
};

static const struct rule rules[] = {
    {"unknown type", "0e", BELAY_CLOSE_PROTOCOL, "type is unknown"},
    {"reserved: ABANDON", "10", BELAY_CLOSE_PROTOCOL, "type is unknown"},
    {"a type below MESSAGE", "3f", BELAY_CLOSE_PROTOCOL, "type is unknown"},
    {"a bad frame behind a good one", "01 0e", BELAY_CLOSE_PROTOCOL, "type is unknown"},
    {"ACK cut off", "02 00 00", BELAY_CLOSE_PROTOCOL, "past its packet"},
    {"ACK of what was never sent", "02 bf ff ff ff 00 00 00", BELAY_CLOSE_PROTOCOL,
     "never sent"},
    {"ACK below zero", "02 00 00 00 01", BELAY_CLOSE_PROTOCOL, "below zero"},
    {"ACK with 257 further ranges", "02 00 00 41 01", BELAY_CLOSE_PROTOCOL, "too many ranges"},
    {"MAX_DATA cut off", "04 05", BELAY_CLOSE_PROTOCOL, "past its packet"},
    {"MAX_MESSAGES for a sequence never used", "05 00 01 40 ff", BELAY_CLOSE_PROTOCOL,
     "never used"},
    {"MAX_MESSAGES for a reserved mode", "05 00 02 40 ff", BELAY_CLOSE_PROTOCOL, "never used"},
    {"MAX_MESSAGES in mode 4", "05 00 04 01", BELAY_CLOSE_PROTOCOL, "mode is out of range"},
    {"MAX_MESSAGES for channel 65536", "05 80 01 00 00 00 01", BELAY_CLOSE_PROTOCOL,
     "channel is out of range"},
    {"FIN below what came", "80 00000000 0001 01 aa 08 00", BELAY_CLOSE_PROTOCOL,
     "more messages than its FIN"},
    {"FIN twice", "08 05 08 06", BELAY_CLOSE_PROTOCOL, "different counts"},
    {"CLOSE with too long a reason", "09 00 41 00", BELAY_CLOSE_PROTOCOL, "too long a reason"},
    {"MESSAGE in mode 2", "60 00000000 aa", BELAY_CLOSE_PROTOCOL, "delivery mode"},
    {"MESSAGE in mode 3", "70 00000000 aa", BELAY_CLOSE_PROTOCOL, "delivery mode"},
    {"RUN in mode 2", "a0 00000000 0001 01 aa", BELAY_CLOSE_PROTOCOL, "delivery mode"},
    {"FRAGMENT in mode 3", "f0 00000000 02 00 01 aa", BELAY_CLOSE_PROTOCOL, "delivery mode"},
    {"MESSAGE cut off", "40 0000", BELAY_CLOSE_PROTOCOL, "past its packet"},
    {"RUN of none", "80 00000000 0000", BELAY_CLOSE_PROTOCOL, "count is out of range"},
    {"RUN of 16385", "80 00000000 4001 00", BELAY_CLOSE_PROTOCOL, "count is out of range"},
    {"RUN cut off", "80 00000000 0002 01 aa", BELAY_CLOSE_PROTOCOL, "past its packet"},
    {"FRAGMENT of no bytes", "c0 00000000 02 00 00", BELAY_CLOSE_PROTOCOL, "is empty"},
    {"FRAGMENT past its message", "c0 00000000 02 01 02 aa aa", BELAY_CLOSE_PROTOCOL,
     "past its message"},
    {"the total changes", "c0 00000000 03 00 01 aa c0 00000000 04 01 01 aa",
     BELAY_CLOSE_PROTOCOL, "total"},
    {"the total changes, by a whole message", "c0 00000000 03 00 01 aa 40 00000000 aa bb",
     BELAY_CLOSE_PROTOCOL, "total"},
    {"channel 4 of 4", "44 00000000 aa", BELAY_CLOSE_LIMIT, "channel"},
    {"channel 300", "4f 41 2c 00000000 aa", BELAY_CLOSE_LIMIT, "channel"},
    {"a message above message_size", "c0 00000000 43 e9 00 01 aa", BELAY_CLOSE_LIMIT, "size"},
    {"a number at MAX_MESSAGES", "40 00000010 aa", BELAY_CLOSE_CREDIT, "MAX_MESSAGES"},
    {"a number of a RUN at MAX_MESSAGES", "90 0000000f 0002 00 00", BELAY_CLOSE_CREDIT,
     "MAX_MESSAGES"},
    {"credit: 1000 + 64 twice", "c0 00000000 43 e8 00 01 aa c0 00000001 43 e8 00 01 aa",
     BELAY_CLOSE_CREDIT, "MAX_DATA"},
};

static const struct rule *current; /* for the message when a row fails */

static int tell_which(void **state)
{
    (void)state;
    if (current != NULL)
        print_message("rule: %s\n", current->name);
    current = NULL;
    return 0;
}

/* The last packet on its way is a CLOSE with this code and reason. */
static void assert_close_sent(struct pair *pair, const struct rule *rule)
{
    struct belay_frame frames[BELAY_FRAMES_MAX];
    size_t count;
    const struct belay_frame *last;
    char reason[256];

    assert_true(pair->packet_count > 0);
    pair_open(pair, pair->packet_count - 1, frames, &count);
    last = &frames[count - 1];
    assert_int_equal(last->type, BELAY_FRAME_CLOSE);
    assert_int_equal(last->close.code, rule->code);
    memcpy(reason, last->close.reason, last->close.reason_len);
    reason[last->close.reason_len] = '\0';
    assert_non_null(strstr(reason, rule->reason));
}

/* The victim's app hears EPROTO and why, and the peer is told. */
static void check_rule(const struct rule *rule, bool victim_is_server)
{
    struct pair pair;
    struct belay_core_config config;
    struct pair_end *victim, *attacker;
    const struct pair_event *closed;

    limits(&config);
    pair_init(&pair, &config);
    pair_connect(&pair);
    victim = victim_is_server ? &pair.server : &pair.client;
    attacker = victim_is_server ? &pair.client : &pair.server;
    pair_forge_hex(&pair, attacker, rule->frames);
    closed = pair_closed(victim);
    assert_int_equal(closed->error, BELAY_EPROTO);
    assert_int_equal(closed->close_code, rule->code);
    assert_non_null(strstr(closed->reason, rule->reason));
    pair_collect_from(victim);
    assert_close_sent(&pair, rule);
    pair_drop_all(&pair);
    pair_run_silent(&pair, 60 * SECOND);
    pair_dispose(&pair);
}

static void every_rule_closes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        current = &rules[i];
        check_rule(current, true);
        check_rule(current, false);
        current = NULL;
    }
}

/* A packet is checked whole before any of it takes effect. */
static void nothing_of_a_bad_packet_takes_effect(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    pair_forge_hex(&pair, &pair.client, "80 00000000 0001 01 aa 08 01 0e");
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 0);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_EOF), 0);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), 1);
    pair_dispose(&pair);
}

static void the_first_packet_may_be_the_bad_one(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, false);
    pair_collect(&pair);
    pair_deliver(&pair, 0); /* INIT */
    pair_collect(&pair);    /* ACCEPT */
    pair_forge_hex(&pair, &pair.client, "0e");
    assert_int_equal(pair.server.event_count, 2);
    assert_int_equal(pair.server.events[0].type, BELAY_CORE_ACCEPTED);
    assert_int_equal(pair.server.events[1].type, BELAY_CORE_CLOSED);
    belay_core_conn_free(pair.server.conn);
    pair_run(&pair, 20 * SECOND);
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    pair_dispose(&pair);
}

static void a_packet_has_64_frames_at_most(void **state)
{
    uint8_t frames[80];
    (void)state;
    for (size_t count = 64; count <= 65; count++) {
        struct pair pair;
        pair_init(&pair, NULL);
        pair_connect(&pair);
        memset(frames, BELAY_FRAME_PING, sizeof(frames));
        memset(frames + 63, 0, sizeof(frames) - 63); /* a run of PADDING counts as one */
        frames[63 + 10] = BELAY_FRAME_PING;
        pair_forge(&pair, &pair.client, frames, count == 64 ? 70 : 74);
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), count == 65);
        pair_dispose(&pair);
    }
}

static void what_is_allowed_closes_nothing(void **state)
{
    static const char *const packets[] = {
        "00",          /* padding alone */
        "04 00 00",    /* an older limit */
        "06 00",       /* DATA_BLOCKED */
        "07 00 00 00", /* of a sequence that nothing came for */
        "07 0f 03 00",
        "40 00000000",                /* an empty MESSAGE */
        "40 00000000",                /* again */
        "80 00000000 0002 00 01 aa",  /* half of it known */
        "c0 00000002 04 02 02 cc dd", /* parts: overlapping, twice, in any order */
        "c0 00000002 04 02 02 cc dd",
        "c0 00000002 04 00 03 aa bb cc",
        "02 00 00 00 00", /* an ACK, and the same again */
        "02 00 00 00 00",
        "03 00 ff ff ff ff ff ff ff ff 00 00 00 00 00", /* a delay beyond all reason */
        "08 03",                                        /* FIN, and the same again */
        "08 03",
    };
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    pair_run(&pair, 100 * MS); /* so that the server has sent an ACK, its packet 0 */
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        pair_forge_hex(&pair, &pair.client, packets[i]);
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), 0);
    }
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 3);
    assert_memory_equal(pair.server.events[2].data, "\xaa\xbb\xcc\xdd", 4);
    assert_int_equal(pair.server.events[3].type, BELAY_CORE_EOF);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ what is dropped */

static void dropped_packets_change_nothing(void **state)
{
    struct pair pair;
    struct belay_stats stats;
    uint8_t packet[64];
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    pair_send(&pair.client, 0, 20, 1);
    pair_collect_from(&pair.client);
    assert_int_equal(pair.packet_count, 1);
    assert_true(pair.packets[0].len <= sizeof(packet));
    for (size_t i = 0; i < pair.packets[0].len; i++) { /* each byte damaged in turn */
        memcpy(packet, pair.packets[0].data, pair.packets[0].len);
        packet[i] ^= 0x81;
        pair_receive(&pair, &pair.client, &pair.server, packet, pair.packets[0].len);
    }
    for (size_t len = 0; len < pair.packets[0].len; len++) /* cut off everywhere */
        pair_receive(&pair, &pair.client, &pair.server, pair.packets[0].data, len);
    assert_int_equal(pair.server.event_count, 0);
    pair_repeat(&pair, 0);
    pair_repeat(&pair, 0); /* a duplicate */
    assert_string_equal(pair.server.verdict, "duplicate");
    assert_int_equal(pair.server.event_count, 1);
    pair_assert_message(&pair.server.events[0], 0, 20, 1);
    belay_core_conn_stats(pair.server.conn, &stats, sizeof(stats));
    assert_int_equal(stats.packets_duplicate, 1);
    assert_true(stats.packets_corrupt > 20);
    pair_dispose(&pair);
}

static void a_congestion_mark_is_told_at_once(void **state)
{
    struct pair pair;
    struct belay_path path;
    struct belay_frame frames[BELAY_FRAMES_MAX];
    size_t count;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    pair_run(&pair, 100 * MS);
    path = pair_path(&pair.server, &pair.client);
    pair_send(&pair.client, 0, 10, 1);
    pair_collect_from(&pair.client);
    pair_receive_path(&pair, &pair.server, &path, pair.packets[0].data, pair.packets[0].len, 0,
                      3);
    pair_drop_all(&pair);
    assert_int_equal(pair_collect_from(&pair.server), 1);
    pair_open(&pair, 0, frames, &count);
    assert_int_equal(frames[0].type, BELAY_FRAME_ACK_ECN);
    assert_int_equal(frames[0].ack.ce, 1);
    assert_int_equal(frames[0].ack.ect0 + frames[0].ack.ect1, 0);
    pair_dispose(&pair);
}

static void packets_below_the_floor_are_dropped(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    pair_forge_number(&pair, &pair.client, 100000, (const uint8_t *)"\x01", 1);
    assert_string_equal(pair.server.verdict, "ok");
    pair_forge_number(&pair, &pair.client, 100000 - 65537, (const uint8_t *)"\x01", 1);
    assert_string_equal(pair.server.verdict, "below floor");
    pair_forge_number(&pair, &pair.client, 100000 - 65536, (const uint8_t *)"\x01", 1);
    assert_string_equal(pair.server.verdict, "ok");
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ anything */

/* Frames with a few bytes of chance: nothing is read past its end (the buffers are exact and
 * sanitizers watch), the connection lives or says why not, and all memory comes back. */
static size_t random_frames(struct test_random *random, uint8_t *out)
{
    static const char *const seeds[] = {
        "02 03 00 01 00 00 01",
        "03 01 00 00 00 05 06 07",
        "04 80 10 00 00 50 00",
        "05 00 00 40 20",
        "06 10",
        "07 00 01 20",
        "08 07",
        "09 00 02 61 62",
        "80 00000001 0002 01 aa 02 bb cc",
        "c0 00000002 0a 02 03 01 02 03",
        "d1 00000000 80 00 40 00 80 00 10 00 02 aa bb",
        "4f 03 00000000 01 02 03",
        "01 00 00 01",
    };
    size_t len = 0;

    do {
        size_t one = test_hex(seeds[test_random_below(random, 13)], out + len, 64);
        for (uint64_t flips = test_random_below(random, 3); flips > 0; flips--)
            out[len + test_random_below(random, one)] = (uint8_t)test_random_u64(random);
        len += one;
    } while (len < 200 && test_random_below(random, 3) > 0);
    return len - (size_t)test_random_below(random, 2);
}

static void any_frames_do_no_harm(void **state)
{
    struct test_random random = {test_seed_from_env(42)};
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct pair pair;
        struct belay_core_config config;
        uint8_t frames[512];
        limits(&config);
        pair_init(&pair, &config);
        pair_connect(&pair);
        pair_send(&pair.server, 0, 900, round);
        pair_run(&pair, 30 * MS);
        for (unsigned i = 0; i < 40 && !pair_count(&pair.server, BELAY_CORE_CLOSED); i++) {
            size_t len = random_frames(&random, frames);
            pair_forge(&pair, &pair.client, frames, len);
            pair_collect_from(&pair.server);
            pair_drop_all(&pair);
            pair_sleep(&pair, 5 * MS);
        }
        pair_run_silent(&pair, 100 * SECOND);
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), 1);
        pair_dispose(&pair);
    }
}

/* ------------------------------------------------------------------ CLOSE */

static void close_none_is_an_abort_unless_only_the_fin_is_open(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    assert_int_equal(belay_core_conn_close(pair.server.conn), 0);
    pair_collect_from(&pair.server);                 /* its FIN is under way */
    pair_forge_hex(&pair, &pair.client, "09 00 00"); /* and the peer has not said FIN */
    assert_int_equal(pair_closed(&pair.server)->error, BELAY_ERESET);
    pair_dispose(&pair);
}

static void close_none_ends_the_wait_for_the_fin(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    pair_forge_hex(&pair, &pair.client, "08 00");
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_EOF), 1);
    assert_int_equal(belay_core_conn_close(pair.server.conn), 0);
    pair_collect_from(&pair.server);
    pair_forge_hex(&pair, &pair.client, "09 00 00");
    assert_int_equal(pair_closed(&pair.server)->error, 0);
    pair_dispose(&pair);
}

static void close_carries_code_and_reason(void **state)
{
    static const struct {
        const char *frames;
        uint64_t code;
        const char *reason;
    } rows[] = {
        {"09 05 03 61 62 63", 5, "abc"},
        {"09 41 23 00", 0x123, "the peer closed with code 0x123"},
        {"09 05 03 61 00 63", 5, "a"},
        {"09 ff ff ff ff ff ff ff ff 01 61", (UINT64_C(1) << 62) - 1, "a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair;
        const struct pair_event *closed;
        pair_init(&pair, NULL);
        pair_connect(&pair);
        pair_forge_hex(&pair, &pair.client, rows[i].frames);
        closed = pair_closed(&pair.server);
        assert_int_equal(closed->error, BELAY_ERESET);
        assert_int_equal(closed->close_code, rows[i].code);
        assert_string_equal(closed->reason, rows[i].reason);
        assert_int_equal(pair_collect(&pair), 0); /* a CLOSE is not answered */
        pair_dispose(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_rule_closes, tell_which),
        cmocka_unit_test(nothing_of_a_bad_packet_takes_effect),
        cmocka_unit_test(the_first_packet_may_be_the_bad_one),
        cmocka_unit_test(a_packet_has_64_frames_at_most),
        cmocka_unit_test(what_is_allowed_closes_nothing),
        cmocka_unit_test(dropped_packets_change_nothing),
        cmocka_unit_test(a_congestion_mark_is_told_at_once),
        cmocka_unit_test(packets_below_the_floor_are_dropped),
        cmocka_unit_test(any_frames_do_no_harm),
        cmocka_unit_test(close_none_is_an_abort_unless_only_the_fin_is_open),
        cmocka_unit_test(close_none_ends_the_wait_for_the_fin),
        cmocka_unit_test(close_carries_code_and_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
