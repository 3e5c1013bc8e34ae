/*
 * Datagrams in and out when the system is unwilling. The linker puts this file's sendmsg,
 * sendmmsg and recvmsg in front of the real ones (--wrap), and they fail by plan.
 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UDP_SEGMENT_OPTION 103
#define UDP_GRO_OPTION     104

static struct {
    int error;         /* what fails say */
    unsigned every;    /* each n-th call fails; 0: none */
    bool trains_only;  /* only calls with a train */
    unsigned at_most;  /* messages a sendmmsg takes; 0: all */
    unsigned lose;     /* of 100 messages the "network" loses so many */
    uint64_t seed;     /* of what it loses */
    bool no_mmsg;      /* a system without these calls */
    unsigned truncate; /* each n-th message that comes says that it was cut; 0: none */
    unsigned came, truncated;
    unsigned calls, failures, trains, batches, trains_in, batches_in;
    uint32_t datagram_size_max; /* 0: as the least */
    bool gso, gro, mmsg;        /* the configuration's */
} plan;

static void plan_clear(void)
{
    memset(&plan, 0, sizeof(plan));
    plan.gso = plan.gro = plan.mmsg = true;
}

ssize_t __real_sendmsg(int fd, const struct msghdr *header, int flags);
int __real_sendmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *header, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *header, int flags);
int __real_recvmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags,
                    struct timespec *timeout);
ssize_t __wrap_recvmsg(int fd, struct msghdr *header, int flags);
int __wrap_recvmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags,
                    struct timespec *timeout);

static bool has_option(const struct msghdr *header, int option)
{
    struct msghdr copy = *header;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&copy); cmsg != NULL;
         cmsg = CMSG_NXTHDR(&copy, cmsg))
        if (cmsg->cmsg_level == IPPROTO_UDP && cmsg->cmsg_type == option)
            return true;
    return false;
}

static bool is_train(const struct msghdr *header)
{
    return has_option(header, UDP_SEGMENT_OPTION);
}

static bool fails(const struct msghdr *header)
{
    plan.calls++;
    plan.trains += is_train(header);
    if (plan.every == 0 || plan.calls % plan.every != 0)
        return false;
    if (plan.trains_only && !is_train(header))
        return false;
    plan.failures++;
    errno = plan.error;
    return true;
}

static bool is_lost(void)
{
    if (plan.lose == 0)
        return false;
    plan.seed = plan.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (plan.seed >> 33) % 100 < plan.lose;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *header, int flags)
{
    if (is_lost())
        return (ssize_t)header->msg_iov->iov_len;
    return fails(header) ? -1 : __real_sendmsg(fd, header, flags);
}

static void note_arrival(struct msghdr *header)
{
    plan.trains_in += has_option(header, UDP_GRO_OPTION);
    if (plan.truncate == 0 || ++plan.came % plan.truncate != 0)
        return;
    header->msg_flags |= MSG_TRUNC;
    plan.truncated++;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *header, int flags)
{
    ssize_t len = __real_recvmsg(fd, header, flags);

    if (len >= 0 && (flags & MSG_ERRQUEUE) == 0)
        note_arrival(header);
    return len;
}

int __wrap_recvmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags,
                    struct timespec *timeout)
{
    int got;

    if (plan.no_mmsg) {
        errno = ENOSYS;
        return -1;
    }
    plan.batches_in++;
    got = __real_recvmmsg(fd, headers, count, flags, timeout);
    for (int i = 0; i < got; i++)
        note_arrival(&headers[i].msg_hdr);
    return got;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags)
{
    if (plan.no_mmsg) {
        errno = ENOSYS;
        return -1;
    }
    plan.batches++;
    if (is_lost())
        return 1;
    if (fails(&headers[0].msg_hdr))
        return -1;
    if (plan.at_most > 0 && count > plan.at_most)
        count = plan.at_most;
    return __real_sendmmsg(fd, headers, count, flags);
}

/* ------------------------------------------------------------------ sending */

#define BIG     300000
#define BIG_ALL 12

/* Everything arrives under the plan; the client's endpoint tells how it went. */
static struct belay_endpoint_stats transfer(struct belay_stats *conn_stats)
{
    struct belay_endpoint_stats stats;
    struct belay_config config = test_config();
    struct side server, client;
    struct belay_listener *listener;
    unsigned char *bytes = malloc(BIG);
    uint64_t hash;

    /* Small datagrams, so that there are trains. */
    config.core.datagram_size_max = config.core.datagram_size;
    if (plan.datagram_size_max > 0)
        config.core.datagram_size_max = plan.datagram_size_max;
    config.gso = plan.gso;
    config.gro = plan.gro;
    config.mmsg = plan.mmsg;

    side_init(&server);
    side_init(&client);
    for (int i = 0; i < BIG; i++)
        bytes[i] = (unsigned char)(i * 31 + (i >> 8));
    hash = server.hash;
    listener = listen_on("127.0.0.1", &config, 0, &server);
    dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), &config, 0, &client);
    for (int i = 0; i < BIG_ALL; i++) {
        assert_int_equal(belay_conn_send(client.conn, 0, bytes, BIG), 0);
        hash = hash_bytes(hash, bytes, BIG);
    }
    WAIT_FOR(server.messages == BIG_ALL && client.sents == BIG_ALL);
    assert_true(server.hash == hash);
    belay_endpoint_get_stats(belay_conn_get_endpoint(client.conn), &stats, sizeof(stats));
    belay_conn_get_stats(client.conn, conn_stats, sizeof(*conn_stats));
    plan.every = 0;
    belay_conn_close(client.conn);
    WAIT_FOR(client.closed && server.closed);
    belay_listener_free(listener);
    free(bytes);
    return stats;
}

static void nothing_is_lost_while_the_system_says_not_now(void **state)
{
    static const int errors[] = {EAGAIN, ENOBUFS, EINTR};

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct belay_endpoint_stats stats;
        struct belay_stats conn;

        plan_clear();
        plan.error = errors[i];
        plan.every =
            errors[i] == ENOBUFS && portable ? 50 : 3; /* which costs a millisecond each time */
        stats = transfer(&conn);
        assert_true(plan.failures > 0);
        assert_int_equal(stats.send_errors, 0);
        assert_int_equal(stats.send_blocked > 0, errors[i] != EINTR);
        /* Nothing lost by the way: what was counted as sent arrived. */
        assert_int_equal(conn.packets_lost, conn.packets_spurious);
    }
}

/* A dial is given up while its socket takes nothing: the others' sockets do, whenever that one
 * is shut. */
static void a_socket_that_is_shut_blocks_nobody(void **state)
{
    struct belay_config config = test_config();
    struct belay_listener *listener;
    struct belay_endpoint *endpoint;
    struct belay_endpoint_stats stats;
    struct side server, client;
    struct sockaddr_storage addr;
    struct belay_conn *other;
    int len;

    (void)state;
    if (!has_ipv6())
        skip();
    plan_clear();
    side_init(&server);
    side_init(&client);
    listener = listen_on("127.0.0.1", &config, 0, &server);
    endpoint = belay_endpoint_new(base, &config, 0);
    len = make_address("127.0.0.1", port_of(belay_listener_get_fd(listener)), &addr);
    side_adopt(&client, belay_endpoint_connect(endpoint, (struct sockaddr *)&addr, len));
    WAIT_FOR(client.connected && server.accepted);
    /* Until its NEW_CONNECTION_IDs are there, which a move needs. */
    assert_int_equal(belay_conn_send(client.conn, 0, "one", 3), 0);
    WAIT_FOR(client.sents == 1 && server.messages == 1);

    len = make_address("::1", 9, &addr);
    other = belay_endpoint_connect(endpoint, (struct sockaddr *)&addr, len);
    assert_non_null(other);
    plan.error = EAGAIN;
    plan.every = 1;
    do {
        turn_loop(__FILE__, __LINE__, "the system takes nothing");
        belay_endpoint_get_stats(endpoint, &stats, sizeof(stats));
    } while (stats.send_blocked == 0);
    belay_conn_free(other);
    plan.every = 0;
    assert_int_equal(belay_conn_rebind(client.conn), 0);
    assert_int_equal(belay_conn_send(client.conn, 0, "two", 3), 0);
    WAIT_FOR(server.messages == 2);
    belay_conn_close(client.conn);
    WAIT_FOR(client.closed && server.closed);
    belay_endpoint_free(endpoint);
    belay_listener_free(listener);
}

static void a_train_that_cannot_be_cut_goes_singly(void **state)
{
    static const int errors[] = {EIO, EINVAL, EMSGSIZE};

    (void)state;
    if (portable)
        skip();
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct belay_endpoint_stats stats;
        struct belay_stats conn;

        plan_clear();
        plan.error = errors[i];
        plan.every = 1;
        plan.trains_only = true;
        stats = transfer(&conn);
        assert_true(plan.failures > 0);
        assert_true(plan.trains <= 4); /* two tries a socket, then no more */
        assert_int_equal(stats.send_errors, 0);
        assert_int_equal(conn.packets_lost, conn.packets_spurious);
    }
}

static void trains_are_used_where_they_can_be(void **state)
{
    struct belay_endpoint_stats stats;
    struct belay_stats conn;
    int value = 0, fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t len = sizeof(value);
    bool can = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT_OPTION, &value, &len) == 0;

    (void)state;
    close(fd);
    plan_clear();
    stats = transfer(&conn);
    if (portable) {
        assert_int_equal(plan.trains, 0);
        assert_true(stats.send_calls >= stats.datagrams_sent);
        assert_true(stats.receive_calls >= stats.datagrams_received);
    } else if (can) {
        assert_true(plan.trains > 0);
        assert_true(stats.datagrams_sent > 4 * stats.send_calls);
    }
}

static bool system_has(int option)
{
    int value = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool has = setsockopt(fd, IPPROTO_UDP, option, &value, sizeof(value)) == 0;

    close(fd);
    return has;
}

/* Each fast path is used when it is on and the system has it, and never else; all arrives in
 * every mixture. */
static void each_fast_path_has_a_switch(void **state)
{
    bool has_gso = system_has(UDP_SEGMENT_OPTION), has_gro = system_has(UDP_GRO_OPTION);

    (void)state;
    for (unsigned mix = 0; mix < 16; mix++) {
        struct belay_endpoint_stats stats;
        struct belay_stats conn;

        plan_clear();
        plan.gso = mix & 1;
        plan.gro = mix & 2;
        plan.mmsg = mix & 4;
        plan.no_mmsg = mix & 8;
        stats = transfer(&conn);
        assert_int_equal(stats.send_errors, 0);
        assert_int_equal(plan.trains > 0, plan.gso && has_gso && !portable);
        assert_int_equal(plan.trains_in > 0,
                         plan.gso && plan.gro && has_gso && has_gro && !portable);
        assert_int_equal(plan.batches_in > 0, plan.mmsg && !plan.no_mmsg && !portable);
        if (!plan.gso) /* else a train may be all that there is */
            assert_int_equal(plan.batches > 0, plan.mmsg && !plan.no_mmsg && !portable);
    }
}

static void a_system_that_takes_one_message_of_many(void **state)
{
    struct belay_stats conn;

    (void)state;
    plan_clear();
    plan.at_most = 1;
    transfer(&conn);
    /* And when trains are off, too. */
    plan.error = EIO;
    plan.every = 1;
    plan.trains_only = true;
    transfer(&conn);
}

/* An error that is none of ours loses a datagram at most, and the library repeats it. */
static void other_errors_lose_a_datagram_at_most(void **state)
{
    struct belay_endpoint_stats stats;
    struct belay_stats conn;

    (void)state;
    plan_clear();
    plan.error = EPERM;
    plan.every = 5;
    stats = transfer(&conn);
    assert_true(plan.failures > 0);
    assert_int_equal(stats.send_errors, 0); /* each second try went through */
}

/* The whole way, handshake and close included, with everything lost now and then. */
static void what_the_network_loses_is_repeated(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 10; seed++) {
        struct side server, client;
        struct belay_listener *listener;

        print_message("seed %u\n", seed);
        plan_clear();
        plan.seed = seed;
        plan.lose = 20;
        side_init(&server);
        side_init(&client);
        server.echo = true;
        listener = listen_on("127.0.0.1", NULL, 0, &server);
        dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), NULL, 0, &client);
        for (unsigned i = 0; i < 100; i++)
            assert_int_equal(belay_conn_send(client.conn, 0, &i, sizeof(i)), 0);
        WAIT_FOR(client.messages == 100);
        assert_true(client.hash == server.hash);
        belay_conn_close(client.conn);
        WAIT_FOR(client.closed && server.closed);
        assert_int_equal(client.error, 0);
        assert_int_equal(server.error, 0);
        belay_listener_free(listener);
    }
}

/* ------------------------------------------------------------------ receiving */

/* Empty datagrams and noise, many at once: counted, dropped, and nobody is starved. */
static void noise_is_counted_and_dropped(void **state)
{
    struct belay_endpoint_stats stats;
    struct side server, client;
    struct belay_listener *listener;
    struct sockaddr_storage addr;
    static char noise[65507];
    int len, fd = socket(AF_INET, SOCK_DGRAM, 0);
    unsigned port;

    (void)state;
    plan_clear();
    side_init(&server);
    side_init(&client);
    server.echo = true;
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    port = port_of(belay_listener_get_fd(listener));
    len = make_address("127.0.0.1", port, &addr);
    for (int i = 0; i < 600; i++) {
        size_t size = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : 1200;

        memset(noise, 0xc0 + i % 64, size);
        sendto(fd, noise, size, 0, (struct sockaddr *)&addr, (socklen_t)len);
    }
    memset(noise, 0xff, sizeof(noise));
    sendto(fd, noise, sizeof(noise), 0, (struct sockaddr *)&addr, (socklen_t)len);
    dial("127.0.0.1", port, NULL, 0, &client);
    belay_conn_send(client.conn, 0, "through", 7);
    WAIT_FOR(client.messages == 1);
    belay_endpoint_get_stats(belay_listener_get_endpoint(listener), &stats, sizeof(stats));
    assert_true(stats.datagrams_received > 601);
    assert_int_equal(stats.receive_truncated, 0);
    belay_conn_free(client.conn);
    WAIT_FOR(server.closed);
    belay_listener_free(listener);
    close(fd);
}

/* What the system cut short is dropped, whole, and comes again. */
static void what_is_truncated_is_dropped(void **state)
{
    struct belay_stats conn;

    (void)state;
    plan_clear();
    plan.truncate = 5;
    transfer(&conn); /* which checks each byte */
    assert_true(plan.truncated > 0);
    assert_true(conn.packets_lost > 0 || conn.packets_retransmitted > 0);
}

static unsigned ticks;

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)ctx;
    ticks++;
}

/* A turn takes a bounded number: the loop's other events come in between. */
static void a_flood_leaves_turns_to_others(void **state)
{
    struct belay_endpoint_stats stats;
    struct side server;
    struct belay_listener *listener;
    struct sockaddr_storage addr;
    struct event *tick = event_new(base, -1, 0, on_tick, NULL);
    int len, fd = socket(AF_INET, SOCK_DGRAM, 0);

    (void)state;
    plan_clear();
    side_init(&server);
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    len = make_address("127.0.0.1", port_of(belay_listener_get_fd(listener)), &addr);
    for (int i = 0; i < 2000; i++)
        sendto(fd, "", 0, 0, (struct sockaddr *)&addr, (socklen_t)len);
    ticks = 0;
    do {
        event_active(tick, EV_TIMEOUT, 1);
        turn_loop(__FILE__, __LINE__, "the flood is over");
        belay_endpoint_get_stats(belay_listener_get_endpoint(listener), &stats, sizeof(stats));
    } while (stats.datagrams_received < 2000);
    assert_true(ticks >= 2000 / 512);
    event_free(tick);
    belay_listener_free(listener);
    close(fd);
}

/* ------------------------------------------------------------------ addresses */

/* On a wildcard socket an answer comes from the address that was asked: else the client, who
 * knows its peer by address, would not hear it. */
static void answers_come_from_the_address_that_was_asked(void **state)
{
    static const struct {
        const char *bound, *asked;
    } rows[] = {
        {"0.0.0.0", "127.0.0.1"},
        {"0.0.0.0", "127.0.0.2"},
        {"0.0.0.0", "127.1.2.3"},
        {"::", "127.0.0.2"},
        {"::", "::1"},
    };

    (void)state;
    plan_clear();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct side server, client;
        struct belay_listener *listener;
        struct sockaddr_storage addr, local;
        int len, local_len = sizeof(local);
        unsigned port;
        static char bytes[100000];

        if (rows[i].bound[0] == ':' && !has_ipv6())
            continue;
        side_init(&server);
        side_init(&client);
        server.echo = true;
        listener = listen_on(rows[i].bound, NULL, 0, &server);
        port = port_of(belay_listener_get_fd(listener));
        dial(rows[i].asked, port, NULL, 0, &client);
        belay_conn_send(client.conn, 0, bytes, sizeof(bytes)); /* trains, too */
        WAIT_FOR(client.messages == 1);
        len = make_address(rows[i].asked, port, &addr);
        assert_int_equal(
            belay_conn_get_local(server.conn, (struct sockaddr *)&local, &local_len), 0);
        assert_int_equal(local_len, len);
        assert_memory_equal(&local, &addr, (size_t)len);
        local_len = sizeof(local);
        assert_int_equal(
            belay_conn_get_peer(client.conn, (struct sockaddr *)&local, &local_len), 0);
        assert_memory_equal(&local, &addr, (size_t)len);
        belay_conn_free(client.conn);
        WAIT_FOR(server.closed);
        belay_listener_free(listener);
    }
}

int main(void)
{
    const struct CMUnitTest io[] = {
        EVENT_TEST(trains_are_used_where_they_can_be),
        EVENT_TEST(nothing_is_lost_while_the_system_says_not_now),
        EVENT_TEST(a_socket_that_is_shut_blocks_nobody),
        EVENT_TEST(a_train_that_cannot_be_cut_goes_singly),
        EVENT_TEST(each_fast_path_has_a_switch),
        EVENT_TEST(a_system_that_takes_one_message_of_many),
        EVENT_TEST(other_errors_lose_a_datagram_at_most),
        EVENT_TEST(what_the_network_loses_is_repeated),
        EVENT_TEST(noise_is_counted_and_dropped),
        EVENT_TEST(what_is_truncated_is_dropped),
        EVENT_TEST(a_flood_leaves_turns_to_others),
        EVENT_TEST(answers_come_from_the_address_that_was_asked),
    };

    return RUN_BOTH(io);
}
