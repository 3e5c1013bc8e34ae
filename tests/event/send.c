/* Messages: sizes, sources, numbers, back-pressure on both sides. */
#include "fixture.h"

#include <event2/buffer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (1u << 20)

static struct belay_listener *listener;
static struct side server, client;

static void open_pair(const struct belay_config *config)
{
    listener = open_sides("127.0.0.1", config, &server, &client);
}

static void close_pair(void)
{
    close_sides(listener, &server, &client);
}

static unsigned char *pattern(size_t len)
{
    unsigned char *bytes = malloc(len + 1);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(i * 7 + (i >> 8) * 13 + (i >> 16));
    return bytes;
}

static void messages_of_all_sizes(void **state)
{
    static const size_t sizes[] = {0,    1,     2,     1000, 1150, 1151,
                                   1300, 65535, 65536, MIB,  0,    3 * MIB + 1};
    size_t count = sizeof(sizes) / sizeof(sizes[0]);
    unsigned char *bytes = pattern(3 * MIB + 1);
    uint64_t hash;

    (void)state;
    open_pair(NULL);
    server.echo = true;
    hash = server.hash;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(belay_conn_send(client.conn, 0, sizes[i] > 0 ? bytes : NULL, sizes[i]),
                         0);
        hash = hash_bytes(hash, bytes, sizes[i]);
    }
    WAIT_FOR(client.messages == count);
    assert_true(server.hash == hash);
    assert_true(client.hash == hash);
    close_pair();
    free(bytes);
}

static void bad_messages_are_refused(void **state)
{
    struct belay_config config = test_config();
    unsigned char *bytes = pattern(70000);
    struct belay_conn *conn;

    (void)state;
    config.core.message_size_max = 65536;
    open_pair(&config);
    conn = client.conn;
    assert_int_equal(belay_conn_get_message_size_max(conn), 65536);
    assert_int_equal(belay_conn_send(conn, 0, bytes, 65537), BELAY_EMSGSIZE);
    assert_int_equal(belay_conn_send(conn, 256, bytes, 1), BELAY_EINVAL);
    assert_int_equal(belay_conn_send(conn, 0, NULL, 1), BELAY_EINVAL);
    assert_int_equal(
        belay_conn_send_message(conn, 0, BELAY_UNRELIABLE, bytes, 1, 0, BELAY_NEVER, NULL),
        BELAY_EINVAL);
    assert_int_equal(belay_conn_send_message(conn, 0, BELAY_RELIABLE_ORDERED, bytes, 1, 1,
                                             BELAY_NEVER, NULL),
                     BELAY_EINVAL);
    assert_int_equal(belay_conn_send_message(conn, 0, BELAY_RELIABLE_ORDERED, bytes, 1, 0,
                                             belay_deadline_in_ms(1000), NULL),
                     BELAY_EINVAL);
    assert_int_equal(belay_conn_get_queued(conn), 0);
    assert_int_equal(belay_conn_send(conn, 0, bytes, 65536), 0);
    WAIT_FOR(server.messages == 1);
    close_pair();
    free(bytes);
}

/* Numbers count from 1, and each message's end is told. */
static void sent_callbacks_name_their_messages(void **state)
{
    uint64_t number = 0;

    (void)state;
    open_pair(NULL);
    for (unsigned i = 1; i <= 50; i++) {
        enum belay_mode mode = i % 2 ? BELAY_RELIABLE_ORDERED : BELAY_RELIABLE_UNORDERED;

        assert_int_equal(belay_conn_send_message(client.conn, i % 5, mode, &i, sizeof(i), 0,
                                                 BELAY_NEVER, &number),
                         0);
        assert_int_equal(number, i);
    }
    WAIT_FOR(client.sents == 50 && server.messages == 50);
    assert_int_equal(client.sent_errors, 0);
    belay_conn_set_sent_cb(client.conn, NULL);
    assert_int_equal(belay_conn_send(client.conn, 0, "x", 1), 0);
    WAIT_FOR(server.messages == 51);
    close_pair();
    assert_int_equal(client.sents, 50);
}

/* ------------------------------------------------------------------ evbuffers */

static void release_reference(const void *data, size_t len, void *ctx)
{
    (void)data;
    (void)len;
    ++*(unsigned *)ctx;
}

/* len bytes in `chains` chains, none copied. */
static struct evbuffer *chained(const unsigned char *bytes, size_t len, size_t chains,
                                unsigned *released)
{
    struct evbuffer *buffer = evbuffer_new();
    size_t offset = 0;

    for (size_t i = 0; i < chains; i++) {
        size_t part = i + 1 == chains ? len - offset : len / chains;

        evbuffer_add_reference(buffer, bytes + offset, part, release_reference, released);
        offset += part;
    }
    return buffer;
}

static void an_evbuffer_of_many_chains(void **state)
{
    static const size_t chains[] = {1, 2, 1000};
    unsigned char *bytes = pattern(MIB);

    (void)state;
    open_pair(NULL);
    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        unsigned released = 0;
        struct evbuffer *buffer = chained(bytes, MIB, chains[i], &released);
        uint64_t hash = hash_bytes(server.hash, bytes, MIB), number = 0;

        assert_int_equal(belay_conn_send_buffer(client.conn, 0, BELAY_RELIABLE_ORDERED, buffer,
                                                0, BELAY_NEVER, &number),
                         0);
        assert_int_equal(number, i + 1);
        assert_int_equal(evbuffer_get_length(buffer), 0);
        evbuffer_free(buffer);
        assert_int_equal(released, 0); /* not copied: still in use */
        WAIT_FOR(server.messages == i + 1 && client.sents == i + 1);
        assert_true(server.hash == hash);
        WAIT_FOR(released == chains[i]);
    }
    close_pair();
    free(bytes);
}

static void free_reference(const void *data, size_t len, void *ctx)
{
    (void)len;
    ++*(unsigned *)ctx;
    free((void *)(uintptr_t)data);
}

/* Chains as a program makes them: each a block of its own, nothing behind its end. */
static void an_evbuffer_of_scattered_chains(void **state)
{
    static const size_t parts[] = {1, 2, 3, 17, 400};
    unsigned char *bytes = pattern(MIB);

    (void)state;
    open_pair(NULL);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct evbuffer *buffer = evbuffer_new();
        size_t part = MIB / 2 / parts[i], len = part * parts[i];
        uint64_t hash = hash_bytes(server.hash, bytes, len);
        unsigned released = 0;

        for (size_t offset = 0; offset < len; offset += part) {
            void *block = malloc(part);

            memcpy(block, bytes + offset, part);
            evbuffer_add_reference(buffer, block, part, free_reference, &released);
        }
        assert_int_equal(belay_conn_send_buffer(client.conn, 0, BELAY_RELIABLE_ORDERED, buffer,
                                                0, BELAY_NEVER, NULL),
                         0);
        evbuffer_free(buffer);
        WAIT_FOR(server.messages == i + 1 && client.sents == i + 1);
        assert_true(server.hash == hash);
        WAIT_FOR(released == parts[i]);
    }
    close_pair();
    free(bytes);
}

/* What leaves later is read later, from where it was: a copy would not see it change. */
static void an_evbuffer_is_not_copied(void **state)
{
    unsigned char *bytes = pattern(MIB);
    struct belay_endpoint_stats before, after;
    struct belay_endpoint *endpoint;
    unsigned released = 0;
    struct evbuffer *buffer;
    uint64_t hash;

    (void)state;
    for (size_t chains = 1; chains <= 3; chains += 2) {
        open_pair(NULL);
        buffer = chained(bytes, MIB, chains, &released);
        endpoint = belay_conn_get_endpoint(client.conn);
        belay_endpoint_get_stats(endpoint, &before, sizeof(before));
        assert_int_equal(belay_conn_send_buffer(client.conn, 0, BELAY_RELIABLE_ORDERED, buffer,
                                                0, BELAY_NEVER, NULL),
                         0);
        belay_endpoint_get_stats(endpoint, &after, sizeof(after));
        assert_true(after.memory_bytes < before.memory_bytes + MIB / 16);
        memset(bytes + MIB / 2, (int)chains, MIB / 2);
        hash = hash_bytes(server.hash, bytes, MIB);
        WAIT_FOR(server.messages == 1);
        assert_true(server.hash == hash);
        close_pair();
        evbuffer_free(buffer);
    }
    free(bytes);
}

static void an_evbuffer_that_is_refused_is_as_it_was(void **state)
{
    struct belay_config config = test_config();
    unsigned char *bytes = pattern(70000), *copy = malloc(70000);
    unsigned released = 0;
    struct evbuffer *buffer = chained(bytes, 70000, 7, &released);

    (void)state;
    config.core.message_size_max = 65536;
    open_pair(&config);
    assert_int_equal(belay_conn_send_buffer(client.conn, 0, BELAY_RELIABLE_ORDERED, buffer, 0,
                                            BELAY_NEVER, NULL),
                     BELAY_EMSGSIZE);
    assert_int_equal(released, 0);
    assert_int_equal(evbuffer_get_length(buffer), 70000);
    assert_int_equal(evbuffer_copyout(buffer, copy, 70000), 70000);
    assert_memory_equal(copy, bytes, 70000);
    evbuffer_drain(buffer, 70000);
    assert_int_equal(belay_conn_send_buffer(client.conn, 0, BELAY_RELIABLE_ORDERED, buffer, 0,
                                            BELAY_NEVER, NULL),
                     0); /* empty, and delivered */
    WAIT_FOR(server.messages == 1);
    assert_int_equal(server.last_len, 0);
    close_pair();
    evbuffer_free(buffer);
    free(bytes);
    free(copy);
}

static void buffers_of_a_connection_that_dies_are_released(void **state)
{
    unsigned char *bytes = pattern(MIB);
    unsigned released = 0;
    struct evbuffer *buffer = chained(bytes, MIB, 10, &released);

    (void)state;
    open_pair(NULL);
    assert_int_equal(belay_conn_send_buffer(client.conn, 0, BELAY_RELIABLE_ORDERED, buffer, 0,
                                            BELAY_NEVER, NULL),
                     0);
    belay_conn_free(client.conn);
    WAIT_FOR(server.closed);
    assert_int_equal(released, 10);
    belay_listener_free(listener);
    evbuffer_free(buffer);
    free(bytes);
}

/* ------------------------------------------------------------------ to many */

#define MANY 30

static void one_payload_to_all(void **state)
{
    struct side clients[MANY];
    unsigned char *bytes = pattern(100000);
    struct belay_endpoint *endpoint;
    unsigned seen = 0;
    bool all = false;

    (void)state;
    side_init(&server);
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    endpoint = belay_listener_get_endpoint(listener);
    assert_int_equal(belay_endpoint_broadcast(endpoint, 0, BELAY_RELIABLE_ORDERED, "x", 1), 0);
    for (int i = 0; i < MANY; i++) {
        side_init(&clients[i]);
        dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), NULL, 0, &clients[i]);
    }
    WAIT_FOR(server.accepted == MANY);
    assert_int_equal(
        belay_endpoint_broadcast(endpoint, 1, BELAY_RELIABLE_ORDERED, bytes, 100000), MANY);
    assert_int_equal(belay_endpoint_broadcast(endpoint, 1, BELAY_RELIABLE_ORDERED, NULL, 0),
                     MANY);
    assert_int_equal(belay_endpoint_broadcast(endpoint, 999, BELAY_RELIABLE_ORDERED, "x", 1),
                     0);
    for (struct belay_conn *conn = NULL;
         (conn = belay_endpoint_next_conn(endpoint, conn)) != NULL; seen++)
        assert_true(belay_conn_is_connected(conn));
    assert_int_equal(seen, MANY);
    while (!all) {
        turn_loop(__FILE__, __LINE__, "everyone has both");
        all = true;
        for (int i = 0; i < MANY; i++)
            all = all && clients[i].messages == 2;
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(clients[i].bytes, 100000);
        assert_true(clients[i].hash == clients[0].hash);
        belay_conn_free(clients[i].conn);
    }
    WAIT_FOR(server.closed == MANY);
    belay_listener_free(listener);
    free(bytes);
}

/* ------------------------------------------------------------------ back-pressure */

static unsigned fill_queue(size_t len)
{
    unsigned char *bytes = pattern(len);
    unsigned count = 0;
    int error;

    while ((error = belay_conn_send(client.conn, 0, bytes, len)) == 0)
        count++;
    assert_int_equal(error, BELAY_EAGAIN);
    free(bytes);
    return count;
}

static void watermarks_and_the_write_callback(void **state)
{
    unsigned count;

    (void)state;
    open_pair(NULL);
    belay_conn_setwatermark(client.conn, 10000, 50000);
    count = fill_queue(1000);
    assert_in_range(count, 40, 50); /* each costs a little more than its size */
    assert_in_range(belay_conn_get_queued(client.conn), 40000, 50000);
    assert_int_equal(client.writes, 0);
    WAIT_FOR(client.writes == 1);
    assert_true(belay_conn_get_queued(client.conn) <= 10000);
    /* With EV_WRITE off it waits. */
    belay_conn_disable(client.conn, EV_WRITE);
    assert_int_equal(belay_conn_get_enabled(client.conn), EV_READ);
    count += fill_queue(1000);
    WAIT_FOR(belay_conn_get_queued(client.conn) == 0 && server.messages == count);
    assert_int_equal(client.writes, 1);
    belay_conn_enable(client.conn, EV_WRITE);
    assert_int_equal(client.writes, 1); /* from the loop only */
    WAIT_FOR(client.writes == 2);
    assert_int_equal(belay_conn_enable(client.conn, EV_SIGNAL), BELAY_EINVAL);
    close_pair();
}

/* A window that two messages fill. */
static struct belay_config narrow(void)
{
    struct belay_config config = test_config();

    config.core.message_size_max = 16384;
    config.core.window_initial = config.core.window_max = 65536;
    config.core.send_queue_max = 512 * 1024;
    return config;
}

static void a_reader_that_stops_stops_its_sender(void **state)
{
    struct belay_config config = narrow();
    struct belay_stats stats = {0};
    unsigned count;
    uint64_t hash;
    unsigned char *bytes = pattern(16384);

    (void)state;
    open_pair(&config);
    belay_conn_disable(server.conn, EV_READ);
    count = fill_queue(16384);
    assert_in_range(count, 30, 32);
    while (stats.credit_blocked == 0) {
        turn_loop(__FILE__, __LINE__, "the sender is out of credit");
        belay_conn_get_stats(client.conn, &stats, sizeof(stats));
    }
    /* What is refused is no work: who waits for room in this loop sleeps. */
    count += fill_queue(16384);
    turn_loop(__FILE__, __LINE__, "what was queued is looked at");
    assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
    assert_int_equal(belay_conn_send(client.conn, 0, bytes, 16384), BELAY_EAGAIN);
    assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 0);
    assert_int_equal(server.messages, 0);
    assert_true(belay_conn_get_queued(client.conn) >= 512 * 1024 - 65536 - 2 * 16384);
    belay_conn_get_stats(server.conn, &stats, sizeof(stats));
    assert_true(stats.buffered_bytes <= 65536 + 16384);
    /* It reads again: everything comes, in order, once. */
    hash = server.hash;
    for (unsigned i = 0; i < count; i++)
        hash = hash_bytes(hash, bytes, 16384);
    belay_conn_enable(server.conn, EV_READ);
    assert_int_equal(server.messages, 0);
    WAIT_FOR(server.messages == count);
    assert_true(server.hash == hash);
    close_pair();
    free(bytes);
}

static void accept_mute(struct belay_listener *from, struct belay_conn *conn,
                        const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)from;
    (void)addr;
    (void)socklen;
    (void)ctx;
    server.accepted++;
    server.conn = conn;
}

/* No callback yet: messages, and the end, wait for one. */
static void without_a_message_callback_messages_wait(void **state)
{
    struct belay_config config = narrow();
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", 0, &addr);
    struct belay_stats stats = {0};

    (void)state;
    side_init(&server);
    side_init(&client);
    listener = belay_listener_new_bind(base, &config, accept_mute, NULL, 0,
                                       (struct sockaddr *)&addr, len);
    dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), &config, 0, &client);
    assert_int_equal(belay_conn_send(client.conn, 0, "one", 3), 0);
    assert_int_equal(belay_conn_send(client.conn, 0, "two", 3), 0);
    WAIT_FOR(client.sents == 2); /* acknowledged: stored, not read */
    belay_conn_get_stats(server.conn, &stats, sizeof(stats));
    assert_int_equal(stats.messages_delivered, 0);
    side_adopt(&server, server.conn);
    assert_int_equal(server.messages, 0);
    WAIT_FOR(server.messages == 2);
    close_pair();
}

static uint64_t sent_datagrams(struct belay_conn *conn)
{
    struct belay_endpoint_stats stats;

    belay_endpoint_get_stats(belay_conn_get_endpoint(conn), &stats, sizeof(stats));
    return stats.datagrams_sent;
}

/* What fills no two trains waits for the end of the turn, so that trains are full; more does
 * not. */
static void a_long_turn_sends_early(void **state)
{
    static const char data[1000];
    uint64_t before;

    (void)state;
    open_pair(NULL);
    before = sent_datagrams(client.conn);
    for (int i = 0; i < 130; i++)
        assert_int_equal(belay_conn_send(client.conn, 0, data, sizeof(data)), 0);
    assert_int_equal(sent_datagrams(client.conn), before);
    for (int i = 0; i < 2; i++)
        assert_int_equal(belay_conn_send(client.conn, 0, data, sizeof(data)), 0);
    assert_true(sent_datagrams(client.conn) >= before + 2);
    WAIT_FOR(server.messages == 132);
    assert_int_equal(server.bytes, 132 * 1000);
    close_pair();
}

int main(void)
{
    const struct CMUnitTest send[] = {
        EVENT_TEST(messages_of_all_sizes),
        EVENT_TEST(bad_messages_are_refused),
        EVENT_TEST(sent_callbacks_name_their_messages),
        EVENT_TEST(an_evbuffer_of_many_chains),
        EVENT_TEST(an_evbuffer_of_scattered_chains),
        EVENT_TEST(an_evbuffer_is_not_copied),
        EVENT_TEST(an_evbuffer_that_is_refused_is_as_it_was),
        EVENT_TEST(buffers_of_a_connection_that_dies_are_released),
        EVENT_TEST(one_payload_to_all),
        EVENT_TEST(watermarks_and_the_write_callback),
        EVENT_TEST(a_reader_that_stops_stops_its_sender),
        EVENT_TEST(without_a_message_callback_messages_wait),
        EVENT_TEST(a_long_turn_sends_early),
    };

    return RUN_BOTH(send);
}
