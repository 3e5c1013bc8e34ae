/*
 * Programs that insist on ::1, in two namespaces, by blocking calls in processes of their own:
 *
 *     client -> [::1] half, net0 -- relay -- net0, half [::1] -> server
 */
#include "../fixture.h"
#include "netns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "netsim/cli.h"
#include "netsim/live/loopback.h"
#include "netsim/live/relay.h"

#define PORT       12345
#define BULK_BYTES (3 << 20)
#define PATIENCE_S 20

struct where {
    const struct netns *ns;
    enum netns_side side;
};

struct lab {
    struct netns ns;
    struct event_base *base;
    struct netsim_plan *clean;
    struct netsim_relay *relay;
    struct where client_side, server_side;
    struct netsim_loopback *client_half, *server_half;
};

/* ------------------------------------------------------------------ the halves */

static int open_in(void *arg, int domain, int type)
{
    const struct where *where = arg;

    return netns_socket(where->ns, where->side, domain, type);
}

static struct netsim_address address_of(const char *host)
{
    struct netsim_address address;
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};

    memset(&address, 0, sizeof(address));
    assert_int_equal(inet_pton(AF_INET6, host, &in6.sin6_addr), 1);
    memcpy(&address.storage, &in6, sizeof(in6));
    address.len = sizeof(in6);
    return address;
}

static struct netsim_loopback *half(struct lab *lab, struct where *where, const char *listen,
                                    const char *to)
{
    struct netsim_loopback_config config = {.listen = address_of(listen),
                                            .to = address_of(to),
                                            .sockets = {open_in, where},
                                            .udp = true,
                                            .tcp = true};

    return netsim_loopback_new(lab->base, &config);
}

static int begin(void **state)
{
    struct lab *lab = *state;
    struct netsim_relay_config config = {.client_if = "ca", .server_if = "sb"};

    assert_int_equal(netsim_plan_parse(&lab->clean, "delay 1ms", &netsim_cli_memory, NULL), 0);
    config.out = config.back = lab->clean;
    lab->base = event_base_new();
    lab->relay = netsim_relay_new(lab->base, &config);
    assert_non_null(lab->relay);
    lab->client_side = (struct where){&lab->ns, NETNS_CLIENT};
    lab->server_side = (struct where){&lab->ns, NETNS_SERVER};
    lab->client_half = half(lab, &lab->client_side, "::1", "fd42:198:18::1");
    lab->server_half = half(lab, &lab->server_side, "fd42:198:18::1", "::1");
    assert_non_null(lab->client_half);
    assert_non_null(lab->server_half);
    return 0;
}

static int end(void **state)
{
    struct lab *lab = *state;

    netsim_loopback_free(lab->client_half);
    netsim_loopback_free(lab->server_half);
    netsim_relay_free(lab->relay);
    event_base_free(lab->base);
    netsim_plan_free(lab->clean);
    return 0;
}

/* ------------------------------------------------------------------ programs */

/* In the child: what is wrong ends it. */
static void must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    _exit(1);
}

static int blocking_socket(int type)
{
    struct timeval patience = {PATIENCE_S, 0};
    int fd = socket(AF_INET6, type, 0), on = 1;

    must(fd >= 0, "socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return fd;
}

static int bound(int type)
{
    struct netsim_address here = address_of("::1");
    int fd = blocking_socket(type);

    must(bind(fd, (struct sockaddr *)&here.storage, here.len) == 0, "bind");
    if (type == SOCK_STREAM)
        must(listen(fd, 5) == 0, "listen");
    return fd;
}

static int connected(int type)
{
    struct netsim_address there = address_of("::1");
    int fd = blocking_socket(type);

    must(connect(fd, (struct sockaddr *)&there.storage, there.len) == 0, "connect");
    return fd;
}

/* Answers with the peer's port in front. */
static void udp_server(void)
{
    int fd = bound(SOCK_DGRAM);

    kill(getppid(), SIGUSR1);
    for (;;) {
        struct sockaddr_in6 peer;
        socklen_t len = sizeof(peer);
        uint8_t data[2048];
        ssize_t got =
            recvfrom(fd, data + 2, sizeof(data) - 2, 0, (struct sockaddr *)&peer, &len);

        must(got >= 0, "server's recvfrom");
        memcpy(data, &peer.sin6_port, 2);
        sendto(fd, data, (size_t)got + 2, 0, (struct sockaddr *)&peer, len);
    }
}

static void udp_client(void)
{
    int fds[2] = {connected(SOCK_DGRAM), connected(SOCK_DGRAM)};
    uint8_t ports[2][2], answer[2048], data[1000];

    for (int i = 0; i < 20; i++) {
        size_t len = (size_t)i * 50;

        memset(data, i, sizeof(data));
        must(send(fds[i % 2], data, len, 0) == (ssize_t)len, "send");
        must(recv(fds[i % 2], answer, sizeof(answer), 0) == (ssize_t)len + 2, "answer");
        must(memcmp(answer + 2, data, len) == 0, "the same bytes");
        if (i < 2)
            memcpy(ports[i], answer, 2);
        must(memcmp(ports[i % 2], answer, 2) == 0, "the same port");
    }
    must(memcmp(ports[0], ports[1], 2) != 0, "ports of their own");
}

static void send_bulk(int fd)
{
    static uint8_t bulk[BULK_BYTES];
    size_t sent = 0;

    for (size_t i = 0; i < sizeof(bulk); i++)
        bulk[i] = (uint8_t)(i * 2654435761u >> 24);
    while (sent < sizeof(bulk)) {
        ssize_t len = send(fd, bulk + sent, sizeof(bulk) - sent, MSG_NOSIGNAL);

        must(len > 0, "send");
        sent += (size_t)len;
    }
    must(shutdown(fd, SHUT_WR) == 0, "shutdown");
}

static void receive_bulk(int fd)
{
    size_t got = 0;
    uint8_t data[65536];
    ssize_t len;

    while ((len = recv(fd, data, sizeof(data), 0)) > 0)
        for (ssize_t i = 0; i < len; i++, got++)
            must(data[i] == (uint8_t)(got * 2654435761u >> 24), "the same bytes");
    must(len == 0, "an end, no error");
    must(got == BULK_BYTES, "all of it");
}

/* Answers when the client has ended its way, which stays open the other way. */
static void tcp_server(void)
{
    int fd = bound(SOCK_STREAM);

    kill(getppid(), SIGUSR1);
    for (;;) {
        int client = accept(fd, NULL, NULL);

        must(client >= 0, "accept");
        receive_bulk(client);
        send_bulk(client);
        close(client);
    }
}

static void tcp_client(void)
{
    for (int i = 0; i < 3; i++) {
        int fd = connected(SOCK_STREAM);

        send_bulk(fd);
        receive_bulk(fd);
        close(fd);
    }
}

static void no_server(void)
{
    kill(getppid(), SIGUSR1);
    pause();
}

static void tcp_client_of_nobody(void)
{
    int fd = connected(SOCK_STREAM);
    char byte;

    must(recv(fd, &byte, 1, 0) < 0 && errno == ECONNRESET, "a reset");
}

/* ------------------------------------------------------------------ stories */

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
    (void)signal;
    (void)what;
    event_base_loopexit(arg, NULL);
}

static pid_t start(struct lab *lab, enum netns_side side, void (*program)(void))
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(2 * PATIENCE_S);
    netns_enter(&lab->ns, side);
    program();
    _exit(0);
}

static void run(struct lab *lab, void (*server)(void), void (*client)(void))
{
    struct event *ready = evsignal_new(lab->base, SIGUSR1, on_signal, lab->base);
    struct event *ended = evsignal_new(lab->base, SIGCHLD, on_signal, lab->base);
    pid_t server_pid, client_pid;
    int status;

    event_add(ready, NULL);
    server_pid = start(lab, NETNS_SERVER, server);
    event_base_dispatch(lab->base);
    event_add(ended, NULL);
    client_pid = start(lab, NETNS_CLIENT, client);
    event_base_dispatch(lab->base);
    if (waitpid(client_pid, &status, WNOHANG) == 0)
        fail_msg("the server ended first");
    kill(server_pid, SIGKILL);
    waitpid(server_pid, NULL, 0);
    event_free(ready);
    event_free(ended);
    assert_int_equal(status, 0);
}

static void assert_crossed(const struct lab *lab, uint64_t at_least)
{
    struct netsim_relay_counts counts;

    netsim_relay_counts(lab->relay, &counts);
    assert_true(counts.out >= at_least && counts.back >= at_least);
}

static void test_udp(void **state)
{
    run(*state, udp_server, udp_client);
    assert_crossed(*state, 20);
}

static void test_tcp(void **state)
{
    run(*state, tcp_server, tcp_client);
    assert_crossed(*state, BULK_BYTES / 1500);
}

static void test_nobody_listens(void **state)
{
    run(*state, no_server, tcp_client_of_nobody);
}

static void test_port_in_use(void **state)
{
    struct lab *lab = *state;

    assert_null(half(lab, &lab->client_side, "::1", "fd42:198:18::1"));
    assert_int_equal(errno, EADDRINUSE);
}

int main(void)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    int failed;

    netns_begin(&lab->ns);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(test_udp, begin, end, lab),
        cmocka_unit_test_prestate_setup_teardown(test_tcp, begin, end, lab),
        cmocka_unit_test_prestate_setup_teardown(test_nobody_listens, begin, end, lab),
        cmocka_unit_test_prestate_setup_teardown(test_port_in_use, begin, end, lab),
    };
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(lab);
    return failed;
}
