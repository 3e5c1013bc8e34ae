/* Proof of address, as the server sees it: who is asked for a cookie, what a RETRY is, which
 * cookies are none, and what a flood costs. */
#include "retryroom.h"

#include "conn/hellotag.h"

/* ------------------------------------------------------------------ the packet */

static void check_retry(struct pair *pair, const uint8_t *init, const uint8_t *p, size_t len)
{
    struct belay_hello parsed;
    size_t prefix = 1 + 4 + 1 + init[5] + 8u;

    assert_int_equal(len, prefix + 1 + 20 + 16);
    assert_int_equal(p[0], 0xc2);
    assert_memory_equal(p + 1, init + 1, prefix - 1); /* version, ID, nonce: as in the INIT */
    assert_int_equal(p[prefix], 20);
    assert_int_equal(belay_hello_parse(&parsed, init, 1200), 0);
    pair_assert_hello_tag(pair, p, len, parsed.random);
}

/* The same client, with a new key, says the cookie. */
static void check_second_init(const uint8_t *init, const uint8_t *retry, const uint8_t *second,
                              size_t len)
{
    struct belay_hello a, b, r;

    assert_int_equal(len, 1200);
    assert_int_equal(belay_hello_parse(&a, init, 1200), 0);
    assert_int_equal(belay_hello_parse(&b, second, 1200), 0);
    assert_int_equal(belay_hello_parse(&r, retry, 1 + 4 + 1 + init[5] + 8 + 1 + 20 + 16), 0);
    assert_memory_equal(a.nonce, b.nonce, 8);
    assert_int_equal(a.client_cid_len, b.client_cid_len);
    assert_memory_equal(a.client_cid, b.client_cid, a.client_cid_len);
    assert_int_equal(a.cookie_len, 0);
    assert_int_equal(b.cookie_len, r.cookie_len);
    assert_memory_equal(b.cookie, r.cookie, r.cookie_len);
    assert_memory_not_equal(a.random, b.random, 32);
}

static void a_retry_is_as_written(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct belay_core_config config;
        struct pair pair;
        uint8_t init[1200], retry[64];

        pair_config(&config);
        config.half_open_cookies = 0;
        config.insecure = i / 2;
        pair_init(&pair, &config);
        pair_dial(&pair, i % 2);
        client_to_server(&pair);
        memcpy(init, pair.init, 1200);
        assert_int_equal(pair.packet_count, 1);
        check_retry(&pair, init, pair.packets[0].data, pair.packets[0].len);
        memcpy(retry, pair.packets[0].data, pair.packets[0].len);
        assert_int_equal(belay_core_conn_count(pair.server.core), 0);
        pair_deliver(&pair, 0);
        assert_int_equal(pair_collect_from(&pair.client), 1); /* at once */
        check_second_init(init, retry, pair.packets[0].data, pair.packets[0].len);
        pair_exchange(&pair);
        assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 1);
        assert_int_equal(pair_stats(&pair.server).retries_sent, 1);
        assert_int_equal(pair_stats(&pair.server).cookies_accepted, 1);
        pair_dispose(&pair);
    }
}

/* ------------------------------------------------------------------ who is asked */

static void the_first_are_not_asked(void **state)
{
    struct pair pair;

    (void)state;
    init_asking(&pair, 3);
    for (unsigned i = 0; i < 5; i++)
        pair_dial(&pair, true);
    client_to_server(&pair);
    assert_int_equal(pair.packet_count, 5);
    assert_int_equal(pair_stats(&pair.server).half_open, 3);
    assert_int_equal(type_of(&pair, 0), 0xc2); /* the RETRYs go first */
    assert_int_equal(type_of(&pair, 1), 0xc2);
    for (size_t i = 2; i < 5; i++)
        assert_int_equal(type_of(&pair, i), 0xc1);
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 5);
    assert_int_equal(pair_stats(&pair.server).half_open, 0);
    pair_dial(&pair, true); /* all is confirmed: as before */
    client_to_server(&pair);
    assert_int_equal(type_of(&pair, 0), 0xc1);
    pair_dispose(&pair);
}

/* Where another takes the place of the oldest, it has proven its address, however it is set. */
static void the_last_place_is_never_free_of_charge(void **state)
{
    struct pair pair;
    struct belay_core_config config;

    (void)state;
    pair_config(&config);
    config.half_open_max = 2;
    config.half_open_cookies = UINT32_MAX;
    pair_init(&pair, &config);
    for (unsigned i = 0; i < 3; i++)
        pair_dial(&pair, true);
    client_to_server(&pair);
    assert_int_equal(type_of(&pair, 0), 0xc2);
    assert_int_equal(pair_stats(&pair.server).half_open, 2);
    assert_int_equal(pair_stats(&pair.server).half_open_evicted, 0);
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 3);
    pair_dispose(&pair);
}

/* Who would be refused is told so, cookie or not. */
static void refusals_come_first(void **state)
{
    struct pair pair;

    (void)state;
    init_asking(&pair, 0);
    belay_core_listen(pair.server.core, false);
    pair_dial(&pair, true);
    client_to_server(&pair);
    assert_int_equal(pair.packet_count, 1);
    assert_int_equal(type_of(&pair, 0), 0xc3);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ cookies that are none */

/* An INIT as the client could have made it, but for its cookie, ID and nonce. */
static void reseal(struct pair *pair, uint8_t init[1200], const uint8_t *cookie,
                   size_t cookie_len, const uint8_t *cid, const uint8_t *nonce)
{
    struct belay_hello hello;
    uint8_t packet[1200];

    assert_int_equal(belay_hello_parse(&hello, init, 1200), 0);
    hello.cookie = cookie;
    hello.cookie_len = cookie_len;
    hello.client_cid = cid != NULL ? cid : hello.client_cid;
    hello.nonce = nonce != NULL ? nonce : hello.nonce;
    assert_int_equal(belay_hello_build(&hello, packet, sizeof(packet)), 1184);
    assert_int_equal(belay_hello_tag(&pair->suite, NULL, packet, 1184, false), 0);
    memcpy(init, packet, sizeof(packet));
}

enum what { IT_IS_RIGHT, FLIPPED, SHORT, LONG, EMPTY, OTHER_CID, OTHER_NONCE, OTHER_PORT, OLD };

static void a_cookie_that_is_none_gets_another(void **state)
{
    static const uint8_t other[8] = {9, 9, 9};

    (void)state;
    for (enum what what = IT_IS_RIGHT; what <= OLD; what++) {
        struct pair pair;
        struct belay_path path;
        struct belay_hello hello;
        uint8_t init[1200], cookie[64] = {0};
        size_t len = what == SHORT ? 19 : what == LONG ? 64 : what == EMPTY ? 0 : 20;

        init_asking(&pair, 0);
        pair_dial(&pair, true);
        client_to_server(&pair);
        assert_int_equal(belay_hello_parse(&hello, pair.packets[0].data, pair.packets[0].len),
                         0);
        memcpy(cookie, hello.cookie, hello.cookie_len);
        cookie[19] ^= what == FLIPPED;
        memcpy(init, pair.init, sizeof(init));
        reseal(&pair, init, cookie, len, what == OTHER_CID ? other : NULL,
               what == OTHER_NONCE ? other : NULL);
        pair_drop_all(&pair);
        path = pair_path(&pair.server, &pair.client);
        path.remote.bytes[5] ^= what == OTHER_PORT;
        pair_sleep(&pair, (what == OLD ? 31 : 29) * SECOND);
        pair_receive_path(&pair, &pair.server, &path, init, sizeof(init), 0, 0);
        assert_int_equal(belay_core_conn_count(pair.server.core), what == IT_IS_RIGHT);
        assert_int_equal(pair_collect_from(&pair.server), 1);
        assert_int_equal(type_of(&pair, 0), what == IT_IS_RIGHT ? 0xc1 : 0xc2);
        assert_int_equal(pair_stats(&pair.server).cookies_refused,
                         what != IT_IS_RIGHT && what != EMPTY);
        pair_dispose(&pair);
    }
}

/* Another INIT with the nonce of a half-open connection, but without proof: a copy, no more. */
static void without_a_cookie_nothing_takes_its_place(void **state)
{
    static const uint8_t cookie[20] = {1};
    struct pair pair;
    struct belay_hello hello;
    uint8_t init[1200], accept[512], random[32] = {7};

    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, true);
    client_to_server(&pair);
    memcpy(accept, pair.accept, pair.accept_len);
    for (unsigned i = 0; i < 2; i++) {
        memcpy(init, pair.init, sizeof(init));
        assert_int_equal(belay_hello_parse(&hello, init, sizeof(init)), 0);
        memcpy(init + (hello.random - init), random, sizeof(random));
        reseal(&pair, init, cookie, i * sizeof(cookie), NULL, NULL);
        pair_receive(&pair, &pair.client, &pair.server, init, sizeof(init));
        assert_int_equal(pair_collect_from(&pair.server), 1);
        assert_memory_equal(pair.accept, accept, pair.accept_len);
    }
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 1);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ what it costs */

/* INITs from everywhere; the tags of the odd ones are wrong. */
static void a_flood_costs_no_memory(void **state)
{
    struct pair pair;
    struct belay_path path;
    uint8_t init[1200], nonce[8] = {0};
    size_t calls, used, answers = 0;

    (void)state;
    init_asking(&pair, 0);
    dial_and_lose(&pair);
    path = pair_path(&pair.server, &pair.client);
    calls = pair.server.memory.calls;
    used = pair.server.memory.used;
    for (unsigned i = 0; i < 3000; i++) {
        path.remote.bytes[0] = (uint8_t)i;
        nonce[0] = (uint8_t)(i >> 8);
        memcpy(init, pair.init, sizeof(init));
        reseal(&pair, init, NULL, 0, NULL, nonce);
        init[1199] ^= i % 2;
        pair_receive_path(&pair, &pair.server, &path, init, sizeof(init), 0, 0);
        if (i % 300 == 299) {
            answers = pair_collect_from(&pair.server);
            assert_int_equal(answers, 64); /* of 150: what does not fit is dropped ... */
            for (size_t k = 0; k < answers; k++)
                assert_int_equal(type_of(&pair, k), 0xc2);
            pair_drop_all(&pair);
        }
    }
    assert_int_equal(pair.server.memory.calls, calls);
    assert_int_equal(pair.server.memory.used, used);
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    assert_int_equal(pair_stats(&pair.server).retries_sent, 640);
    assert_true(pair_stats(&pair.server).retries_dropped >=
                10 * (150 - 64)); /* ... and counted */
    assert_int_equal(pair_stats(&pair.server).answers_sent, 0);
    pair_exchange(&pair); /* who is honest gets in */
    pair_run(&pair, SECOND);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
    pair_dispose(&pair);
}

/* Where no RETRY fits any more, a cookie that is none gets none, and both are counted. */
static void a_refused_cookie_waits_for_nothing(void **state)
{
    static const uint8_t cookie[20] = {1};
    struct pair pair;
    struct belay_path path;
    uint8_t init[1200], nonce[8] = {0};

    (void)state;
    init_asking(&pair, 0);
    dial_and_lose(&pair);
    path = pair_path(&pair.server, &pair.client);
    for (unsigned i = 0; i <= 64; i++) {
        nonce[0] = (uint8_t)i;
        memcpy(init, pair.init, sizeof(init));
        reseal(&pair, init, i < 64 ? NULL : cookie, i < 64 ? 0 : sizeof(cookie), NULL, nonce);
        assert_int_equal(pair_stats(&pair.server).retries_dropped, 0);
        pair_receive_path(&pair, &pair.server, &path, init, sizeof(init), 0, 0);
    }
    assert_int_equal(pair_stats(&pair.server).cookies_refused, 1);
    assert_int_equal(pair_stats(&pair.server).retries_dropped, 1);
    assert_int_equal(pair_collect_from(&pair.server), 64);
    pair_dispose(&pair);
}

/* A train of GRO's size, each INIT from another client behind one address: all are answered. */
static void a_train_of_inits_is_answered_whole(void **state)
{
    struct pair pair;
    struct belay_path path;
    uint8_t *train = malloc((size_t)64 * 1200), nonce[8] = {0};

    (void)state;
    assert_non_null(train);
    init_asking(&pair, 0);
    dial_and_lose(&pair);
    for (unsigned i = 0; i < 64; i++) {
        nonce[7] = (uint8_t)i;
        memcpy(train + (size_t)i * 1200, pair.init, 1200);
        reseal(&pair, train + (size_t)i * 1200, NULL, 0, NULL, nonce);
    }
    path = pair_path(&pair.server, &pair.client);
    pair_receive_path(&pair, &pair.server, &path, train, (size_t)54 * 1200, 1200, 0);
    pair_receive_path(&pair, &pair.server, &path, train + (size_t)54 * 1200, (size_t)10 * 1200,
                      1200, 0);
    assert_true(belay_core_has_work(pair.server.core));
    assert_int_equal(pair_collect_from(&pair.server), 64);
    assert_int_equal(pair_stats(&pair.server).retries_dropped, 0);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(pair.packets[i].data[1 + 4 + 1 + 8 + 7], i);
    free(train);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retry_is_as_written),
        cmocka_unit_test(the_first_are_not_asked),
        cmocka_unit_test(the_last_place_is_never_free_of_charge),
        cmocka_unit_test(refusals_come_first),
        cmocka_unit_test(a_cookie_that_is_none_gets_another),
        cmocka_unit_test(without_a_cookie_nothing_takes_its_place),
        cmocka_unit_test(a_flood_costs_no_memory),
        cmocka_unit_test(a_refused_cookie_waits_for_nothing),
        cmocka_unit_test(a_train_of_inits_is_answered_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
