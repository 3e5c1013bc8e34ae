/* Proof of address: who is asked for a cookie, what a RETRY is, and what a client makes of it.
 */
#include "conn/pair.h"

#include "conn/hellotag.h"
#include "conn/private.h"
#include "endpoint/private.h"

/* The server asks for cookies from so many half-open connections on. */
static void init_asking(struct pair *pair, uint32_t from)
{
    struct belay_core_config client, server;

    pair_config(&client);
    server = client;
    server.half_open_cookies = from;
    pair_init_two(pair, &client, &server);
}

/* The client's next packets, all of which arrive; what the server says to them stays. */
static void client_to_server(struct pair *pair)
{
    size_t count = pair_collect_from(&pair->client);

    for (size_t left = count; left > 0; left--)
        pair_deliver(pair, pair->packet_count - left);
    pair_collect_from(&pair->server);
}

static uint8_t type_of(const struct pair *pair, size_t i)
{
    assert_true(i < pair->packet_count);
    return pair->packets[i].data[0];
}

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
    pair_dial(&pair, true);
    pair_collect(&pair);
    pair_drop_all(&pair);
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

/* A train of GRO's size, each INIT from another client behind one address: all are answered. */
static void a_train_of_inits_is_answered_whole(void **state)
{
    struct pair pair;
    struct belay_path path;
    uint8_t *train = malloc((size_t)64 * 1200), nonce[8] = {0};

    (void)state;
    assert_non_null(train);
    init_asking(&pair, 0);
    pair_dial(&pair, true);
    pair_collect(&pair);
    pair_drop_all(&pair);
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

/* ------------------------------------------------------------------ the client */

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
    pair_dial(&pair, true);
    pair_collect(&pair);
    pair_drop_all(&pair);
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

/* ------------------------------------------------------------------ amplification */

/* Whatever arrives for a half-open connection, and however long it waits. */
static void a_half_open_connection_sends_less_than_it_got(void **state)
{
    struct pair pair;
    uint64_t received = 0, sent = 0;

    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, true);
    pair_collect(&pair);
    pair_drop_all(&pair);
    for (unsigned i = 0; i < 200; i++) {
        if (i % 3 == 0) {
            pair_receive(&pair, &pair.client, &pair.server, pair.init, pair.init_len);
            received += pair.init_len;
        } else if (i % 3 == 1 && pair.accept_len > 0) { /* a DATA packet that does not open */
            uint8_t data[100] = {0xf1};

            memcpy(data + 1, pair.accept + 1 + 4 + 1 + 8 + 8, 8);
            pair_receive(&pair, &pair.client, &pair.server, data, sizeof(data));
        }
        pair_collect_from(&pair.server);
        for (size_t k = 0; k < pair.packet_count; k++) {
            assert_int_equal(type_of(&pair, k), 0xc1);
            sent += pair.packets[k].len;
        }
        pair_drop_all(&pair);
        assert_true(sent < received);
        pair_sleep(&pair, 49 * MS);
        pair_step(&pair, pair.now_ns);
    }
    assert_int_equal(pair_stats(&pair.server).half_open, 1);
    assert_int_equal(pair.server.event_count, 0);
    pair_dispose(&pair);
}

/* By counters, whatever there may be to send some day: here, ever more ACCEPTs. */
static void three_times_is_a_wall(void **state)
{
    struct pair pair;
    struct belay_connection *c;
    uint8_t buffer[2000];
    struct belay_train train = {.buffer = buffer, .capacity = sizeof(buffer)};
    uint64_t sent, size;

    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, true);
    client_to_server(&pair);
    sent = size = pair.packets[0].len;
    c = BELAY_CONTAINER(belay_list_first(&pair.server.core->half_open), struct belay_core_conn,
                        half_open)
            ->connection;
    for (uint64_t received = 1200; received <= 2 * 1200; received += 1200) {
        for (unsigned i = 0; i < 100; i++) {
            c->handshake->send_due = true;
            if (belay_connection_send(c, &train, pair.now_ns))
                sent += train.len;
            assert_int_equal(train.capacity, sizeof(buffer));
        }
        assert_true(sent <= 3 * received);
        assert_true(sent > 3 * received - size);
        pair_receive(&pair, &pair.client, &pair.server, pair.init, pair.init_len);
    }
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 1);
    pair_send(&pair.server, 0, 100000, 1); /* who has confirmed is proven */
    pair_send(&pair.client, 0, 1, 1);
    pair_run(&pair, SECOND);
    pair_assert_message(pair_find(&pair.client, BELAY_CORE_MESSAGE), 0, 100000, 1);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ answers to answers */

/* Every packet that one server can be made to say, said to another and to itself. */
static void nobody_answers_an_answer(void **state)
{
    enum { VERSIONS, REFUSE, RESET, RETRY, ACCEPT, CAUSES };
    static const uint8_t first_byte[CAUSES] = {0xc4, 0xc3, 0xc5, 0xc2, 0xc1};

    (void)state;
    for (unsigned cause = 0; cause < CAUSES; cause++) {
        struct pair pair;
        uint8_t packet[1200] = {0};
        size_t len = 1200;

        init_asking(&pair, cause == RETRY ? 0 : 64);
        belay_core_listen(pair.client.core, true);
        belay_core_listen(pair.server.core, cause != REFUSE);
        pair_dial(&pair, true);
        pair_collect_from(&pair.client);
        memcpy(packet, pair.init, 1200);
        if (cause == VERSIONS)
            packet[4] = 9;
        if (cause == RESET) {
            packet[0] = 0xf1;
            len = 100;
        }
        pair_drop_all(&pair);
        belay_core_conn_free(pair.client.conn); /* nobody here waits for it */
        pair_receive(&pair, &pair.client, &pair.server, packet, len);
        assert_int_equal(pair_collect(&pair), 1);
        assert_int_equal(type_of(&pair, 0), first_byte[cause]);
        assert_true(pair.packets[0].len < len);
        pair_receive(&pair, &pair.client, &pair.server, pair.packets[0].data,
                     pair.packets[0].len); /* its own comes back */
        pair_deliver(&pair, 0);
        assert_int_equal(pair_collect(&pair), 0);
        pair_dispose(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retry_is_as_written),
        cmocka_unit_test(the_first_are_not_asked),
        cmocka_unit_test(the_last_place_is_never_free_of_charge),
        cmocka_unit_test(refusals_come_first),
        cmocka_unit_test(a_cookie_that_is_none_gets_another),
        cmocka_unit_test(a_flood_costs_no_memory),
        cmocka_unit_test(a_train_of_inits_is_answered_whole),
        cmocka_unit_test(three_are_followed),
        cmocka_unit_test(only_true_retries_are_followed),
        cmocka_unit_test(a_retry_takes_hints_back),
        cmocka_unit_test(the_second_init_takes_the_place_of_the_first),
        cmocka_unit_test(without_a_cookie_nothing_takes_its_place),
        cmocka_unit_test(a_half_open_connection_sends_less_than_it_got),
        cmocka_unit_test(three_times_is_a_wall),
        cmocka_unit_test(nobody_answers_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
