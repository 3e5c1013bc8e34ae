/* Who may talk to whom, and what a connection's packets look like: docs/protocol.md, "Handshake
 * packets", and docs/security.md. */
#include "conn/pair.h"

#include <stdio.h>

#include "conn/hellotag.h"
#include "crypto/dh.h"
#include "crypto/noise.h"

/* ------------------------------------------------------------------ configurations */

enum side {
    NOTHING,
    INSECURE,
    KEY,
    OTHER_KEY,
    KEY_AND_OWN,
    PSK,
    OTHER_PSK,
    PSK_AND_KEY,
    OTHER_PSK_AND_KEY
};

static const uint8_t server_private[32] = {0x08}, client_private[32] = {0x10},
                     other_private[32] = {0x18}; /* the low three bits do not count */

static void set_psk(struct belay_core_config *config, uint8_t first)
{
    config->has_psk = true;
    config->psk[0] = first;
}

static void expect_key(struct belay_core_config *config, const uint8_t *private_key)
{
    config->has_server_key = true;
    assert_int_equal(belay_public_key(private_key, config->server_key), 0);
}

static void own_key(struct belay_core_config *config, const uint8_t *private_key)
{
    config->has_private_key = true;
    memcpy(config->private_key, private_key, 32);
}

static struct belay_core_config client_config(enum side side)
{
    struct belay_core_config config;

    pair_config(&config);
    config.insecure = side == INSECURE;
    if (side == KEY || side == KEY_AND_OWN || side == PSK_AND_KEY || side == OTHER_PSK_AND_KEY)
        expect_key(&config, server_private);
    if (side == OTHER_KEY)
        expect_key(&config, other_private);
    if (side == KEY_AND_OWN)
        own_key(&config, client_private);
    if (side == PSK || side == PSK_AND_KEY)
        set_psk(&config, 7);
    if (side == OTHER_PSK || side == OTHER_PSK_AND_KEY)
        set_psk(&config, 8);
    return config;
}

enum server { S_PLAIN, S_INSECURE, S_PSK, S_AUTHORIZE };

static struct belay_core_config server_config(enum server server)
{
    struct belay_core_config config;

    pair_config(&config);
    config.insecure = server == S_INSECURE;
    if (server != S_INSECURE)
        own_key(&config, server_private);
    if (server == S_PSK)
        set_psk(&config, 7);
    config.authorize = server == S_AUTHORIZE;
    return config;
}

/* Dials, and passes packets for ten seconds; the server says yes to the client's key alone. */
static void run(struct pair *pair, struct belay_core_config client,
                struct belay_core_config server)
{
    pair_init_two(pair, &client, &server);
    pair_dial(pair, false);
    for (int i = 0; i < 20; i++) {
        const struct pair_event *asked;

        pair_run(pair, SECOND / 2);
        asked = pair_find(&pair->server, BELAY_CORE_AUTHORIZE);
        if (asked == NULL || pair->server.is_event_seen)
            continue;
        pair->server.is_event_seen = true;
        assert_int_equal(asked->len, 32);
        belay_core_conn_authorize(asked->conn,
                                  asked->data[0] == pair->server.config.reset_key[0]);
    }
}

/* ------------------------------------------------------------------ who may */

/* Every client at every server. close 0: they connect. */
static void test_who_connects_to_whom(void **state)
{
    static const struct {
        enum side client;
        enum server server;
        uint64_t close;
        const char *handshake;
    } rows[] = {
        {NOTHING, S_PLAIN, 0, "NN"},
        {INSECURE, S_PLAIN, BELAY_CLOSE_HANDSHAKE, NULL},
        {KEY, S_PLAIN, 0, "NK"},
        {OTHER_KEY, S_PLAIN, BELAY_CLOSE_KEY, NULL},
        {KEY_AND_OWN, S_PLAIN, 0, "IK"},
        {PSK, S_PLAIN, BELAY_CLOSE_HANDSHAKE, NULL},
        {PSK_AND_KEY, S_PLAIN, BELAY_CLOSE_HANDSHAKE, NULL},
        {NOTHING, S_INSECURE, BELAY_CLOSE_HANDSHAKE, NULL},
        {INSECURE, S_INSECURE, 0, "insecure"},
        {KEY, S_INSECURE, BELAY_CLOSE_HANDSHAKE, NULL},
        {PSK, S_INSECURE, BELAY_CLOSE_HANDSHAKE, NULL},
        {NOTHING, S_PSK, BELAY_CLOSE_HANDSHAKE, NULL},
        {INSECURE, S_PSK, BELAY_CLOSE_HANDSHAKE, NULL},
        {KEY, S_PSK, BELAY_CLOSE_HANDSHAKE, NULL},
        {KEY_AND_OWN, S_PSK, BELAY_CLOSE_HANDSHAKE, NULL},
        {PSK, S_PSK, 0, "NNpsk0"},
        {OTHER_PSK, S_PSK, BELAY_CLOSE_KEY, NULL},
        {PSK_AND_KEY, S_PSK, 0, "NKpsk2"},
        {OTHER_PSK_AND_KEY, S_PSK, BELAY_CLOSE_KEY, NULL},
        {NOTHING, S_AUTHORIZE, BELAY_CLOSE_HANDSHAKE, NULL},
        {KEY, S_AUTHORIZE, BELAY_CLOSE_HANDSHAKE, NULL},
        {OTHER_KEY, S_AUTHORIZE, BELAY_CLOSE_HANDSHAKE, NULL},
        {KEY_AND_OWN, S_AUTHORIZE, BELAY_CLOSE_UNAUTHORIZED, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair;
        const struct pair_event *end;

        run(&pair, client_config(rows[i].client), server_config(rows[i].server));
        end = pair_find(&pair.client, BELAY_CORE_CLOSED);
        if (rows[i].close == 0) {
            if (end != NULL)
                fail_msg("row %zu: %s", i, end->reason);
            assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
            assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 1);
        } else {
            if (end == NULL || end->close_code != rows[i].close)
                fail_msg("row %zu: %s", i, end == NULL ? "no end" : end->reason);
            assert_true(strlen(end->reason) > 10);
            if (rows[i].close == BELAY_CLOSE_UNAUTHORIZED) /* it comes from there */
                assert_string_equal(end->reason, "the server does not let this key in");
            assert_int_equal(end->error,
                             rows[i].close == BELAY_CLOSE_KEY ? BELAY_EKEY : BELAY_EREFUSED);
            assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 0);
            assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 0);
        }
        pair_dispose(&pair);
    }
}

static void test_who_is_let_in(void **state)
{
    struct belay_core_config server = server_config(S_AUTHORIZE);
    uint8_t client_key[32];
    struct pair pair;

    (void)state;
    assert_int_equal(belay_public_key(client_private, client_key), 0);
    server.reset_key[0] = client_key[0]; /* run's yes */
    run(&pair, client_config(KEY_AND_OWN), server);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 1);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_AUTHORIZE), 1);
    assert_memory_equal(pair_find(&pair.server, BELAY_CORE_AUTHORIZE)->data, client_key, 32);
    assert_memory_equal(belay_core_conn_peer_key(pair.server.conn), client_key, 32);
    assert_memory_equal(belay_core_conn_peer_key(pair.client.conn),
                        belay_core_key(pair.server.core), 32);
    pair_dispose(&pair);
}

/* Nobody answers the question: after the connect timeout only the app's handle is left. */
static void test_no_answer_keeps_nothing(void **state)
{
    struct belay_core_config client = client_config(KEY_AND_OWN);
    struct belay_core_config server = server_config(S_AUTHORIZE);
    struct pair pair;

    (void)state;
    pair_init_two(&pair, &client, &server);
    pair_dial(&pair, false);
    pair_run(&pair, 25 * SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_AUTHORIZE), 1);
    assert_int_equal(pair_find(&pair.client, BELAY_CORE_CLOSED)->error, BELAY_ETIMEDOUT);
    assert_int_equal(pair_find(&pair.server, BELAY_CORE_CLOSED)->error, BELAY_ETIMEDOUT);
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    belay_core_conn_free(pair_find(&pair.server, BELAY_CORE_AUTHORIZE)->conn);
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    pair_dispose(&pair);
}

static void test_peer_keys_that_nobody_proved_are_not_told(void **state)
{
    struct pair pair;

    (void)state;
    run(&pair, client_config(NOTHING), server_config(S_PLAIN));
    assert_null(belay_core_conn_peer_key(pair.client.conn));
    assert_null(belay_core_conn_peer_key(pair.server.conn));
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ ciphers */

static void test_both_must_prefer_aes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct belay_core_config client = client_config(KEY), server = server_config(S_PLAIN);
        struct pair pair;
        enum belay_aead wanted = i == 0 ? BELAY_AEAD_AES_256_GCM : BELAY_AEAD_CHACHA20_POLY1305;

        client.aead = i & 1 ? BELAY_AEAD_CHACHA20_POLY1305 : BELAY_AEAD_AES_256_GCM;
        server.aead = i & 2 ? BELAY_AEAD_CHACHA20_POLY1305 : BELAY_AEAD_AES_256_GCM;
        run(&pair, client, server);
        assert_int_equal(belay_core_conn_aead(pair.client.conn), wanted);
        assert_int_equal(belay_core_conn_aead(pair.server.conn), wanted);
        pair_forget_events(&pair);
        pair_send(&pair.client, 0, 100, 1);
        pair_run(&pair, SECOND);
        pair_assert_message(pair_find(&pair.server, BELAY_CORE_MESSAGE), 0, 100, 1);
        pair_dispose(&pair);
    }
}

/* A message's text on the wire: hidden, unless both sides are insecure. */
static void test_what_an_eavesdropper_reads(void **state)
{
    (void)state;
    for (unsigned insecure = 0; insecure < 2; insecure++) {
        struct pair pair;
        const char text[] = "nobody else may read this";
        bool is_seen = false;

        run(&pair, client_config(insecure ? INSECURE : NOTHING),
            server_config(insecure ? S_INSECURE : S_PLAIN));
        assert_int_equal(belay_core_conn_send(pair.client.conn, 0, BELAY_RELIABLE_ORDERED, text,
                                              sizeof(text), 0, BELAY_NEVER, NULL),
                         0);
        assert_true(pair_collect_from(&pair.client) > 0);
        for (size_t i = 0; i + sizeof(text) <= pair.packets[0].len; i++)
            is_seen |= memcmp(pair.packets[0].data + i, text, sizeof(text)) == 0;
        assert_int_equal(is_seen, insecure);
        /* 100 bytes cost at most 32 more: 3 of header, 7 of frame, 16 of tag, of them */
        assert_true(pair.packets[0].len <= sizeof(text) + 32);
        pair_dispose(&pair);
    }
}

/* ------------------------------------------------------------------ in the way */

/* Every bit of INIT and ACCEPT, flipped on the way with its tag made right again, as one who is
 * on the path can: nobody connects to another than they meant, and nothing comes of it. */
static void remake_tag(struct pair *pair, const uint8_t *init, uint8_t *packet, size_t len)
{
    const uint8_t *random = init + 6 + init[5] + 8 + 5;

    assert_int_equal(belay_hello_tag(&pair->suite, random, packet, len - 16, false), 0);
}

static bool connects_with_flip(enum side side, enum server server, unsigned which, size_t bit,
                               bool *flipped)
{
    struct belay_core_config client = client_config(side), other = server_config(server);
    struct pair pair;
    uint8_t init[BELAY_INIT_BYTES];
    bool connected;

    pair_init_two(&pair, &client, &other);
    pair_dial(&pair, false);
    pair_collect(&pair);
    memcpy(init, pair.packets[0].data, sizeof(init));
    for (unsigned i = 0; i < 2 && pair.packet_count > 0; i++) {
        struct pair_packet *packet = &pair.packets[0];

        if (i == which && bit < 8 * (packet->len - 16)) {
            *flipped = true;
            packet->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            remake_tag(&pair, which == 0 ? packet->data : init, packet->data, packet->len);
        }
        pair_deliver(&pair, 0);
        pair_collect(&pair);
    }
    pair_exchange(&pair);
    connected = pair_count(&pair.client, BELAY_CORE_CONNECTED) > 0 &&
                pair_count(&pair.server, BELAY_CORE_ACCEPTED) > 0;
    pair_dispose(&pair);
    return connected;
}

static void test_every_bit_of_the_handshake_is_bound(void **state)
{
    static const struct {
        enum side client;
        enum server server;
    } rows[] = {
        {NOTHING, S_PLAIN}, {KEY, S_PLAIN}, {PSK_AND_KEY, S_PSK}, {KEY_AND_OWN, S_PLAIN}};

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        bool flipped = false;

        assert_true(connects_with_flip(rows[r].client, rows[r].server, 2, 0, &flipped));
        assert_false(flipped);
        for (unsigned which = 0; which < 2; which++) {
            size_t bytes = which == 0 ? 160 : 200; /* what is not padding of an INIT */

            for (size_t bit = r; bit < 8 * bytes; bit += 3) { /* in all rows: each */
                flipped = false;
                if (connects_with_flip(rows[r].client, rows[r].server, which, bit, &flipped) &&
                    flipped)
                    fail_msg("row %zu, packet %u, bit %zu", r, which, bit);
            }
        }
    }
}

/* ------------------------------------------------------------------ key update */

static void test_keys_change_under_traffic(void **state)
{
    struct belay_core_config config = client_config(NOTHING);
    struct pair pair;
    bool seen[2] = {false, false};

    (void)state;
    config.key_update_packets = 20;
    pair_init(&pair, &config);
    pair_connect(&pair);
    for (unsigned i = 0; i < 400; i++) {
        pair_send(&pair.client, 0, 100, i);
        pair_collect_from(&pair.client);
        if (pair.packet_count > 0)
            seen[(pair.packets[0].data[0] & 0x08) != 0] = true;
        pair_run(&pair, 100 * MS);
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1);
        pair_assert_message(pair_find(&pair.server, BELAY_CORE_MESSAGE), 0, 100, i);
        pair_forget_events(&pair);
    }
    assert_true(seen[0] && seen[1]); /* both key phases were on the wire */
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ configuration */

static void test_what_cannot_be_together(void **state)
{
    struct belay_core_config config;

    (void)state;
    for (int i = 0; i < 4; i++) {
        pair_config(&config);
        config.insecure = true;
        config.has_private_key = i == 0;
        config.has_server_key = i == 1;
        config.has_psk = i == 2;
        config.authorize = i == 3;
        assert_non_null(strstr(belay_core_config_check(&config), "insecure"));
    }
    pair_config(&config);
    config.has_psk = config.authorize = true;
    assert_non_null(strstr(belay_core_config_check(&config), "psk"));
    pair_config(&config);
    config.aead = BELAY_AEAD_NONE;
    assert_non_null(strstr(belay_core_config_check(&config), "aead"));
    pair_config(&config);
    config.key_update_packets = BELAY_SEAL_PACKETS_MAX + 1;
    assert_non_null(strstr(belay_core_config_check(&config), "key_update_packets"));
    config.key_update_packets = 0;
    assert_non_null(strstr(belay_core_config_check(&config), "key_update_packets"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_connects_to_whom),
        cmocka_unit_test(test_who_is_let_in),
        cmocka_unit_test(test_no_answer_keeps_nothing),
        cmocka_unit_test(test_peer_keys_that_nobody_proved_are_not_told),
        cmocka_unit_test(test_both_must_prefer_aes),
        cmocka_unit_test(test_what_an_eavesdropper_reads),
        cmocka_unit_test(test_every_bit_of_the_handshake_is_bound),
        cmocka_unit_test(test_keys_change_under_traffic),
        cmocka_unit_test(test_what_cannot_be_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
