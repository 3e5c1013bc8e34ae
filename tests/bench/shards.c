/*
 * shards.c - CPU of a server's packets with one shard (endpoint and thread) and with several,
 * at one address over loopback. See --help.
 */
#include "support.h"

#include <belay/belay.h>
#include <event2/event.h>
#include <jansson.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHARDS_MAX  16
#define QUEUE_HIGH  (128 * 1024) /* of a connection */
#define BATCH_MAX   256          /* messages of a turn at a rate */
#define WARM_UP_US  500000
#define TICK_US     5000
#define PATIENCE_S  60
#define ROUNDS_MAX  16
#define MESSAGE_MAX 65536

static const char help[] =
    "usage: bench_shards [OPTION]...\n\n"
    "A client process sends messages on many connections, each from a socket of its own, to a\n"
    "server process over loopback, encrypted: to one shard, then to several, in turns, in new\n"
    "processes each time. Shards have a core each. Prints a line of JSON for each run and one\n"
    "for all: the server's CPU for each datagram in or out, medians of the rounds, their "
    "ratio.\n\n"
    "  --shards N        of the second kind [2]\n"
    "  --connections N   [64]\n"
    "  --size BYTES      of a message [1000]\n"
    "  --rate N          messages a second of all connections together; 0: as many as go [0]\n"
    "  --datagram BYTES  [1200]\n"
    "  --seconds S       that count, of each run [3]\n"
    "  --rounds N        [2]\n"
    "  --help\n";

static double shards = 2, connections = 64, size = 1000, rate = 0, datagram = 1200, seconds = 3,
              rounds = 2;

enum phase { BEFORE, COUNTING, AFTER, OVER };

/* What a shard counted between two moments of its thread. */
struct shard_counts {
    double cpu_s, window_s;
    uint64_t messages, connections;
    uint64_t datagrams_in, datagrams_out, receive_calls, send_calls, handed_over, dropped;
};

struct run {
    unsigned shards;
    struct shard_counts counts[SHARDS_MAX];
    double client_cpu_s;
};

static void configure(struct belay_config *config)
{
    belay_config_init(config);
    config->core.datagram_size = config->core.datagram_size_max = (uint32_t)datagram;
    config->core.half_open_max = config->core.half_open_cookies = 1024; /* no RETRY */
}

static const struct timeval *in_us(uint64_t us)
{
    static _Thread_local struct timeval time;

    time = (struct timeval){.tv_sec = (time_t)(us / 1000000),
                            .tv_usec = (suseconds_t)(us % 1000000)};
    return &time;
}

/* ------------------------------------------------------------------ the server */

struct shard {
    unsigned index;
    struct event_base *base;
    struct belay_endpoint *endpoint;
    struct event *tick;
    enum phase phase; /* that it has seen */
    uint64_t messages;
    struct shard_counts *counts;
    pthread_t thread;
};

static atomic_int phase;

static void add(struct shard *shard, int sign)
{
    struct shard_counts *counts = shard->counts;
    struct belay_endpoint_stats stats;

    belay_endpoint_get_stats(shard->endpoint, &stats, sizeof(stats));
    counts->cpu_s += sign * support_thread_cpu_s();
    counts->window_s += sign * ((double)belay_now_ns() / 1e9);
    counts->messages += (uint64_t)sign * shard->messages;
    counts->datagrams_in += (uint64_t)sign * stats.datagrams_received;
    counts->datagrams_out += (uint64_t)sign * stats.datagrams_sent;
    counts->receive_calls += (uint64_t)sign * stats.receive_calls;
    counts->send_calls += (uint64_t)sign * stats.send_calls;
    counts->handed_over += (uint64_t)sign * stats.handed_over;
    counts->dropped += (uint64_t)sign * stats.handovers_dropped;
    counts->connections = stats.connections;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct shard *shard = ctx;
    enum phase now = (enum phase)atomic_load(&phase);

    (void)fd, (void)what;
    if (shard->phase < COUNTING && now >= COUNTING)
        add(shard, -1);
    if (shard->phase < AFTER && now >= AFTER)
        add(shard, 1);
    shard->phase = now;
    if (now == OVER)
        event_base_loopbreak(shard->base);
    else
        evtimer_add(shard->tick, in_us(TICK_US));
}

static void *run_shard(void *ctx)
{
    struct shard *shard = ctx;

    support_pin(shard->index);
    evtimer_add(shard->tick, in_us(TICK_US));
    event_base_dispatch(shard->base);
    belay_endpoint_free(shard->endpoint);
    return NULL;
}

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    struct shard *shard = ctx;

    (void)conn, (void)channel, (void)data, (void)len;
    shard->messages++;
}

static void on_accept(struct belay_listener *listener, struct belay_conn *conn,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)listener, (void)addr, (void)socklen;
    belay_conn_setcb(conn, on_message, NULL, NULL, ctx);
}

static void make_shards(struct run *run, struct shard *all, struct sockaddr_in *addr)
{
    struct belay_config config;
    struct belay_shards *group;
    socklen_t len = sizeof(*addr);

    configure(&config);
    group = belay_shards_new(&config, run->shards);
    if (group == NULL)
        support_die("no shards on this system");
    for (unsigned i = 0; i < run->shards; i++) {
        all[i] = (struct shard){.index = i, .base = support_base(), .counts = &run->counts[i]};
        all[i].endpoint = belay_shards_endpoint(group, i, all[i].base, 0);
        all[i].tick = evtimer_new(all[i].base, on_tick, &all[i]);
    }
    if (belay_shards_bind(group, (struct sockaddr *)addr, sizeof(*addr)) != 0 ||
        getsockname(belay_endpoint_get_fd(all[0].endpoint, 0), (struct sockaddr *)addr, &len))
        support_die("the shards cannot be bound");
    for (unsigned i = 0; i < run->shards; i++)
        if (belay_endpoint_listen(all[i].endpoint, on_accept, &all[i]) == NULL)
            support_die("the shards cannot listen");
    belay_shards_free(group);
}

static void serve(const struct support_ends *ends)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct run *run = ends->shared;
    struct shard all[SHARDS_MAX];
    char word;

    make_shards(run, all, &addr);
    for (unsigned i = 0; i < run->shards; i++)
        if (pthread_create(&all[i].thread, NULL, run_shard, &all[i]) != 0)
            support_die("no thread");
    if (write(ends->to_other, &addr.sin_port, 2) != 2)
        support_die("the client is gone");
    while (atomic_load(&phase) != OVER && read(ends->from_other, &word, 1) == 1)
        atomic_fetch_add(&phase, 1);
    for (unsigned i = 0; i < run->shards; i++)
        pthread_join(all[i].thread, NULL);
}

/* ------------------------------------------------------------------ the client */

static struct {
    const struct support_ends *ends;
    struct event_base *base;
    struct event *step, *due;
    struct belay_conn **conns;
    unsigned connected, steps;
    uint64_t start_ns, sent;
    double cpu_s;
    bool is_over;
    char message[MESSAGE_MAX];
} client;

static void on_writable(struct belay_conn *conn, void *ctx)
{
    (void)ctx;
    while (!client.is_over && belay_conn_send(conn, 0, client.message, (size_t)size) == 0)
        continue;
}

static void on_due(evutil_socket_t fd, short what, void *ctx)
{
    uint64_t now_ns = belay_now_ns(), due_ns = 0;

    (void)fd, (void)what, (void)ctx;
    for (unsigned i = 0; i < BATCH_MAX; i++) {
        due_ns = client.start_ns + (uint64_t)((double)client.sent / rate * 1e9);
        if (due_ns > now_ns)
            break;
        belay_conn_send(client.conns[client.sent++ % (unsigned)connections], 0, client.message,
                        (size_t)size); /* a full queue: the server is behind, and it shows */
    }
    now_ns = belay_now_ns();
    if (!client.is_over)
        evtimer_add(client.due, in_us(due_ns > now_ns ? (due_ns - now_ns + 999) / 1000 : 0));
}

/* All connected; warm: it counts; enough; the server has seen it. */
static void on_step(evutil_socket_t fd, short what, void *ctx)
{
    struct run *run = client.ends->shared;
    uint64_t next_us = client.steps == 0 ? (uint64_t)(seconds * 1e6) : (uint64_t)TICK_US * 20;

    (void)fd, (void)what, (void)ctx;
    if (write(client.ends->to_other, "s", 1) != 1)
        support_die("the server is gone");
    if (client.steps == 0)
        client.cpu_s = support_cpu_s();
    if (client.steps == 1)
        run->client_cpu_s = support_cpu_s() - client.cpu_s;
    if (client.steps++ == 2) {
        client.is_over = true;
        event_base_loopbreak(client.base);
        return;
    }
    evtimer_add(client.step, in_us(next_us));
}

static void start(void)
{
    client.start_ns = belay_now_ns();
    evtimer_add(client.step, in_us(WARM_UP_US));
    if (rate > 0)
        evtimer_add(client.due, in_us(0));
    for (unsigned i = 0; rate <= 0 && i < (unsigned)connections; i++)
        on_writable(client.conns[i], NULL);
}

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    (void)ctx;
    if (what & BELAY_EVENT_ERROR)
        support_die("the client lost a connection: %s", belay_conn_get_reason(conn));
    if ((what & BELAY_EVENT_CONNECTED) && ++client.connected == (unsigned)connections)
        start();
}

static void dial(unsigned i, const struct sockaddr_in *addr)
{
    struct belay_config config;
    struct belay_conn *conn;

    configure(&config);
    conn = belay_connect(client.base, &config, 0, (const struct sockaddr *)addr, sizeof(*addr));
    if (conn == NULL)
        support_die("cannot dial: are there too few file descriptors?");
    belay_conn_setcb(conn, NULL, rate > 0 ? NULL : on_writable, on_event, NULL);
    belay_conn_setwatermark(conn, QUEUE_HIGH / 2, QUEUE_HIGH);
    client.conns[i] = conn;
}

static void call(const struct support_ends *ends)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    client.ends = ends;
    client.base = support_base();
    client.step = evtimer_new(client.base, on_step, NULL);
    client.due = evtimer_new(client.base, on_due, NULL);
    client.conns = calloc((size_t)connections, sizeof(struct belay_conn *));
    if (read(ends->from_other, &addr.sin_port, 2) != 2)
        support_die("the server is gone");
    for (unsigned i = 0; i < (unsigned)connections; i++)
        dial(i, &addr);
    event_base_dispatch(client.base);
}

/* ------------------------------------------------------------------ the runs */

static void print(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(5));
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

static void add_up(struct shard_counts *sum, const struct shard_counts *one)
{
    sum->cpu_s += one->cpu_s;
    sum->messages += one->messages;
    sum->datagrams_in += one->datagrams_in;
    sum->datagrams_out += one->datagrams_out;
    sum->receive_calls += one->receive_calls;
    sum->send_calls += one->send_calls;
    sum->handed_over += one->handed_over;
    sum->dropped += one->dropped;
    sum->window_s = one->window_s > sum->window_s ? one->window_s : sum->window_s;
}

/* Server's CPU for a datagram, in ns. */
static double run_once(unsigned round, unsigned count)
{
    struct run *run = support_shared(sizeof(*run));
    struct support_pair pair = {serve, call, run, PATIENCE_S + (unsigned)seconds};
    struct shard_counts sum = {0};
    json_t *spread = json_array();
    double ns;

    run->shards = count;
    support_run(&pair);
    for (unsigned i = 0; i < count; i++) {
        add_up(&sum, &run->counts[i]);
        json_array_append_new(spread, json_integer((json_int_t)run->counts[i].connections));
    }
    if (sum.datagrams_in == 0 || sum.window_s < seconds / 2)
        support_die("nothing arrived, or this machine was too busy to count it");
    ns = sum.cpu_s / (double)(sum.datagrams_in + sum.datagrams_out) * 1e9;
    print(json_pack(
        "{s:s, s:i, s:i, s:o, s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, "
        "s:I}",
        "benchmark", "shards", "round", (int)round, "shards", (int)count, "connections_of_each",
        spread, "size", (json_int_t)size, "rate", rate, "messages_per_s",
        (double)sum.messages / sum.window_s, "cpu_ns_a_datagram", ns, "cpu_percent",
        sum.cpu_s / sum.window_s * 100, "client_cpu_percent", run->client_cpu_s / seconds * 100,
        "datagrams_in", (json_int_t)sum.datagrams_in, "datagrams_out",
        (json_int_t)sum.datagrams_out, "receive_calls", (json_int_t)sum.receive_calls,
        "send_calls", (json_int_t)sum.send_calls, "handed_over", (json_int_t)sum.handed_over,
        "handovers_dropped", (json_int_t)sum.dropped));
    return ns;
}

int main(int argc, char **argv)
{
    const struct support_option options[] = {
        {"shards", &shards, 2, SHARDS_MAX, NULL, NULL},
        {"connections", &connections, 1, 1000, NULL, NULL},
        {"size", &size, 0, MESSAGE_MAX, NULL, NULL},
        {"rate", &rate, 0, 1e8, NULL, NULL},
        {"datagram", &datagram, 1200, 65507, NULL, NULL},
        {"seconds", &seconds, 0.1, 3600, NULL, NULL},
        {"rounds", &rounds, 1, ROUNDS_MAX, NULL, NULL},
    };
    double one[ROUNDS_MAX], more[ROUNDS_MAX], one_ns, more_ns;
    size_t count;

    support_options(argc, argv, help, options, sizeof(options) / sizeof(options[0]));
    count = (size_t)rounds;
    for (size_t i = 0; i < count; i++) {
        one[i] = run_once((unsigned)i + 1, 1);
        more[i] = run_once((unsigned)i + 1, (unsigned)shards);
    }
    one_ns = support_median(one, count);
    more_ns = support_median(more, count);
    print(json_pack("{s:s, s:i, s:i, s:f, s:f, s:f, s:f}", "benchmark", "shards, medians",
                    "rounds", (int)count, "shards", (int)shards, "rate", rate, "one_cpu_ns",
                    one_ns, "several_cpu_ns", more_ns, "ratio", more_ns / one_ns));
    return 0;
}
