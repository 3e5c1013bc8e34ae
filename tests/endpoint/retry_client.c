/* Proof of address, as the client sees it: which RETRYs it follows, and what they change. */
#include "retryroom.h"

#include "conn/hellotag.h"

/* A RETRY to the client's newest INIT, with the given random under its tag. */
static size_t forge_retry(struct pair *pair, const uint8_t *random, uint8_t first,
                          uint8_t packet[128])
{
    uint8_t cookie[64];
    struct belay_hello init, retry = {.type = BELAY_PACKET_RETRY,
                                      .version = 1,
                                      .cookie = cookie,
                                      .cookie_len = sizeof(cookie)};
    size_t len;

    memset(cookie, first, sizeof(cookie));
    assert_int_equal(belay_hello_parse(&init, pair->init, pair->init_len), 0);
    retry.nonce = init.nonce;
    retry.client_cid = init.client_cid;
    retry.client_cid_len = init.client_cid_len;
    len = belay_hello_build(&retry, packet, 128 - 16);
    assert_true(len > 0);
    assert_int_equal(belay_hello_tag(&pair->suite, random != NULL ? random : init.random,
                                     packet, len, false),
                     0);
    return len + 16;
}

/* From a server that is never content. Three are followed; the clock goes on. */
static void three_are_followed(void **state)
{
    static const unsigned at_ms[] = {0,   10,  20,  30,   80,   130,  180,  230, 280,
                                     380, 580, 980, 1780, 3380, 5380, 7380, 9380};
    struct pair pair;
    uint64_t start_ns;
    uint8_t packet[128];
    size_t sent = 0, len;

    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, true);
    start_ns = pair.now_ns;
    while (pair.client.event_count == 0) {
        if (pair_collect(&pair) > 0) {
            struct belay_hello init;

            assert_int_equal(pair.packet_count, 1);
            assert_true(sent < sizeof(at_ms) / sizeof(at_ms[0]));
            assert_int_equal(pair.now_ns - start_ns, at_ms[sent] * MS);
            assert_int_equal(belay_hello_parse(&init, pair.init, 1200), 0);
            assert_int_equal(init.cookie_len, sent == 0 ? 0 : 64);
            if (sent > 0) /* the third RETRY's from then on */
                assert_int_equal(init.cookie[63], sent < 3 ? sent : 3);
            pair_drop_all(&pair);
            sent++;
            if (sent < 4)
                pair_sleep(&pair, 10 * MS);
            len = forge_retry(&pair, NULL, (uint8_t)sent, packet);
            pair_receive(&pair, &pair.server, &pair.client, packet, len);
            continue;
        }
        pair_step(&pair, BELAY_NEVER);
    }
    assert_int_equal(sent, sizeof(at_ms) / sizeof(at_ms[0]));
    assert_int_equal(pair.now_ns - start_ns, 10 * SECOND);
    assert_int_equal(pair.client.events[0].error, BELAY_ETIMEDOUT);
    assert_string_equal(pair.client.events[0].reason,
                        "the server took no proof of our address in 17 attempts and 10.0 s");
    pair_dispose(&pair);
}

/* Who saw no INIT cannot seal one; damage is seen; an answer to an earlier INIT is of no use.
 */
static void only_true_retries_are_followed(void **state)
{
    static const uint8_t guess[32] = {1};
    struct pair pair;
    uint8_t packet[128], again[128];
    size_t len;

    (void)state;
    pair_init(&pair, NULL);
    dial_and_lose(&pair);
    len = forge_retry(&pair, guess, 1, packet);
    pair_receive(&pair, &pair.server, &pair.client, packet, len);
    assert_string_equal(pair.client.verdict, "corrupt");
    len = forge_retry(&pair, NULL, 1, packet);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(again, packet, len);
        again[bit / 8] ^= (uint8_t)(1u << bit % 8);
        pair_receive(&pair, &pair.server, &pair.client, again, len);
    }
    assert_int_equal(pair_collect(&pair), 0);
    pair_receive(&pair, &pair.server, &pair.client, packet, len);
    assert_int_equal(pair_collect(&pair), 1);
    pair_drop_all(&pair);
    pair_receive(&pair, &pair.server, &pair.client, packet, len); /* once more: too late */
    assert_int_equal(pair_collect(&pair), 0);
    pair_run_silent(&pair, 50 * MS);
    pair_run(&pair, SECOND); /* and the schedule goes on; this server asks for no cookie */
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
    len = forge_retry(&pair, NULL, 1, packet);
    pair_receive(&pair, &pair.server, &pair.client, packet, len); /* it is up */
    pair_run(&pair, SECOND);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CLOSED), 0);
    pair_dispose(&pair);
}

/* What ICMP or a REFUSE said before does not count once the server asks for a cookie. */
static void a_retry_takes_hints_back(void **state)
{
    struct pair pair;
    struct belay_path path;
    uint8_t packet[128];
    size_t len;

    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, true);
    pair_collect(&pair);
    path = pair_path(&pair.client, &pair.server);
    belay_core_unreachable(pair.client.core, &path, BELAY_EREFUSED, pair.now_ns);
    pair_run_silent(&pair, 120 * MS);
    len = forge_retry(&pair, NULL, 1, packet);
    pair_receive(&pair, &pair.server, &pair.client, packet, len);
    pair_run_silent(&pair, 5 * SECOND);
    assert_int_equal(pair.client.event_count, 0);
    pair_run(&pair, 2 * SECOND);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
    pair_dispose(&pair);
}

/*
 * The first copy of an INIT meets a full house and gets a RETRY; the second gets in. The client
 * follows the RETRY and cannot use the ACCEPT: the server makes another for its new key.
 */
static void the_second_init_takes_the_place_of_the_first(void **state)
{
    struct pair pair;
    struct belay_core_conn *first;

    (void)state;
    init_asking(&pair, 1);
    pair_dial(&pair, true);
    first = pair.client.conn;
    client_to_server(&pair);
    pair_dial(&pair, true);
    client_to_server(&pair);
    assert_int_equal(pair.packet_count, 2);
    assert_int_equal(type_of(&pair, 0), 0xc1);
    assert_int_equal(type_of(&pair, 1), 0xc2);
    pair_deliver(&pair, 0); /* the first is up, its PING arrives */
    pair_collect_from(&pair.client);
    pair_deliver(&pair, 1);
    assert_true(belay_core_conn_is_connected(first));
    assert_int_equal(pair_stats(&pair.server).half_open, 0);
    pair_receive(&pair, &pair.client, &pair.server, pair.init, pair.init_len);
    assert_int_equal(pair_stats(&pair.server).half_open, 1);
    pair_deliver(&pair, 0); /* the RETRY, before that ACCEPT */
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 2);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 2);
    assert_int_equal(belay_core_conn_count(pair.server.core), 2);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_are_followed),
        cmocka_unit_test(only_true_retries_are_followed),
        cmocka_unit_test(a_retry_takes_hints_back),
        cmocka_unit_test(the_second_init_takes_the_place_of_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
