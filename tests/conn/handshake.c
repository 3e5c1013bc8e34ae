/* INIT and ACCEPT byte by byte from docs/protocol.md; the first flight; hints. */
#include "conn/pair.h"

#include "conn/hellotag.h"
#include "wire/packet.h"

/* ------------------------------------------------------------------ by hand */

static size_t take_varint(const uint8_t *p, uint64_t *value)
{
    size_t len = (size_t)1 << (p[0] >> 6);

    *value = p[0] & 0x3f;
    for (size_t i = 1; i < len; i++)
        *value = *value << 8 | p[i];
    return len;
}

/* The value of an integer parameter; fails when it is not there. */
static uint64_t param(const uint8_t *params, size_t len, uint64_t wanted)
{
    uint64_t id = 0, size = 0, value = 0;
    size_t at = 0;

    while (at < len && id != wanted) {
        at += take_varint(params + at, &id);
        at += take_varint(params + at, &size);
        assert_true(at + size <= len);
        if (id < 8)
            assert_int_equal(take_varint(params + at, &value), size);
        at += (size_t)size;
    }
    assert_int_equal(id, wanted);
    return value;
}

static void check_init(struct pair *pair, const uint8_t *packet, size_t len, bool shared)
{
    const struct belay_core_config *config = &pair->client.config;
    const uint8_t *p = packet, *random, *params;
    size_t payload_len, params_len;

    assert_int_equal(len, 1200);
    assert_int_equal(p[0], 0xc0);
    assert_memory_equal(p + 1, "\0\0\0\1", 4);
    assert_int_equal(p[5], shared ? 8 : 0);
    p += 6 + p[5];
    p += 8;                                           /* nonce */
    assert_memory_equal(p, "\0\0", 2);                /* no cookie */
    assert_int_equal(p[2], config->insecure ? 0 : 1); /* NN: its payload is in the clear, too */
    payload_len = (size_t)(p[3] << 8 | p[4]);
    random = p + 5;
    params = random + 32;
    params_len = payload_len - 32;
    assert_int_equal(param(params, params_len, 1), config->datagram_size_max);
    assert_int_equal(param(params, params_len, 2), config->message_size_max);
    assert_int_equal(param(params, params_len, 3), config->message_size_max + 64);
    assert_int_equal(param(params, params_len, 4), config->window_messages);
    assert_int_equal(param(params, params_len, 5), config->channels_max);
    assert_int_equal(param(params, params_len, 6), 25000);
    assert_int_equal(param(params, params_len, 7), 30000);
    if (shared)
        param(params, params_len, 8); /* a reset token for its connection ID */
    if (!config->insecure)
        param(params, params_len, 9); /* the ciphers on offer */
    for (p = params + params_len; p < packet + 1184; p++)
        assert_int_equal(*p, 0);
    pair_assert_hello_tag(pair, packet, len, NULL);
}

static void check_accept(struct pair *pair, const uint8_t *init, const uint8_t *packet,
                         size_t len)
{
    size_t cid_len = init[5];
    const uint8_t *p = packet;
    size_t payload_len;

    assert_int_equal(p[0], 0xc1);
    assert_memory_equal(p + 1, "\0\0\0\1", 4);
    assert_memory_equal(p + 5, init + 5, 1 + cid_len + 8); /* ID and nonce, echoed */
    p += 6 + cid_len + 8 + 8;                              /* the server's connection ID */
    payload_len = (size_t)(p[0] << 8 | p[1]);
    p += 2;
    assert_int_equal((size_t)(p - packet) + payload_len + 16, len); /* nothing follows */
    if (pair->client.config.insecure) {
        assert_int_equal(param(p + 32, payload_len - 32, 1), 1200);
        param(p + 32, payload_len - 32, 8);
    }
    pair_assert_hello_tag(pair, packet, len, init + 6 + cid_len + 8 + 5);
}

static void hello_packets_are_as_written(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct belay_core_config config;
        struct pair pair;
        struct belay_data_header header;
        uint8_t init[1200];
        bool shared = i % 2;
        pair_config(&config);
        config.insecure = i / 2;
        pair_init(&pair, &config);
        pair_dial(&pair, shared);
        assert_int_equal(pair_collect(&pair), 1);
        check_init(&pair, pair.packets[0].data, pair.packets[0].len, shared);
        memcpy(init, pair.packets[0].data, sizeof(init));
        pair_deliver(&pair, 0);
        assert_int_equal(pair_collect(&pair), 1);
        check_accept(&pair, init, pair.packets[0].data, pair.packets[0].len);
        assert_int_equal(pair.server.event_count, 0); /* a replayed INIT reaches no app */
        pair_deliver(&pair, 0);
        assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
        assert_int_equal(pair_collect(&pair), 1); /* a PING, to the server's ID */
        assert_int_equal(pair.packets[0].data[0], 0xf1);
        assert_memory_equal(pair.packets[0].data + 1, pair.accept + 6 + (shared ? 8 : 0) + 8,
                            8);
        pair_deliver(&pair, 0);
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 1);
        pair_sleep(&pair, SECOND);
        pair_step(&pair, pair.now_ns);
        pair_collect_from(&pair.server); /* its ACK: an ID only when we asked for one */
        assert_int_equal(
            belay_data_header_parse(&header, pair.packets[0].data, pair.packets[0].len), 0);
        assert_int_equal(header.has_cid, shared);
        if (shared)
            assert_memory_equal(header.cid, init + 6, 8);
        pair_dispose(&pair);
    }
}

/* ------------------------------------------------------------------ the first flight */

static void inits_leave_in_time(void **state)
{
    static const unsigned at_ms[] = {0,   50,  100,  150,  200,  250,  350,
                                     550, 950, 1750, 3350, 5350, 7350, 9350};
    struct pair pair;
    uint8_t first[1200];
    uint64_t start_ns;
    size_t sent = 0;
    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, false);
    start_ns = pair.now_ns;
    for (;;) {
        if (pair_collect(&pair) > 0) {
            assert_true(sent < sizeof(at_ms) / sizeof(at_ms[0]));
            assert_int_equal(pair.now_ns - start_ns, at_ms[sent] * MS);
            if (sent == 0)
                memcpy(first, pair.packets[0].data, sizeof(first));
            assert_memory_equal(first, pair.packets[0].data, sizeof(first)); /* the same */
            pair_drop_all(&pair);
            sent++;
        }
        if (pair_deadline(&pair) == BELAY_NEVER)
            break;
        pair_step(&pair, BELAY_NEVER);
    }
    assert_int_equal(sent, sizeof(at_ms) / sizeof(at_ms[0]));
    assert_int_equal(pair.now_ns - start_ns, 10 * SECOND);
    assert_int_equal(pair.client.events[0].type, BELAY_CORE_CLOSED);
    assert_int_equal(pair.client.events[0].error, BELAY_ETIMEDOUT);
    assert_string_equal(pair.client.events[0].reason, "no answer to 14 attempts in 10.0 s");
    pair_dispose(&pair);
}

static void each_copy_gets_the_same_accept(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, false);
    pair_collect(&pair);
    for (unsigned i = 0; i < 3; i++) {
        pair_repeat(&pair, 0);
        assert_int_equal(pair_collect(&pair), 1);
    }
    assert_int_equal(pair.packet_count, 4);
    for (size_t i = 2; i < 4; i++) {
        assert_int_equal(pair.packets[i].len, pair.packets[1].len);
        assert_memory_equal(pair.packets[i].data, pair.packets[1].data, pair.packets[1].len);
    }
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    pair_exchange(&pair);
    pair_forget_events(&pair);
    pair_receive(&pair, &pair.client, &pair.server, pair.init, pair.init_len);
    assert_int_equal(pair_collect(&pair), 0); /* it is open: no answer */
    pair_dispose(&pair);
}

static void a_half_open_slot_expires(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, false);
    pair_collect(&pair);
    pair_deliver(&pair, 0);
    pair_run_silent(&pair, 9 * SECOND);
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    pair_run_silent(&pair, 2 * SECOND);
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    assert_int_equal(pair.server.event_count, 0);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ damage */

static void a_damaged_hello_is_dropped(void **state)
{
    struct pair pair;
    uint8_t packet[1200];
    size_t len;
    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, true);
    pair_collect(&pair);
    for (size_t i = 5; i < 1200; i += i < 200 ? 1 : 37) { /* behind type and version */
        memcpy(packet, pair.packets[0].data, 1200);
        packet[i] ^= 0x40;
        pair_receive(&pair, &pair.client, &pair.server, packet, 1200);
    }
    for (len = 1199; len < 1200; len--) {
        pair_receive(&pair, &pair.client, &pair.server, pair.packets[0].data, len);
        if (len > 40)
            len -= 31;
    }
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    assert_int_equal(pair_collect_from(&pair.server), 0);
    pair_deliver(&pair, 0);
    assert_int_equal(pair_collect_from(&pair.server), 1);
    len = pair.packets[0].len;
    for (size_t i = 0; i < len; i++) {
        memcpy(packet, pair.packets[0].data, len);
        packet[i] ^= 0x40;
        pair_receive(&pair, &pair.server, &pair.client, packet, len);
    }
    assert_int_equal(pair.client.event_count, 0);
    pair_deliver(&pair, 0);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ hints */

static void a_refusal_ends_a_dial_after_three_more(void **state)
{
    struct pair pair;
    size_t sent = 0;
    (void)state;
    pair_init(&pair, NULL);
    belay_core_listen(pair.server.core, false);
    pair_dial(&pair, false);
    while (pair.client.event_count == 0) {
        sent += pair_collect_from(&pair.client);
        while (pair.packet_count > 0)
            pair_deliver(&pair, 0);
        pair_collect_from(&pair.server);
        if (sent > 1) /* only the first is answered */
            pair_drop_all(&pair);
        while (pair.packet_count > 0)
            pair_deliver(&pair, 0);
        pair_step(&pair, BELAY_NEVER);
    }
    assert_int_equal(sent, 4);
    assert_int_equal(pair.client.events[0].type, BELAY_CORE_CLOSED);
    assert_int_equal(pair.client.events[0].error, BELAY_EREFUSED);
    assert_int_equal(pair.client.events[0].close_code, BELAY_CLOSE_NOT_LISTENING);
    assert_string_equal(pair.client.events[0].reason, "the endpoint accepts no connections");
    pair_dispose(&pair);
}

static void an_accept_wins_over_hints(void **state)
{
    struct pair pair;
    struct belay_path path;
    (void)state;
    pair_init(&pair, NULL);
    belay_core_listen(pair.server.core, false);
    pair_dial(&pair, false);
    path = pair_path(&pair.client, &pair.server);
    belay_core_unreachable(pair.client.core, &path, BELAY_EREFUSED, pair.now_ns);
    pair_exchange(&pair); /* a REFUSE too */
    pair_run(&pair, 120 * MS);
    belay_core_listen(pair.server.core, true);
    pair_run(&pair, 100 * MS);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
    belay_core_unreachable(pair.client.core, &path, BELAY_EREFUSED, pair.now_ns);
    pair_run(&pair, 10 * SECOND); /* and never ends an open connection */
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CLOSED), 0);
    pair_dispose(&pair);
}

/* To the INIT, with the tag that belongs to it. */
static void answer(struct pair *pair, struct belay_hello *hello, uint32_t version)
{
    uint8_t packet[1200];
    struct belay_hello init;
    size_t len;

    assert_int_equal(belay_hello_parse(&init, pair->init, pair->init_len), 0);
    hello->version = version;
    hello->nonce = init.nonce;
    hello->client_cid_len = init.client_cid_len;
    hello->client_cid = init.client_cid;
    len = belay_hello_build(hello, packet, sizeof(packet) - 16);
    assert_true(len > 0);
    assert_int_equal(belay_hello_tag(&pair->suite, init.random, packet, len, false), 0);
    pair_receive(pair, &pair->server, &pair->client, packet, len + 16);
}

static void versions_end_a_dial_unless_ours_is_there(void **state)
{
    static const struct {
        const char *versions;
        int error;
    } rows[] = {
        {"00000002", BELAY_EVERSION},
        {"00000003 ff000001", BELAY_EVERSION},
        {"00000002 00000001", BELAY_ETIMEDOUT}, /* then the list is not for us */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair;
        uint8_t versions[16];
        struct belay_hello hello = {.type = BELAY_PACKET_VERSIONS, .versions = versions};
        pair_init(&pair, NULL);
        pair_dial(&pair, i % 2);
        pair_collect(&pair);
        pair_drop_all(&pair);
        hello.versions_count = test_hex(rows[i].versions, versions, sizeof(versions)) / 4;
        answer(&pair, &hello, 0);
        pair_run_silent(&pair, 11 * SECOND);
        assert_int_equal(pair.client.event_count, 1);
        assert_int_equal(pair.client.events[0].error, rows[i].error);
        pair_dispose(&pair);
    }
}

static void an_accept_with_wrong_parameters_opens_nothing(void **state)
{
    struct pair pair;
    uint8_t params[8], random[32] = {0}, cid[8] = {0};
    struct belay_hello hello = {
        .type = BELAY_PACKET_ACCEPT, .server_cid = cid, .random = random, .params = params};
    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, false);
    pair_collect(&pair);
    hello.params_len = test_hex("05 01 00", params, sizeof(params)); /* no channels */
    answer(&pair, &hello, 1);
    assert_int_equal(pair.client.event_count, 0);
    pair_exchange(&pair); /* the true server wins */
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
    pair_dispose(&pair);
}

static void an_icmp_error_ends_a_dial_too(void **state)
{
    struct pair pair;
    struct belay_path path;
    uint64_t start_ns;
    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, false);
    pair_collect(&pair);
    start_ns = pair.now_ns;
    path = pair_path(&pair.client, &pair.server);
    belay_core_unreachable(pair.client.core, &path, BELAY_EUNREACH, pair.now_ns);
    pair_run_silent(&pair, SECOND);
    assert_int_equal(pair.client.events[0].error, BELAY_EUNREACH);
    assert_true(pair.now_ns - start_ns <= SECOND);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_packets_are_as_written),
        cmocka_unit_test(inits_leave_in_time),
        cmocka_unit_test(each_copy_gets_the_same_accept),
        cmocka_unit_test(a_half_open_slot_expires),
        cmocka_unit_test(a_damaged_hello_is_dropped),
        cmocka_unit_test(a_refusal_ends_a_dial_after_three_more),
        cmocka_unit_test(an_accept_wins_over_hints),
        cmocka_unit_test(versions_end_a_dial_unless_ours_is_there),
        cmocka_unit_test(an_accept_with_wrong_parameters_opens_nothing),
        cmocka_unit_test(an_icmp_error_ends_a_dial_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
