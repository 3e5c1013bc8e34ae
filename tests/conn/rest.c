/* Connections that have nothing to do: what they keep, and that they go on as if they had never
 * rested. */
#include "conn/pair.h"

#include "conn/private.h"
#include "endpoint/private.h"

#define CONNECTIONS    64
#define IDLE_BYTES_MAX 4096 /* of one idle connection */

static void init(struct pair *pair, enum belay_aead aead, uint64_t key_update_packets)
{
    struct belay_core_config config;

    pair_config(&config);
    config.insecure = aead == BELAY_AEAD_NONE;
    if (!config.insecure)
        config.aead = aead;
    config.keepalive_ns = config.idle_timeout_ns = 0;
    if (key_update_packets > 0)
        config.key_update_packets = key_update_packets;
    pair_init(pair, &config);
    pair_connect(pair);
}

static bool has_no_keys(const struct pair_end *end)
{
    const struct belay_keyring *keys = &end->conn->connection->keys;
    const struct belay_seal *seals[] = {&keys->in, &keys->out};

    for (size_t i = 0; i < sizeof(seals) / sizeof(seals[0]); i++)
        if (seals[i]->fast != NULL || seals[i]->ctx != NULL)
            return false;
    return keys->more == NULL;
}

static bool is_resting(const struct pair_end *end)
{
    return has_no_keys(end) && end->conn->connection->recovery.log.packets == NULL;
}

/* Long enough; nobody wakes up again. */
static void rest(struct pair *pair)
{
    pair_run(pair, 3 * SECOND);
    assert_true(is_resting(&pair->client) && is_resting(&pair->server));
    assert_true(pair_deadline(pair) == BELAY_NEVER);
}

static void pass(struct pair *pair, struct pair_end *from, struct pair_end *to, unsigned i)
{
    pair_send(from, 0, 100, i);
    pair_run(pair, 100 * MS);
    assert_false(is_resting(to));
    assert_int_equal(pair_count(to, BELAY_CORE_MESSAGE), 1);
    pair_assert_message(pair_find(to, BELAY_CORE_MESSAGE), 0, 100, i);
    pair_forget_events(pair);
}

static void an_idle_connection_is_small(void **state)
{
    struct pair pair;
    size_t before, each[2];

    (void)state;
    init(&pair, BELAY_AEAD_AES_256_GCM, 0);
    rest(&pair);
    for (unsigned used = 0; used < 2; used++) {
        before = belay_core_memory_bytes(pair.server.core);
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            pair_dial(&pair, true); /* whose clients have IDs: those take more */
            pair_exchange(&pair);
            pair_forget_events(&pair);
            if (used)
                pass(&pair, &pair.client, &pair.server, i);
        }
        pair_run(&pair, 3 * SECOND);
        each[used] = (belay_core_memory_bytes(pair.server.core) - before) / CONNECTIONS;
    }
    printf("an idle connection: %zu bytes; after a message: %zu\n", each[0], each[1]);
    assert_in_range(each[0], 1, IDLE_BYTES_MAX);
    pair_dispose(&pair);
}

static void it_carries_data_again_both_ways(void **state)
{
    static const enum belay_aead aeads[] = {BELAY_AEAD_NONE, /* insecure */
                                            BELAY_AEAD_AES_256_GCM,
                                            BELAY_AEAD_CHACHA20_POLY1305};

    (void)state;
    for (size_t a = 0; a < sizeof(aeads) / sizeof(aeads[0]); a++) {
        struct pair pair;

        init(&pair, aeads[a], 0);
        for (unsigned i = 0; i < 5; i++) {
            rest(&pair);
            pass(&pair, &pair.client, &pair.server, i);
            rest(&pair);
            pass(&pair, &pair.server, &pair.client, i);
        }
        pair_dispose(&pair);
    }
}

/* A rest before, between and after changes of keys, whoever begins. */
static void keys_change_between_rests(void **state)
{
    struct pair pair;

    (void)state;
    init(&pair, BELAY_AEAD_AES_256_GCM, 5);
    for (unsigned i = 0; i < 100; i++) {
        bool turn = i / 10 % 2 == 0;

        if (i % 3 != 0)
            rest(&pair);
        pass(&pair, turn ? &pair.client : &pair.server, turn ? &pair.server : &pair.client, i);
    }
    assert_in_range(pair.client.conn->connection->keys.updates, 10, 100);
    assert_int_equal(pair.client.conn->connection->keys.updates,
                     pair.server.conn->connection->keys.updates);
    pair_dispose(&pair);
}

/* A packet sealed before the keys changed, and opened after a rest. */
static void the_keys_before_rest_too(void **state)
{
    struct pair pair;
    struct belay_keyring *keys;

    (void)state;
    init(&pair, BELAY_AEAD_AES_256_GCM, 5);
    keys = &pair.server.conn->connection->keys;
    for (unsigned i = 0; !keys->has_before; i++)
        pass(&pair, &pair.client, &pair.server, i);
    pair_send(&pair.client, 0, 100, 7);
    pair_collect_from(&pair.client);
    belay_keyring_rest(keys);
    pair_deliver(&pair, 0);
    pair_run(&pair, 10 * MS);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1);
    rest(&pair);
    assert_false(keys->has_before); /* and are forgotten as ever */
    pair_dispose(&pair);
}

static void what_is_in_flight_is_repeated_as_ever(void **state)
{
    struct pair pair;

    (void)state;
    init(&pair, BELAY_AEAD_AES_256_GCM, 0);
    rest(&pair);
    pair_send(&pair.client, 0, 100, 1);
    pair_run_silent(&pair, 20 * SECOND);
    assert_false(is_resting(&pair.client));
    assert_true(is_resting(&pair.server));
    pair_run(&pair, 5 * SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1);
    rest(&pair);
    pair_dispose(&pair);
}

/* Who sends rubbish wakes it, but for a moment. */
static void a_forged_packet_wakes_nobody_for_long(void **state)
{
    struct pair pair;
    uint8_t packet[200];
    size_t len;

    (void)state;
    init(&pair, BELAY_AEAD_AES_256_GCM, 0);
    pair_send(&pair.client, 0, 100, 1);
    pair_collect_from(&pair.client);
    len = pair.packets[0].len;
    assert_in_range(len, 1, sizeof(packet));
    memcpy(packet, pair.packets[0].data, len);
    packet[len - 1] ^= 1;
    pair_exchange(&pair);
    for (unsigned i = 0; i < 3; i++) {
        rest(&pair);
        for (unsigned k = 0; k < 2; k++) { /* for one alone no key is kept */
            pair_receive(&pair, &pair.client, &pair.server, packet, len);
            assert_string_equal(pair.server.verdict, "corrupt");
        }
        assert_false(is_resting(&pair.server) || pair_deadline(&pair) == BELAY_NEVER);
        packet[0] ^= 0x08; /* the other key phase, every other time */
    }
    rest(&pair);
    pair_forget_events(&pair);
    pass(&pair, &pair.client, &pair.server, 2);
    pair_dispose(&pair);
}

static void keepalives_let_it_rest_again(void **state)
{
    unsigned lent = 0;
    struct belay_core_config config;
    struct pair pair;
    uint64_t sent;

    (void)state;
    pair_config(&config);
    config.keepalive_ns = 10 * SECOND;
    config.idle_timeout_ns = 60 * SECOND;
    pair_init(&pair, &config);
    pair_connect(&pair);
    pair_run(&pair, 5 * SECOND);
    sent = pair.client.sent_count;
    for (unsigned i = 0; i < 10; i++) {
        assert_true(is_resting(&pair.client) && is_resting(&pair.server));
        pair_run(&pair, 10 * SECOND);
    }
    for (unsigned i = 0; i < 10 * 20; i++) { /* one packet a direction: no key is kept for it */
        pair_run(&pair, 50 * MS);
        assert_true(has_no_keys(&pair.client) && has_no_keys(&pair.server));
        lent += pair.server.conn->connection->keys.in.is_lent &&
                pair.server.conn->connection->keys.out.is_lent;
    }
    assert_in_range(lent, 1, 10 * 20 - 1);
    assert_in_range(pair.client.sent_count - sent, 9, 12);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_is_small),
        cmocka_unit_test(it_carries_data_again_both_ways),
        cmocka_unit_test(keys_change_between_rests),
        cmocka_unit_test(the_keys_before_rest_too),
        cmocka_unit_test(what_is_in_flight_is_repeated_as_ever),
        cmocka_unit_test(a_forged_packet_wakes_nobody_for_long),
        cmocka_unit_test(keepalives_let_it_rest_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
