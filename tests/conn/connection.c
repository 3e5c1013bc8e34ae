/* App calls, events and memory of a connection. */
#include "conn/pair.h"

/* ------------------------------------------------------------------ send */

static void send_says_what_is_wrong(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    static uint8_t data[70000];
    uint64_t number = 0;
    (void)state;
    pair_config(&config);
    config.message_size_max = 60000;
    config.channels_max = 4;
    config.send_queue_max = 100000;
    pair_begin(&pair, &config);
    const struct {
        uint32_t channel;
        enum belay_mode mode;
        size_t len;
        unsigned flags;
        uint64_t deadline_ns;
        int error;
    } rows[] = {
        {0, BELAY_RELIABLE_ORDERED, 60001, 0, BELAY_NEVER, BELAY_EMSGSIZE},
        {4, BELAY_RELIABLE_ORDERED, 1, 0, BELAY_NEVER, BELAY_EINVAL},
        {0, BELAY_UNRELIABLE_SEQUENCED, 1, 0, BELAY_NEVER, BELAY_EINVAL},
        {0, BELAY_UNRELIABLE, 1, 0, BELAY_NEVER, BELAY_EINVAL},
        {0, BELAY_RELIABLE_ORDERED, 1, 2, BELAY_NEVER, BELAY_EINVAL},
        {0, BELAY_RELIABLE_ORDERED, 1, 0, 5, BELAY_EINVAL},
        {3, BELAY_RELIABLE_UNORDERED, 60000, 0, BELAY_NEVER, 0},
        {0, BELAY_RELIABLE_ORDERED, 40000, 0, BELAY_NEVER, BELAY_EAGAIN},
        {0, BELAY_RELIABLE_ORDERED, 0, 0, BELAY_NEVER, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(belay_core_conn_send(pair.client.conn, rows[i].channel, rows[i].mode,
                                              data, rows[i].len, rows[i].flags,
                                              rows[i].deadline_ns, &number),
                         rows[i].error);
    assert_int_equal(number, 2); /* of those that were taken */
    assert_int_equal(belay_core_conn_queued_bytes(pair.client.conn), 60000 + 2 * 64);
    pair_run(&pair, SECOND);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_WRITABLE), 1);
    assert_int_equal(belay_core_conn_close(pair.client.conn), 0);
    assert_int_equal(belay_core_conn_close(pair.client.conn), BELAY_ECLOSED);
    assert_int_equal(belay_core_conn_send(pair.client.conn, 0, BELAY_RELIABLE_ORDERED, data, 1,
                                          0, BELAY_NEVER, NULL),
                     BELAY_ECLOSED);
    belay_core_conn_abort(pair.client.conn, 0x100, NULL);
    assert_int_equal(belay_core_conn_close(pair.client.conn), BELAY_ENOTCONN);
    assert_int_equal(belay_core_conn_send(pair.client.conn, 0, BELAY_RELIABLE_ORDERED, data, 1,
                                          0, BELAY_NEVER, NULL),
                     BELAY_ENOTCONN);
    pair_dispose(&pair);
}

static void what_was_queued_too_early_is_given_up(void **state)
{
    struct pair pair;
    struct belay_core_config client, server;
    (void)state;
    pair_config(&client);
    server = client;
    server.message_size_max = 1000;
    server.channels_max = 2;
    pair_init_two(&pair, &client, &server);
    pair_dial(&pair, false);
    pair_send(&pair.client, 0, 2000, 1); /* 1: larger than the server takes */
    pair_send(&pair.client, 2, 10, 2);   /* 2: a channel that it has not */
    pair_send(&pair.client, 1, 1000, 3);
    pair_exchange(&pair);
    assert_int_equal(belay_core_conn_message_size_max(pair.client.conn), 1000);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1);
    assert_int_equal(pair.client.events[0].type, BELAY_CORE_CONNECTED);
    assert_int_equal(pair.client.events[1].error, BELAY_EMSGSIZE);
    assert_int_equal(pair.client.events[1].message, 1);
    assert_int_equal(pair.client.events[2].error, BELAY_EINVAL);
    assert_int_equal(pair.client.events[2].message, 2);
    pair_run(&pair, SECOND);
    assert_int_equal(pair.client.events[3].error, 0);
    assert_int_equal(pair.client.events[3].message, 3);
    pair_dispose(&pair);
}

static void watermarks_say_when(void **state)
{
    struct pair pair;
    uint8_t data[1000] = {0};
    (void)state;
    pair_begin(&pair, NULL);
    belay_core_conn_set_watermarks(pair.client.conn, 3000, 6000);
    for (unsigned i = 0; i < 5; i++) /* 1064 each */
        pair_send(&pair.client, 0, sizeof(data), i);
    assert_int_equal(belay_core_conn_send(pair.client.conn, 0, BELAY_RELIABLE_ORDERED, data,
                                          sizeof(data), 0, BELAY_NEVER, NULL),
                     BELAY_EAGAIN);
    pair_poll(&pair.client);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_WRITABLE), 0);
    pair_exchange(&pair);
    pair_run(&pair, SECOND);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_WRITABLE), 1);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ sources */

struct source {
    struct belay_core_conn *conn;
    unsigned released;
    bool sends_again;
    int error;
};

/* Low leaves too little room for it: WRITABLE before it fits would only ask for the next
 * EAGAIN, and so for ever. */
static void writable_waits_for_what_was_refused(void **state)
{
    static uint8_t message[5000];
    struct pair pair;
    (void)state;

    pair_init(&pair, NULL);
    pair_connect(&pair);
    belay_core_conn_set_watermarks(pair.client.conn, 3000, 6000);
    pair_forget_events(&pair);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(belay_core_conn_send(pair.client.conn, 0, BELAY_RELIABLE_ORDERED,
                                              message, 1000, 0, BELAY_NEVER, NULL),
                         0);
    assert_int_equal(belay_core_conn_send(pair.client.conn, 0, BELAY_RELIABLE_ORDERED, message,
                                          5000, 0, BELAY_NEVER, NULL),
                     BELAY_EAGAIN);
    pair_collect_from(&pair.client);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_WRITABLE), 0);
    pair_run(&pair, SECOND);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_WRITABLE), 1);
    assert_int_equal(belay_core_conn_send(pair.client.conn, 0, BELAY_RELIABLE_ORDERED, message,
                                          5000, 0, BELAY_NEVER, NULL),
                     0);
    pair_dispose(&pair);
}

static void release(void *ctx)
{
    struct source *source = ctx;

    source->released++;
    if (source->sends_again)
        source->error = belay_core_conn_send(source->conn, 0, BELAY_RELIABLE_ORDERED, "x", 1, 0,
                                             BELAY_NEVER, NULL);
}

static void a_source_is_released_once(void **state)
{
    struct pair pair;
    uint8_t data[3000] = {1};
    struct source sent = {0}, refused = {0}, aborted = {0};
    struct belay_source source = {.data = data, .release = release};
    (void)state;
    pair_begin(&pair, NULL);
    source.ctx = &sent;
    assert_int_equal(belay_core_conn_send_source(pair.client.conn, 0, BELAY_RELIABLE_ORDERED,
                                                 &source, sizeof(data), 0, BELAY_NEVER, NULL),
                     0);
    source.ctx = &refused;
    assert_int_equal(belay_core_conn_send_source(pair.client.conn, 9999, BELAY_RELIABLE_ORDERED,
                                                 &source, sizeof(data), 0, BELAY_NEVER, NULL),
                     BELAY_EINVAL);
    assert_int_equal(refused.released, 1);
    assert_int_equal(sent.released, 0);
    pair_run(&pair, SECOND);
    assert_int_equal(sent.released, 1);
    source.ctx = &aborted;
    assert_int_equal(belay_core_conn_send_source(pair.client.conn, 0, BELAY_RELIABLE_ORDERED,
                                                 &source, sizeof(data), 0, BELAY_NEVER, NULL),
                     0);
    belay_core_conn_abort(pair.client.conn, 0x100, "");
    assert_int_equal(aborted.released, 1);
    pair_dispose(&pair);
    assert_int_equal(sent.released, 1);
    assert_int_equal(aborted.released, 1);
}

/* Whoever sends the next message as soon as one is released must find a dead connection dead:
 * else giving up all messages would never come to an end. */
static void an_ending_connection_takes_nothing_from_a_release(void **state)
{
    struct pair pair;
    struct source again = {.sends_again = true};
    struct belay_source source = {.data = "abc", .release = release, .ctx = &again};
    (void)state;
    pair_begin(&pair, NULL);
    again.conn = pair.client.conn;
    assert_int_equal(belay_core_conn_send_source(pair.client.conn, 0, BELAY_RELIABLE_ORDERED,
                                                 &source, 3, 0, BELAY_NEVER, NULL),
                     0);
    belay_core_conn_abort(pair.client.conn, 0x100, "");
    assert_int_equal(again.released, 1);
    assert_int_equal(again.error, BELAY_ENOTCONN);
    assert_int_equal(belay_core_conn_queued_bytes(pair.client.conn), 0);
    pair_dispose(&pair);
}

static void release_and_free(void *ctx)
{
    struct source *source = ctx;

    source->released++;
    belay_core_conn_free(source->conn);
}

/* The connection ends by itself, and gives up a message whose release lets go of it. */
static void a_release_may_free_the_connection(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 6; how++) {
        struct pair pair;
        struct source last = {0};
        struct belay_source source = {.data = "abc", .release = release_and_free, .ctx = &last};
        if (how < 4) {
            pair_begin(&pair, NULL);
        } else { /* while it dials */
            pair_init(&pair, NULL);
            pair_dial(&pair, false);
        }
        last.conn = pair.client.conn;
        assert_int_equal(belay_core_conn_send_source(pair.client.conn, 0,
                                                     BELAY_RELIABLE_ORDERED, &source, 3, 0,
                                                     BELAY_NEVER, NULL),
                         0);
        if (how == 0)
            pair_run(&pair, SECOND); /* acknowledged */
        else if (how == 1)
            pair_run_silent(&pair, 100 * SECOND); /* timed out */
        else if (how == 2)
            pair_forge_hex(&pair, &pair.server, "0e");
        else if (how == 3)
            pair_forge_hex(&pair, &pair.server, "09 05 00");
        else if (how == 4)
            belay_core_conn_abort(pair.client.conn, 0x100, "");
        else
            pair_run_silent(&pair, 100 * SECOND);
        assert_int_equal(last.released, 1);
        pair_run_silent(&pair, 100 * SECOND);
        assert_int_equal(belay_core_conn_count(pair.client.core), 0);
        pair_dispose(&pair);
    }
}

/* ------------------------------------------------------------------ pause */

/* pair.c overwrites and frees what was received as soon as poll says 0. */
static void what_a_paused_app_leaves_survives_the_buffer(void **state)
{
    struct pair pair;
    (void)state;
    pair_begin(&pair, NULL);
    belay_core_conn_pause(pair.server.conn);
    for (unsigned i = 0; i < 60; i++) {
        pair_send_mode(&pair.client, i % 2, i % 2, i * 37, i);
        if (i % 7 == 0)
            pair_exchange(&pair);
    }
    assert_int_equal(belay_core_conn_close(pair.client.conn), 0);
    pair_run(&pair, SECOND);
    assert_int_equal(pair.server.event_count, 0);
    belay_core_conn_resume(pair.server.conn);
    pair_poll(&pair.server);
    assert_int_equal(pair.server.event_count, 61);
    for (unsigned i = 0; i < 60; i++) {
        bool found = false;
        for (size_t k = 0; k < 60 && !found; k++)
            found = pair.server.events[k].len == i * 37;
        assert_true(found);
    }
    for (size_t k = 0; k < 60; k++) /* the i-th has i * 37 bytes */
        pair_assert_message(&pair.server.events[k], (uint32_t)(pair.server.events[k].len % 2),
                            pair.server.events[k].len,
                            (unsigned)(pair.server.events[k].len / 37));
    assert_int_equal(pair.server.events[60].type, BELAY_CORE_EOF);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ free at any time */

/* The connection may have ended: then the message is refused. */
static void try_send(struct pair_end *end, uint32_t channel, size_t len)
{
    static const uint8_t data[20000];

    if (end->conn != NULL)
        belay_core_conn_send(end->conn, channel, BELAY_RELIABLE_ORDERED, data, len,
                             BELAY_SEND_NOTIFY, BELAY_NEVER, NULL);
}

static void free_inside_of_any_event(void **state)
{
    static const enum belay_core_event_type types[] = {
        BELAY_CORE_ACCEPTED, BELAY_CORE_CONNECTED, BELAY_CORE_MESSAGE, BELAY_CORE_SENT,
        BELAY_CORE_WRITABLE, BELAY_CORE_EOF,       BELAY_CORE_CLOSED};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(types) / sizeof(types[0]); i++) {
        struct pair pair;
        struct pair_end *end;
        pair_init(&pair, NULL);
        end = i % 2 ? &pair.client : &pair.server;
        end->free_on_event = true;
        end->free_on = types[i / 2];
        pair_dial(&pair, false);
        pair_send(&pair.client, 0, 5000, 1);
        for (unsigned turn = 0; turn < 20; turn++) {
            pair_run(&pair, 100 * MS);
            if (turn == 2 && pair.server.conn != NULL) {
                try_send(&pair.server, 1, 5000);
                belay_core_conn_close(pair.server.conn);
            }
            if (turn == 4 && pair.client.conn != NULL)
                belay_core_conn_close(pair.client.conn);
        }
        /* The server closes at once, so it hears of no room; each has one of the first two. */
        if (i / 2 > 1 && (types[i / 2] != BELAY_CORE_WRITABLE || end == &pair.client))
            assert_true(end->is_event_seen);
        pair_run(&pair, 60 * SECOND);
        for (size_t k = 0; k < 2; k++) {
            struct pair_end *left = k ? &pair.client : &pair.server;
            if (left->conn != NULL)
                belay_core_conn_free(left->conn);
        }
        pair_run(&pair, 60 * SECOND);
        assert_int_equal(belay_core_conn_count(pair.client.core), 0);
        assert_int_equal(belay_core_conn_count(pair.server.core), 0);
        pair_dispose(&pair);
    }
}

/* A script of steps; before each one of them a side may let go. */
static void script(struct pair *pair, unsigned step)
{
    struct belay_core_conn *client = pair->client.conn, *server = pair->server.conn;

    if (step == 1)
        try_send(&pair->client, 0, 20000);
    if (step == 4)
        try_send(&pair->server, 1, 20000);
    if (step == 6 && client != NULL)
        belay_core_conn_close(client);
    if (step == 8 && server != NULL)
        belay_core_conn_close(server);
    pair_collect(pair);
    while (pair->packet_count > 0)
        pair_deliver(pair, pair->packet_count > 1 ? pair->packet_count % 2 : 0);
    if (step >= 9)
        pair_run(pair, 50 * MS);
}

static void free_in_every_state(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 16; at++) {
        for (unsigned who = 1; who <= 3; who++) { /* bit 0: the client, bit 1: the server */
            struct pair pair;
            pair_init(&pair, NULL);
            pair_dial(&pair, at % 2);
            for (unsigned step = 0; step < 16; step++) {
                if (step == at && (who & 1) && pair.client.conn != NULL) {
                    belay_core_conn_free(pair.client.conn);
                    pair.client.conn = NULL;
                }
                if (step == at && (who & 2) && pair.server.conn != NULL) {
                    belay_core_conn_free(pair.server.conn);
                    pair.server.conn = NULL;
                }
                script(&pair, step);
            }
            pair_run(&pair, 60 * SECOND);
            if (pair.client.conn != NULL)
                belay_core_conn_free(pair.client.conn);
            if (pair.server.conn != NULL)
                belay_core_conn_free(pair.server.conn);
            pair_run(&pair, 60 * SECOND);
            assert_int_equal(belay_core_conn_count(pair.client.core), 0);
            assert_int_equal(belay_core_conn_count(pair.server.core), 0);
            pair_dispose(&pair);
        }
    }
}

/* ------------------------------------------------------------------ numbers near their wraps
 */

static void numbers_wrap(void **state)
{
    static const uint64_t firsts[] = {
        0,
        (1 << 16) - 3,
        (1 << 24) - 3,
        (UINT64_C(1) << 32) - 3,
        (UINT64_C(1) << 33) - 70,
        UINT64_C(1) << 61,
    };
    (void)state;
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        struct pair pair;
        struct belay_core_config config;
        pair_config(&config);
        config.window_messages = 16;
        config.first_packet_number = firsts[i];
        config.first_message_number = firsts[i];
        pair_begin(&pair, &config);
        for (unsigned k = 0; k < 100; k++) {
            pair_send_mode(&pair.client, 0, k % 2, 2000, k);
            pair_send(&pair.server, 0, 100, k);
            if (k % 5 == 4) {
                if (pair_collect(&pair) > 0)
                    pair_drop(&pair, pair.packet_count / 2);
                pair_exchange(&pair);
            }
        }
        pair_run(&pair, 10 * SECOND);
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 100);
        assert_int_equal(pair_count(&pair.client, BELAY_CORE_MESSAGE), 100);
        for (unsigned k = 0, seen = 0; seen < 100; k++) {
            if (pair.client.events[k].type != BELAY_CORE_MESSAGE)
                continue;
            pair_assert_message(&pair.client.events[k], 0, 100, seen++);
        }
        pair_dispose(&pair);
    }
}

/* ------------------------------------------------------------------ memory */

/* What it left in the packet cannot be copied: it goes, and so does the connection. */
static void a_paused_app_hears_when_memory_lacks(void **state)
{
    const struct pair_event *closed;
    struct pair pair;
    (void)state;
    pair_begin(&pair, NULL);
    pair_send(&pair.client, 0, 10, 0);
    pair_run(&pair, SECOND);
    pair_forget_events(&pair);
    belay_core_conn_pause(pair.server.conn);
    pair_send(&pair.client, 0, 1000, 1);
    assert_int_equal(pair_collect_from(&pair.client), 1);
    pair.server.memory.fail_at = -(long)(pair.server.memory.calls + 1);
    pair_deliver(&pair, 0);
    pair.server.memory.fail_at = 0;
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 0);
    closed = pair_closed(&pair.server);
    assert_int_equal(closed->error, BELAY_ENOMEM);
    assert_int_equal(closed->close_code, BELAY_CLOSE_MEMORY);
    pair_dispose(&pair);
}

/* Everything that a connection does, with the n-th allocation of one side failing. Returns
 * false when there was no n-th. */
static bool run_short_of_memory(long n, bool client_fails, bool for_good)
{
    struct pair pair;
    struct pair_end *end;
    const struct belay_path *path;
    struct belay_path to;
    uint8_t data[9000];
    bool failed;

    pair_init(&pair, NULL);
    end = client_fails ? &pair.client : &pair.server;
    end->memory.fail_at = (long)end->memory.calls + n;
    if (for_good)
        end->memory.fail_at = -end->memory.fail_at;
    memset(data, 7, sizeof(data));
    to = pair_path(&pair.client, &pair.server);
    path = &to;
    if (belay_core_connect(pair.client.core, path, false, NULL, &pair.client.conn) == 0) {
        for (unsigned turn = 0; turn < 12; turn++) {
            struct pair_end *from = turn % 3 == 2 ? &pair.server : &pair.client;
            if (from->conn != NULL)
                for (unsigned k = 0; k < 4; k++)
                    belay_core_conn_send(from->conn, turn % 5, turn % 2, data, 30 + k * 2900,
                                         BELAY_SEND_NOTIFY, BELAY_NEVER, NULL);
            if (pair.server.conn != NULL && turn == 4)
                belay_core_conn_pause(pair.server.conn);
            if (pair.server.conn != NULL && turn == 7)
                belay_core_conn_resume(pair.server.conn);
            pair_collect(&pair);
            while (pair.packet_count > 0)
                if (pair.packet_count % 5 == 3)
                    pair_drop(&pair, 0);
                else
                    pair_deliver(&pair, pair.packet_count / 2);
            pair_run(&pair, 20 * MS);
        }
        belay_core_conn_close(pair.client.conn);
        if (pair.server.conn != NULL)
            belay_core_conn_close(pair.server.conn);
    }
    pair_run(&pair, 120 * SECOND);
    failed = (long)end->memory.calls >= (for_good ? -end->memory.fail_at : end->memory.fail_at);
    /* Nobody is left in between: each that came up has been closed. */
    if (pair.client.conn != NULL && pair_count(&pair.client, BELAY_CORE_CLOSED) != 1)
        fail_msg("allocation %ld of the %s: the client hangs", n,
                 client_fails ? "client" : "server");
    if (pair_count(&pair.server, BELAY_CORE_ACCEPTED) !=
        pair_count(&pair.server, BELAY_CORE_CLOSED))
        fail_msg("allocation %ld of the %s: the server hangs", n,
                 client_fails ? "client" : "server");
    /* A message that was taken is reported once. */
    if (pair.client.conn != NULL) {
        struct belay_stats stats;
        belay_core_conn_stats(pair.client.conn, &stats, sizeof(stats));
        assert_int_equal(pair_count(&pair.client, BELAY_CORE_SENT), stats.messages_sent);
    }
    pair_dispose(&pair);
    return failed;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 4; which++) {
        long n = 1;
        while (run_short_of_memory(n, which & 1, which & 2))
            n++;
        assert_true(n > 20);
    }
}

static void all_memory_comes_back_while_the_core_lives(void **state)
{
    struct pair pair;
    size_t before_client, before_server;
    (void)state;
    pair_init(&pair, NULL);
    for (unsigned round = 0; round < 3; round++) {
        pair_connect(&pair);
        for (unsigned i = 0; i < 20; i++)
            pair_send(&pair.client, i, 30000, i);
        pair_run(&pair, SECOND);
        belay_core_conn_free(pair.client.conn);
        pair_run(&pair, SECOND);
        belay_core_conn_free(pair.server.conn);
        pair_run(&pair, 60 * SECOND);
        assert_int_equal(belay_core_conn_count(pair.client.core), 0);
        assert_int_equal(belay_core_conn_count(pair.server.core), 0);
        if (round > 0) {
            assert_int_equal(belay_core_memory_bytes(pair.client.core), before_client);
            assert_int_equal(belay_core_memory_bytes(pair.server.core), before_server);
        }
        before_client = belay_core_memory_bytes(pair.client.core);
        before_server = belay_core_memory_bytes(pair.server.core);
        pair_forget_events(&pair);
    }
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_says_what_is_wrong),
        cmocka_unit_test(what_was_queued_too_early_is_given_up),
        cmocka_unit_test(watermarks_say_when),
        cmocka_unit_test(writable_waits_for_what_was_refused),
        cmocka_unit_test(a_source_is_released_once),
        cmocka_unit_test(an_ending_connection_takes_nothing_from_a_release),
        cmocka_unit_test(a_release_may_free_the_connection),
        cmocka_unit_test(what_a_paused_app_leaves_survives_the_buffer),
        cmocka_unit_test(free_inside_of_any_event),
        cmocka_unit_test(free_in_every_state),
        cmocka_unit_test(numbers_wrap),
        cmocka_unit_test(a_paused_app_hears_when_memory_lacks),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(all_memory_comes_back_while_the_core_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
