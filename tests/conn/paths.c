/* Packets from other addresses: what is sent there, when the connection moves, and what a peer
 * that breaks the rules of connection IDs hears. */
#include "conn/pair.h"

static struct belay_address address(uint8_t n)
{
    struct belay_address a = {.len = 6};
    memset(a.bytes, n, 6);
    return a;
}

static bool is_at(const struct pair_end *end, uint8_t n)
{
    struct belay_address a = address(n);
    return memcmp(belay_core_conn_path(end->conn)->remote.bytes, a.bytes, 6) == 0;
}

/* Bytes that are on their way to this address, and the challenge and the response among them.
 */
struct sent {
    size_t packets, bytes;
    bool has_challenge, has_response;
    uint8_t challenge[8], response[8];
};

static struct sent sent_to(struct pair *pair, uint8_t n)
{
    struct belay_address a = address(n);
    struct sent sent = {0};

    for (size_t i = 0; i < pair->packet_count; i++) {
        struct belay_frame frames[BELAY_FRAMES_MAX];
        size_t count;

        if (memcmp(pair->packets[i].path.remote.bytes, a.bytes, 6) != 0)
            continue;
        sent.packets++;
        sent.bytes += pair->packets[i].len;
        pair_open(pair, i, frames, &count);
        for (size_t k = 0; k < count; k++) {
            if (frames[k].type == BELAY_FRAME_PATH_CHALLENGE) {
                sent.has_challenge = true;
                memcpy(sent.challenge, frames[k].path.data, 8);
            } else if (frames[k].type == BELAY_FRAME_PATH_RESPONSE) {
                sent.has_response = true;
                memcpy(sent.response, frames[k].path.data, 8);
            }
        }
    }
    return sent;
}

static struct sent collect_to(struct pair *pair, uint8_t n)
{
    struct sent sent;

    pair_collect_from(&pair->server);
    sent = sent_to(pair, n);
    pair_drop_all(pair);
    return sent;
}

static void forge(struct pair *pair, uint8_t n, const char *frames)
{
    struct belay_address a = address(n);
    pair_forge_from(pair, &pair->client, &a, frames);
}

/* What it says to a packet from there. */
static struct sent hear(struct pair *pair, uint8_t n, const char *frames)
{
    forge(pair, n, frames);
    return collect_to(pair, n);
}

static void respond(struct pair *pair, uint8_t n, const uint8_t challenge[8])
{
    char frames[32] = "0d";

    for (unsigned i = 0; i < 8; i++)
        snprintf(frames + strlen(frames), 4, " %02x", challenge[i]);
    forge(pair, n, frames);
}

/* ------------------------------------------------------------------ a peer that moved */

static void the_newest_packet_from_elsewhere_begins_it(void **state)
{
    struct pair pair;
    struct sent sent;
    (void)state;
    pair_begin(&pair, NULL);
    sent = hear(&pair, 1, "01");
    assert_int_equal(sent.packets, 1);
    assert_true(sent.has_challenge && !sent.has_response);
    assert_true(is_at(&pair.server, 0xc1));
    respond(&pair, 2, sent.challenge); /* from elsewhere again: he heard it from somebody */
    assert_true(is_at(&pair.server, 0xc1));
    pair_dispose(&pair);
}

static void who_answers_is_there(void **state)
{
    struct pair pair;
    struct sent sent;
    (void)state;
    pair_begin(&pair, NULL);
    sent = hear(&pair, 1, "01");
    sent.challenge[7] ^= 1;
    respond(&pair, 1, sent.challenge);
    assert_true(is_at(&pair.server, 0xc1));
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_REBOUND), 0);
    sent.challenge[7] ^= 1;
    respond(&pair, 1, sent.challenge);
    assert_true(is_at(&pair.server, 1));
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_REBOUND), 1);
    respond(&pair, 1, sent.challenge); /* again: late */
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_REBOUND), 1);
    sent = collect_to(&pair, 1); /* what came is acknowledged there at once */
    assert_true(sent.packets > 0);
    pair_dispose(&pair);
}

/* Only probes came from there: he may have a look, but is elsewhere. */
/* Whoever moved when the connection ended is still to hear of that: the challenge was lost. */
static void a_validation_outlives_the_end(void **state)
{
    struct pair pair;
    struct sent sent;
    (void)state;
    pair_begin(&pair, NULL);
    forge(&pair, 1, "01");
    assert_true(collect_to(&pair, 1).has_challenge);
    belay_core_conn_abort(pair.server.conn, 0x100, "enough");
    pair_collect_from(&pair.server);
    pair_drop_all(&pair);
    for (uint64_t end_ns = pair.now_ns + SECOND; pair.now_ns < end_ns;) {
        pair_step(&pair, end_ns);
        sent = collect_to(&pair, 1);
        if (sent.has_challenge)
            break;
    }
    assert_true(sent.has_challenge);
    respond(&pair, 1, sent.challenge);
    pair_collect_from(&pair.server);
    assert_true(sent_to(&pair, 1).packets > 0);
    pair_dispose(&pair);
}

static void who_only_probes_is_not_followed(void **state)
{
    struct pair pair;
    struct sent sent;
    (void)state;
    pair_begin(&pair, NULL);
    sent = hear(&pair, 1, "0c 0102030405060708");
    assert_int_equal(sent.packets, 1);
    assert_true(sent.has_challenge && sent.has_response);
    assert_int_equal(sent.response[7], 8);
    respond(&pair, 1, sent.challenge);
    assert_true(is_at(&pair.server, 0xc1));
    forge(&pair, 1, "01"); /* there he is: proven before */
    assert_true(is_at(&pair.server, 1));
    pair_dispose(&pair);
}

/* Proven long ago is not proven. */
static void a_proof_does_not_last(void **state)
{
    struct pair pair;
    struct sent sent;
    (void)state;
    pair_begin(&pair, NULL);
    sent = hear(&pair, 1, "0c 0102030405060708");
    respond(&pair, 1, sent.challenge);
    pair_run_silent(&pair, 2 * SECOND);
    forge(&pair, 1, "01");
    assert_true(is_at(&pair.server, 0xc1));
    assert_true(collect_to(&pair, 1).has_challenge);
    pair_dispose(&pair);
}

/* A packet from the known address, newer: he is there still. */
static void who_is_seen_at_home_stays(void **state)
{
    struct pair pair;
    struct sent sent;
    (void)state;
    pair_begin(&pair, NULL);
    sent = hear(&pair, 1, "01");
    forge(&pair, 0xc1, "01");
    respond(&pair, 1, sent.challenge);
    assert_true(is_at(&pair.server, 0xc1));
    pair_dispose(&pair);
}

static void the_newest_address_wins(void **state)
{
    struct pair pair;
    struct sent first, second;
    (void)state;
    pair_begin(&pair, NULL);
    first = hear(&pair, 1, "01");
    second = hear(&pair, 2, "01");
    assert_memory_not_equal(first.challenge, second.challenge, 8);
    respond(&pair, 1, first.challenge);
    assert_true(is_at(&pair.server, 0xc1)); /* nobody asks there any more */
    second = collect_to(&pair, 1);
    assert_true(second.has_challenge); /* but it is the newest again */
    respond(&pair, 1, second.challenge);
    assert_true(is_at(&pair.server, 0xc1)); /* by probes alone */
    forge(&pair, 1, "01");
    assert_true(is_at(&pair.server, 1));
    pair_dispose(&pair);
}

static void an_old_number_begins_nothing(void **state)
{
    struct pair pair;
    struct belay_path path;
    (void)state;
    pair_begin(&pair, NULL);
    pair_send(&pair.client, 0, 3000, 1);
    pair_collect_from(&pair.client);
    assert_true(pair.packet_count >= 2);
    pair_repeat(&pair, pair.packet_count - 1);
    path = pair_path(&pair.server, &pair.client);
    path.remote = address(1);
    for (size_t i = 0; i < pair.packet_count; i++) /* late, and one a copy */
        pair_receive_path(&pair, &pair.server, &path, pair.packets[i].data, pair.packets[i].len,
                          0, 0);
    pair_drop_all(&pair);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1);
    assert_int_equal(collect_to(&pair, 1).packets, 0);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ three times */

/* One small packet comes, and never an answer. */
static void silence_gets_three_times_its_bytes(void **state)
{
    struct pair pair;
    size_t bytes = 0, packets = 0, came = 1 + 8 + 4 + 1 + 16;
    uint64_t end_ns;
    (void)state;
    pair_begin(&pair, NULL);
    pair_send(&pair.server, 0, 100000, 1); /* plenty to send */
    forge(&pair, 1, "01");
    end_ns = pair.now_ns + 5 * SECOND;
    while (pair.now_ns < end_ns) {
        struct sent sent = collect_to(&pair, 1);
        bytes += sent.bytes;
        packets += sent.packets;
        pair_step(&pair, end_ns);
    }
    assert_in_range(packets, 1, 3);
    assert_in_range(bytes, 1, 3 * came);
    assert_true(is_at(&pair.server, 0xc1));
    pair_dispose(&pair);
}

/* Many challenges before an answer leaves: the newest is answered, once. */
static void of_challenges_the_newest_is_answered(void **state)
{
    struct pair pair;
    struct sent sent;
    size_t before = 0;
    (void)state;
    pair_begin(&pair, NULL);
    for (unsigned i = 0; i < 1000; i++) {
        char frames[32];
        snprintf(frames, sizeof(frames), "0c 00000000 0000%04x", i);
        forge(&pair, 0xc1, frames);
        if (i == 0)
            before = belay_core_memory_bytes(pair.server.core);
    }
    assert_int_equal(belay_core_memory_bytes(pair.server.core), before);
    sent = collect_to(&pair, 0xc1);
    assert_true(sent.has_response);
    assert_int_equal(sent.packets, 1);
    assert_int_equal(sent.response[6] << 8 | sent.response[7], 999);
    assert_int_equal(collect_to(&pair, 0xc1).packets, 0);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ connection IDs */

#define TOKEN "00112233445566778899aabbccddeeff"

static void the_rules_of_ids_are_kept(void **state)
{
    static const struct {
        bool as_server; /* who breaks them */
        const char *frames;
        const char *why;
    } rows[] = {
        {true, "0b 00", "gave up a connection ID that it never had"}, /* the client has none */
        {false, "0b 03", "gave up a connection ID that it never had"},
        {false, "0a 01 00 0102030405060708" TOKEN, "has no connection ID, and gave one"},
        {true, "0a 01 00 ffffffffffffffff" TOKEN, "two connection IDs one number"},
        {true, "0a 41 00 00 0102030405060708" TOKEN, NULL}, /* 256: see below */
        {true, "0a 03 00 0102030405060708" TOKEN " 0a 04 00 0102030405060709" TOKEN,
         "more connection IDs than are taken"},
        {true,
         "0a 03 03 0000000000000003" TOKEN " 0a 04 04 0000000000000004" TOKEN
         " 0a 05 05 0000000000000005" TOKEN " 0a 06 06 0000000000000006" TOKEN
         " 0a 07 07 0000000000000007" TOKEN " 0a 08 08 0000000000000008" TOKEN
         " 0a 09 09 0000000000000009" TOKEN,
         "does not let connection IDs go"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair;
        struct pair_end *good;
        const struct pair_event *closed;
        pair_begin(&pair, NULL);
        good = rows[i].as_server ? &pair.client : &pair.server;
        pair_forge_hex(&pair, rows[i].as_server ? &pair.server : &pair.client, rows[i].frames);
        closed = pair_closed(good);
        assert_int_equal(closed->close_code, BELAY_CLOSE_PROTOCOL);
        if (rows[i].why != NULL)
            assert_non_null(strstr(closed->reason, rows[i].why));
        pair_dispose(&pair);
    }
}

/* The IDs that a peer gave up are replaced, whatever it does; and there are never more. */
static void ids_are_replaced(void **state)
{
    struct pair pair;
    size_t before = 0;
    (void)state;
    pair_begin(&pair, NULL);
    for (unsigned i = 0; i < 60; i++) {
        char frames[16];
        snprintf(frames, sizeof(frames), "0b %02x", i);
        pair_forge_hex(&pair, &pair.client, frames);
        pair_run_silent(&pair, 30 * MS);
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), 0);
        if (i == 10)
            before = belay_core_memory_bytes(pair.server.core);
    }
    assert_in_range(belay_core_memory_bytes(pair.server.core), before, before + 65536);
    pair_dispose(&pair);
}

/* The client validates the path to address n on purpose; the server answers, if it does. */
static void migrate(struct pair *pair, uint8_t n, bool is_answered)
{
    struct belay_path path = *belay_core_conn_path(pair->client.conn);
    struct belay_address to = address(n);
    char frames[32] = "0d";
    struct sent sent;

    path.remote = to;
    assert_int_equal(belay_core_conn_migrate(pair->client.conn, &path), 0);
    pair_collect_from(&pair->client);
    sent = sent_to(pair, n);
    pair_drop_all(pair);
    assert_true(sent.has_challenge);
    for (unsigned i = 0; i < 8; i++)
        snprintf(frames + strlen(frames), 4, " %02x", sent.challenge[i]);
    if (is_answered)
        pair_forge_from(pair, &pair->server, &to, frames);
    assert_int_equal(is_at(&pair->client, n), is_answered);
}

static bool retires(struct pair *pair, uint64_t sequence)
{
    bool does = false;

    for (size_t i = 0; i < pair->packet_count; i++) {
        struct belay_frame frames[BELAY_FRAMES_MAX];
        size_t count;

        pair_open(pair, i, frames, &count);
        for (size_t k = 0; k < count; k++)
            does |= frames[k].type == BELAY_FRAME_RETIRE_CONNECTION_ID &&
                    frames[k].new_cid.sequence == sequence;
    }
    return does;
}

/* A peer takes back the ID with which a path is being tried, and all others: the one that it
 * gives for them is in use then, and is not given up when the trial comes to nothing. */
static void an_id_that_is_taken_back_is_tried_no_more(void **state)
{
    struct pair pair;
    struct belay_address first = address(7), second = address(8);
    (void)state;
    pair_begin(&pair, NULL);
    migrate(&pair, 7, true);
    pair_forge_from(&pair, &pair.server, &first, "0a 03 00 0000000000000003" TOKEN);
    migrate(&pair, 8, true);
    migrate(&pair, 9, false);
    pair_forge_from(&pair, &pair.server, &second, "0a 04 04 0000000000000004" TOKEN);
    for (uint64_t end_ns = pair.now_ns + 3 * SECOND; pair.now_ns < end_ns;) {
        pair_step(&pair, end_ns);
        pair_collect_from(&pair.client);
        assert_false(retires(&pair, 4));
        pair_drop_all(&pair);
    }
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CLOSED), 0);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ a server that moved */

/* An unshared client knows it by the socket that its packets came to. */
static void a_client_knows_a_server_that_moved(void **state)
{
    struct pair pair;
    struct belay_address elsewhere = address(7);
    (void)state;
    pair_begin(&pair, NULL);
    pair_forge_from(&pair, &pair.server, &elsewhere, "01");
    pair_collect_from(&pair.client);
    assert_true(sent_to(&pair, 7).has_challenge);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_packet_from_elsewhere_begins_it),
        cmocka_unit_test(who_answers_is_there),
        cmocka_unit_test(a_validation_outlives_the_end),
        cmocka_unit_test(who_only_probes_is_not_followed),
        cmocka_unit_test(a_proof_does_not_last),
        cmocka_unit_test(who_is_seen_at_home_stays),
        cmocka_unit_test(the_newest_address_wins),
        cmocka_unit_test(an_old_number_begins_nothing),
        cmocka_unit_test(silence_gets_three_times_its_bytes),
        cmocka_unit_test(of_challenges_the_newest_is_answered),
        cmocka_unit_test(the_rules_of_ids_are_kept),
        cmocka_unit_test(ids_are_replaced),
        cmocka_unit_test(an_id_that_is_taken_back_is_tried_no_more),
        cmocka_unit_test(a_client_knows_a_server_that_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
