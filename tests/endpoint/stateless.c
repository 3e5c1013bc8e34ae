/* Answers without state: what they are, and that no flood of causes makes one of answers. */
#include "conn/pair.h"

#include "crypto/token.h"

static void unknown_init(uint8_t *init, uint32_t version, uint8_t cid_len)
{
    memset(init, 0, 1200);
    init[0] = 0xc0;
    init[1] = (uint8_t)(version >> 24);
    init[4] = (uint8_t)version;
    init[5] = cid_len;
    memset(init + 6, 0xab, cid_len + 8u); /* ID and nonce */
    memset(init + 6 + cid_len + 8, 0x77, 100);
}

static void other_versions_are_told_ours(void **state)
{
    static const struct {
        uint32_t version;
        uint8_t cid_len;
        size_t answers;
    } rows[] = {{2, 0, 1}, {0xff000001, 8, 1}, {0, 20, 1}, {2, 21, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair;
        uint8_t init[1200];
        const uint8_t *p;
        pair_init(&pair, NULL);
        unknown_init(init, rows[i].version, rows[i].cid_len);
        pair_receive(&pair, &pair.client, &pair.server, init, sizeof(init));
        assert_int_equal(pair_collect_from(&pair.server), rows[i].answers);
        if (rows[i].answers > 0) {
            assert_int_equal(pair.packets[0].len, 1 + 4 + 1 + rows[i].cid_len + 8 + 1 + 4 + 16);
            p = pair.packets[0].data;
            assert_memory_equal(p, "\xc4\0\0\0\0", 5);
            assert_memory_equal(p + 5, init + 5, 1 + rows[i].cid_len + 8);
            assert_memory_equal(p + 6 + rows[i].cid_len + 8, "\1\0\0\0\1", 5);
        }
        pair_receive(&pair, &pair.client, &pair.server, init, sizeof(init) - 1);
        assert_int_equal(pair_collect_from(&pair.server), 0); /* not of 1200 bytes */
        pair_dispose(&pair);
    }
}

static void unknown_connections_are_reset(void **state)
{
    struct pair pair;
    uint8_t data[40] = {0xf1}, token[16];
    (void)state;
    pair_init(&pair, NULL);
    memset(data + 1, 0x42, 8);
    pair_receive(&pair, &pair.client, &pair.server, data, sizeof(data));
    assert_int_equal(pair_collect_from(&pair.server), 1);
    assert_int_equal(pair.packets[0].len, 17);
    assert_int_equal(pair.packets[0].data[0], 0xc5);
    assert_int_equal(
        belay_token_reset(&pair.suite, pair.server.config.reset_key, data + 1, 8, token), 0);
    assert_memory_equal(pair.packets[0].data + 1, token, 16);
    pair_deliver(&pair, 0); /* a RESET that nobody knows is answered by nothing */
    assert_int_equal(pair_collect(&pair), 0);
    data[0] = 0xe1; /* no connection ID: no token to make */
    pair_receive(&pair, &pair.client, &pair.server, data, sizeof(data));
    assert_int_equal(pair_collect(&pair), 0);
    pair_dispose(&pair);
}

/* Everything that could be answered, at every length: the answer is smaller. */
static void answers_are_smaller_than_their_cause(void **state)
{
    struct pair pair;
    uint8_t packet[1201];
    (void)state;
    pair_init(&pair, NULL);
    for (unsigned first = 0; first < 256; first++) {
        for (size_t len = 0; len <= 1201; len += len < 64 || len >= 1199 ? 1 : 379) {
            memset(packet, 0x33, sizeof(packet));
            if (len > 0)
                packet[0] = (uint8_t)first;
            packet[5] = 8;
            pair_sleep(&pair, SECOND);
            pair_receive(&pair, &pair.client, &pair.server, packet, len);
            if (pair_collect_from(&pair.server) > 0) {
                assert_int_equal(pair.packet_count, 1);
                assert_true(pair.packets[0].len < len);
            }
            pair_drop_all(&pair);
        }
    }
    assert_int_equal(pair.server.event_count, 0);
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    pair_dispose(&pair);
}

static void a_flood_gets_few_answers(void **state)
{
    struct pair pair;
    uint8_t data[40] = {0xf1};
    size_t sent = 0;
    (void)state;
    pair_init(&pair, NULL);
    for (unsigned i = 0; i < 100; i++) /* nobody sends in between: 16 are kept */
        pair_receive(&pair, &pair.client, &pair.server, data, sizeof(data));
    assert_int_equal(pair_collect_from(&pair.server), 16);
    pair_sleep(&pair, SECOND);
    for (unsigned i = 0; i < 999; i++) { /* within the next second */
        pair_sleep(&pair, MS);
        data[1] = (uint8_t)i;
        pair_receive(&pair, &pair.client, &pair.server, data, sizeof(data));
        sent += pair_collect_from(&pair.server);
    }
    assert_int_equal(sent, 100);
    pair_sleep(&pair, SECOND);
    pair_receive(&pair, &pair.client, &pair.server, data, sizeof(data));
    assert_int_equal(pair_collect_from(&pair.server), 1);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_versions_are_told_ours),
        cmocka_unit_test(unknown_connections_are_reset),
        cmocka_unit_test(answers_are_smaller_than_their_cause),
        cmocka_unit_test(a_flood_gets_few_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
