/* Endpoints of several threads at one address, over loopback. */
#include "fixture.h"

#include "endpoint/shard.h"
#include "event/endpoint.h"
#include "event/shards.h"

#include <errno.h>
#include <linux/filter.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define SHARDS   3
#define CLIENTS  16
#define MESSAGES 20

/* ------------------------------------------------------------------ servers, a thread each */

struct server {
    struct event_base *base;
    struct belay_endpoint *endpoint;
    pthread_t thread;
    int stop[2]; /* a byte ends it */
    struct belay_endpoint_stats stats;
};

static struct server servers[SHARDS];
static struct belay_shards *shards;
static atomic_uint accepted, accepted_by[SHARDS], closed;

static void echo(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                 void *ctx)
{
    (void)ctx;
    belay_conn_send(conn, channel, data, len);
}

static void on_server_event(struct belay_conn *conn, short what, void *ctx)
{
    (void)ctx;
    if (what & BELAY_EVENT_EOF)
        belay_conn_close(conn);
    if (what & BELAY_EVENT_CLOSED) {
        closed++;
        belay_conn_free(conn);
    }
}

static void on_accept(struct belay_listener *listener, struct belay_conn *conn,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    const struct server *server = ctx;

    (void)listener, (void)addr, (void)socklen;
    accepted++;
    accepted_by[server - servers]++;
    belay_conn_setcb(conn, echo, NULL, on_server_event, NULL);
}

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
    struct server *server = ctx;

    (void)fd, (void)what;
    belay_endpoint_get_stats(server->endpoint, &server->stats, sizeof(server->stats));
    belay_endpoint_free(server->endpoint);
    event_base_loopbreak(server->base);
}

static void *serve(void *ctx)
{
    struct server *server = ctx;
    struct event *stop = event_new(server->base, server->stop[0], EV_READ, on_stop, server);

    event_add(stop, NULL);
    event_base_dispatch(server->base);
    event_free(stop);
    return NULL;
}

static unsigned open_servers(void)
{
    struct belay_config config = test_config();
    struct sockaddr_storage addr;
    unsigned port;

    accepted = closed = 0;
    shards = belay_shards_new(&config, SHARDS);
    assert_non_null(shards);
    for (unsigned i = 0; i < SHARDS; i++) {
        accepted_by[i] = 0;
        servers[i] = (struct server){.base = event_base_new()};
        assert_int_equal(pipe(servers[i].stop), 0);
        servers[i].endpoint = belay_shards_endpoint(shards, i, servers[i].base, 0);
        assert_non_null(servers[i].endpoint);
    }
    assert_int_equal(belay_shards_bind(shards, (struct sockaddr *)&addr,
                                       make_address("127.0.0.1", 0, &addr)),
                     0);
    port = port_of(belay_endpoint_get_fd(servers[0].endpoint, 0));
    for (unsigned i = 0; i < SHARDS; i++) {
        assert_int_equal(port_of(belay_endpoint_get_fd(servers[i].endpoint, 0)), port);
        assert_non_null(belay_endpoint_listen(servers[i].endpoint, on_accept, &servers[i]));
    }
    belay_shards_free(shards);
    return port;
}

static void start_servers(void)
{
    for (unsigned i = 0; i < SHARDS; i++)
        assert_int_equal(pthread_create(&servers[i].thread, NULL, serve, &servers[i]), 0);
}

static struct belay_endpoint_stats stop_servers(void)
{
    struct belay_endpoint_stats all = {0};

    for (unsigned i = 0; i < SHARDS; i++) {
        assert_int_equal(write(servers[i].stop[1], "", 1), 1);
        assert_int_equal(pthread_join(servers[i].thread, NULL), 0);
        event_base_free(servers[i].base);
        close(servers[i].stop[0]);
        close(servers[i].stop[1]);
        all.handed_over += servers[i].stats.handed_over;
        all.handovers_dropped += servers[i].stats.handovers_dropped;
    }
    return all;
}

/* ------------------------------------------------------------------ clients, in this thread */

static struct side clients[CLIENTS];

static bool all(unsigned messages)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        if (clients[i].messages < messages)
            return false;
    return true;
}

static void connect_clients(unsigned port)
{
    struct belay_config config = test_config();

    for (unsigned i = 0; i < CLIENTS; i++) {
        side_init(&clients[i]);
        side_adopt(&clients[i], dial("127.0.0.1", port, &config, 0, &clients[i]));
    }
}

static void talk(unsigned messages)
{
    unsigned before = clients[0].messages;

    for (unsigned m = 0; m < messages; m++)
        for (unsigned i = 0; i < CLIENTS; i++)
            assert_int_equal(belay_conn_send(clients[i].conn, 0, "hello", 5), 0);
    WAIT_FOR(all(before + messages));
}

static void close_clients(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < CLIENTS; i++)
        belay_conn_close(clients[i].conn);
    while (count < CLIENTS) {
        turn_loop(__FILE__, __LINE__, "all clients close");
        count = 0;
        for (unsigned i = 0; i < CLIENTS; i++)
            count += clients[i].closed;
    }
}

/* The kernel brings all packets of the group to one socket, or by what they are. */
static void steer_all_to(unsigned shard)
{
    struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, shard)};
    struct sock_fprog program = {.len = 1, .filter = code};

    assert_int_equal(setsockopt(belay_endpoint_get_fd(servers[0].endpoint, 0), SOL_SOCKET,
                                SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)),
                     0);
}

/* ------------------------------------------------------------------ stories */

/* An endpoint that goes before the addresses are bound is missing then. */
static void nothing_is_bound_for_an_endpoint_that_is_gone(void **state)
{
    struct belay_config config = test_config();
    struct belay_endpoint *endpoints[2];
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", 0, &addr);
    (void)state;

    shards = belay_shards_new(&config, 2);
    assert_non_null(shards);
    for (unsigned i = 0; i < 2; i++)
        endpoints[i] = belay_shards_endpoint(shards, i, base, 0);
    for (unsigned i = 0; i < 2; i++) {
        belay_endpoint_free(endpoints[i]);
        assert_int_equal(belay_shards_bind(shards, (struct sockaddr *)&addr, len),
                         BELAY_EINVAL);
        assert_int_equal(belay_shards_bind_any(shards, 0), BELAY_EINVAL);
    }
    belay_shards_free(shards);
}

static void each_thread_serves_its_own(void **state)
{
    unsigned port = open_servers(), most = 0;
    struct belay_endpoint_stats stats;
    (void)state;

    start_servers();
    connect_clients(port);
    talk(MESSAGES);
    close_clients();
    stats = stop_servers();
    assert_int_equal(accepted, CLIENTS);
    for (unsigned i = 0; i < SHARDS; i++)
        most = accepted_by[i] > most ? accepted_by[i] : most;
    /* Sixteen clients at one of three by chance: 3 in 3^16. */
    assert_true(most < CLIENTS);
    /* The kernel knows whose a packet is. */
    assert_int_equal(stats.handed_over, 0);
    assert_int_equal(stats.handovers_dropped, 0);
}

static void what_is_steered_wrong_is_handed_over(void **state)
{
    unsigned port = open_servers();
    struct belay_endpoint_stats stats;
    (void)state;

    start_servers();
    connect_clients(port);
    talk(1);
    for (unsigned to = 0; to < SHARDS; to++) {
        steer_all_to(to);
        talk(MESSAGES);
    }
    close_clients();
    stats = stop_servers();
    assert_int_equal(accepted, CLIENTS);
    assert_true(stats.handed_over > 0);
    assert_int_equal(stats.handovers_dropped, 0);
}

static void a_peer_that_moves_is_found_by_its_shard(void **state)
{
    unsigned port = open_servers();
    struct belay_endpoint_stats stats;
    (void)state;

    start_servers();
    connect_clients(port);
    talk(2);
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(belay_conn_rebind(clients[i].conn), 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        WAIT_FOR(clients[i].rebounds == 1);
    talk(MESSAGES);
    close_clients();
    stats = stop_servers();
    assert_int_equal(stats.handed_over, 0);
}

/* Who does not run gets no more than its queue holds; the rest is lost, and counted. */
static void the_queue_of_one_that_sleeps_is_bounded(void **state)
{
    unsigned port = open_servers();
    struct belay_endpoint *first = servers[0].endpoint;
    const struct belay_core_config *core = &first->config.core;
    uint8_t packet[40] = {0xf0};
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", port, &addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    (void)state;

    steer_all_to(0);
    belay_shard_mark(packet + 1, core->shard_key, 1);
    for (unsigned i = 0; i < 1500; i++) {
        assert_int_equal(
            sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&addr, (socklen_t)len),
            sizeof(packet));
        while (first->stats.handed_over <= i)
            event_base_loop(servers[0].base, EVLOOP_ONCE);
    }
    assert_int_equal(first->stats.handed_over, 1500);
    assert_int_equal(first->stats.handovers_dropped, 1500 - 1024);
    /* Gone: all is dropped. */
    belay_endpoint_free(servers[1].endpoint);
    steer_all_to(0);
    assert_int_equal(
        sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&addr, (socklen_t)len),
        sizeof(packet));
    while (first->stats.handed_over <= 1500)
        event_base_loop(servers[0].base, EVLOOP_ONCE);
    assert_int_equal(first->stats.handovers_dropped, 1500 - 1024 + 1);
    close(fd);
    for (unsigned i = 0; i < SHARDS; i++) {
        if (i != 1)
            belay_endpoint_free(servers[i].endpoint);
        event_base_free(servers[i].base);
        close(servers[i].stop[0]);
        close(servers[i].stop[1]);
    }
}

static void wrong_use_is_refused(void **state)
{
    struct belay_config config = test_config();
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", 0, &addr);
    struct belay_endpoint *endpoint;
    (void)state;

    errno = 0;
    assert_null(belay_shards_new(&config, 0));
    assert_int_equal(errno, EINVAL);
    assert_null(belay_shards_new(&config, 257));
    shards = belay_shards_new(&config, 2);
    assert_non_null(shards);
    assert_null(belay_shards_endpoint(shards, 2, base, 0));
    assert_int_equal(errno, EINVAL);
    endpoint = belay_shards_endpoint(shards, 0, base, 0);
    assert_non_null(endpoint);
    assert_null(belay_shards_endpoint(shards, 0, base, 0));
    assert_int_equal(belay_shards_bind(shards, (struct sockaddr *)&addr, len), BELAY_EINVAL);
    belay_endpoint_free(endpoint);
    belay_shards_free(shards);
    belay_shards_free(NULL);
}

/* An address that is taken: nothing stays bound, and another one can be. */
static void a_failed_bind_leaves_nothing(void **state)
{
    struct belay_config config = test_config();
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", 0, &addr), fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct belay_endpoint *endpoints[2];
    (void)state;

    assert_int_equal(bind(fd, (struct sockaddr *)&addr, (socklen_t)len), 0);
    len = make_address("127.0.0.1", port_of(fd), &addr);
    shards = belay_shards_new(&config, 2);
    for (unsigned i = 0; i < 2; i++)
        endpoints[i] = belay_shards_endpoint(shards, i, base, 0);
    assert_int_equal(belay_shards_bind(shards, (struct sockaddr *)&addr, len), BELAY_ESYS);
    assert_int_equal(errno, EADDRINUSE);
    close(fd);
    assert_int_equal(belay_shards_bind(shards, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(belay_shards_bind_any(shards, 0), 0);
    for (unsigned i = 0; i < 2; i++)
        belay_endpoint_free(endpoints[i]);
    belay_shards_free(shards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVENT_TEST(nothing_is_bound_for_an_endpoint_that_is_gone),
        EVENT_TEST(each_thread_serves_its_own),
        EVENT_TEST(what_is_steered_wrong_is_handed_over),
        EVENT_TEST(a_peer_that_moves_is_found_by_its_shard),
        EVENT_TEST(the_queue_of_one_that_sleeps_is_bounded),
        EVENT_TEST(wrong_use_is_refused),
        EVENT_TEST(a_failed_bind_leaves_nothing),
    };

    return RUN_BOTH(tests);
}
