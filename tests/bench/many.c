/*
 * many.c - latency of messages with one connection and with many, over loopback: a server
 * process and a client process, a core each. See --help.
 *
 * A message is due at its own time, the times of all connections spread evenly over the
 * interval; its latency counts from then, on the one clock of the machine.
 */
#include "support.h"

#include <belay/belay.h>
#include <event2/event.h>
#include <jansson.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIALS_AT_ONCE 32
#define BATCH_MAX     256  /* messages of a turn, so that input is looked at */
#define WARM_UP_S     0.5  /* before messages count */
#define DRAIN_LOOK_US 5000 /* what is not acknowledged yet is looked for so often */
#define PATIENCE_S    60
#define ROUNDS_MAX    16

static const char help[] =
    "usage: bench_many [OPTION]...\n\n"
    "Messages from a client process to a server process over loopback, reliable, ordered and\n"
    "encrypted: with one connection, then with many, in turns, in new processes each time.\n"
    "Latency counts from when a message was due. Prints a line of JSON for each run and one "
    "for\n"
    "all: medians of the rounds, and how much later p99 is with many connections.\n\n"
    "  --connections N        of the second kind, up to 60000 [10000]\n"
    "  --interval-ms MS       between the messages of each of them [100]\n"
    "  --one-interval-ms MS   between those of the one: more often, for more samples [10]\n"
    "  --size BYTES           of a message, from 16 [100]\n"
    "  --seconds S            that count, of each run [5]\n"
    "  --rounds N             [2]\n"
    "  --echo                 there and back instead of one way\n"
    "  --help\n";

static double connections = 10000, interval_ms = 100, one_interval_ms = 10, size = 100,
              seconds = 5, rounds = 2;
static bool is_echo;

struct head {
    uint64_t due_ns;
    uint32_t number; /* in its connection */
    uint32_t counts;
};

/* One side's result. */
struct side {
    double cpu_s, window_s;
    uint64_t messages;
    struct support_cuts cuts; /* of the side that measures */
    uint64_t datagrams_out, datagrams_in, send_calls, receive_calls;
};

struct run {
    unsigned connections;
    uint64_t interval_ns;
    uint64_t messages_each; /* the first ones are a warm-up */
    uint64_t warm_up;       /* of all messages */
    struct side server, client;
};

/* Of this process, whichever it is. */
static struct {
    struct run *run;
    struct side *side;
    struct event_base *base;
    struct belay_endpoint *endpoint;
    const struct support_ends *ends;
    struct support_samples samples;
    /* client */
    struct belay_conn **conns;
    struct event *timer;
    struct sockaddr_in server;
    unsigned dialed, connected;
    uint64_t start_ns, sent, echoed;
    char message[65536];
} own;

static const struct timeval *in_us(uint64_t us)
{
    static struct timeval time;

    time = (struct timeval){.tv_sec = (time_t)(us / 1000000),
                            .tv_usec = (suseconds_t)(us % 1000000)};
    return &time;
}

/* ------------------------------------------------------------------ the window */

static void add_stats(struct side *side, int sign)
{
    struct belay_endpoint_stats stats;

    belay_endpoint_get_stats(own.endpoint, &stats, sizeof(stats));
    side->datagrams_out += (uint64_t)sign * stats.datagrams_sent;
    side->datagrams_in += (uint64_t)sign * stats.datagrams_received;
    side->send_calls += (uint64_t)sign * stats.send_calls;
    side->receive_calls += (uint64_t)sign * stats.receive_calls;
    side->cpu_s += sign * support_cpu_s();
    side->window_s += sign * ((double)belay_now_ns() / 1e9);
}

static void begin(void)
{
    memset(own.side, 0, sizeof(*own.side));
    add_stats(own.side, -1);
}

static void end(void)
{
    add_stats(own.side, 1);
    own.side->messages = own.run->connections * own.run->messages_each - own.run->warm_up;
}

static void open_process(const struct support_ends *ends, bool is_server)
{
    own.ends = ends;
    own.run = ends->shared;
    own.side = is_server ? &own.run->server : &own.run->client;
    own.base = support_base();
    support_samples_init(&own.samples, own.run->connections * own.run->messages_each);
}

static struct belay_endpoint *new_endpoint(void)
{
    struct belay_config config;
    struct belay_endpoint *endpoint;

    belay_config_init(&config);
    config.core.half_open_max = config.core.half_open_cookies = 1024; /* no RETRY */
    endpoint = belay_endpoint_new(own.base, &config, 0);
    if (endpoint == NULL)
        support_die("no endpoint");
    return endpoint;
}

/* ------------------------------------------------------------------ the server */

/* A connection's user pointer: the number that comes next. */
static void take_number(struct belay_conn *conn, const struct head *head, size_t len)
{
    uintptr_t next = (uintptr_t)belay_conn_get_user(conn);

    if (len != (size_t)size || head->number != next)
        support_die("a message came out of order, twice or damaged");
    belay_conn_set_user(conn, (void *)(next + 1));
}

static void on_server_message(struct belay_conn *conn, unsigned channel, const void *data,
                              size_t len, void *ctx)
{
    struct head head;

    (void)ctx;
    memcpy(&head, data, sizeof(head));
    take_number(conn, &head, len);
    if (is_echo)
        belay_conn_send(conn, channel, data, len);
    else if (head.counts)
        support_sample(&own.samples, belay_now_ns() - head.due_ns);
}

static void on_server_event(struct belay_conn *conn, short what, void *ctx)
{
    (void)conn;
    (void)ctx;
    if (what & BELAY_EVENT_ERROR)
        support_die("the server lost a connection: %s", belay_conn_get_reason(conn));
}

static void on_accept(struct belay_listener *listener, struct belay_conn *conn,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)listener, (void)addr, (void)socklen, (void)ctx;
    belay_conn_setcb(conn, on_server_message, NULL, on_server_event, NULL);
}

/* The client says: b the window begins, e it ends, q all is there. */
static void on_told(evutil_socket_t fd, short what, void *ctx)
{
    char word;

    (void)what, (void)ctx;
    if (read(fd, &word, 1) != 1)
        support_die("the client is gone");
    if (word == 'b')
        begin();
    else if (word == 'e')
        end();
    else
        event_base_loopbreak(own.base);
}

static void serve(const struct support_ends *ends)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    struct event *told;

    open_process(ends, true);
    own.endpoint = new_endpoint();
    told = event_new(own.base, ends->from_other, EV_READ | EV_PERSIST, on_told, NULL);
    if (belay_endpoint_bind(own.endpoint, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
        getsockname(belay_endpoint_get_fd(own.endpoint, 0), (struct sockaddr *)&addr, &len) ||
        belay_endpoint_listen(own.endpoint, on_accept, NULL) == NULL ||
        write(ends->to_other, &addr.sin_port, 2) != 2 || event_add(told, NULL) != 0)
        support_die("the server cannot listen");
    event_base_dispatch(own.base);
    own.side->cuts = support_cut(&own.samples);
}

/* ------------------------------------------------------------------ the client */

static void tell(char word)
{
    if (write(own.ends->to_other, &word, 1) != 1)
        support_die("the server is gone");
}

static void finish(void)
{
    tell('q');
    event_base_loopbreak(own.base);
}

static uint64_t all_messages(void)
{
    return own.run->connections * own.run->messages_each;
}

/* The k-th message of all is due then. */
static uint64_t due_ns(uint64_t k)
{
    uint64_t round = k / own.run->connections, place = k % own.run->connections;

    return own.start_ns + round * own.run->interval_ns +
           place * own.run->interval_ns / own.run->connections;
}

static void send_next(uint64_t k)
{
    struct head head = {due_ns(k), (uint32_t)(k / own.run->connections), k >= own.run->warm_up};
    struct belay_conn *conn = own.conns[k % own.run->connections];
    int error;

    if (k == own.run->warm_up) {
        tell('b');
        begin();
    }
    memcpy(own.message, &head, sizeof(head));
    error = belay_conn_send(conn, 0, own.message, (size_t)size);
    if (error != 0)
        support_die("cannot send: %s", belay_strerror(error));
}

/* Everything has left: is it acknowledged? */
static void look_for_rest(void)
{
    bool is_done = !is_echo || own.echoed == all_messages();

    for (unsigned i = 0; is_done && i < own.run->connections; i++)
        is_done = belay_conn_get_queued(own.conns[i]) == 0;
    if (is_done)
        finish();
    else
        evtimer_add(own.timer, in_us(DRAIN_LOOK_US));
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    uint64_t now_ns = belay_now_ns(), next_ns;

    (void)fd, (void)what, (void)ctx;
    if (own.sent == all_messages()) {
        look_for_rest();
        return;
    }
    for (unsigned i = 0; i < BATCH_MAX && own.sent < all_messages(); i++) {
        if (due_ns(own.sent) > now_ns)
            break;
        send_next(own.sent++);
    }
    if (own.sent == all_messages()) {
        end();
        tell('e');
    }
    next_ns = due_ns(own.sent);
    now_ns = belay_now_ns();
    evtimer_add(own.timer, in_us(next_ns > now_ns ? (next_ns - now_ns + 999) / 1000 : 0));
}

static void dial(void);

static void on_client_event(struct belay_conn *conn, short what, void *ctx)
{
    (void)ctx;
    if (what & BELAY_EVENT_ERROR)
        support_die("the client lost a connection: %s", belay_conn_get_reason(conn));
    if (!(what & BELAY_EVENT_CONNECTED))
        return;
    own.connected++;
    if (own.dialed < own.run->connections)
        dial();
    if (own.connected < own.run->connections)
        return;
    own.start_ns = belay_now_ns() + SUPPORT_SECOND_NS / 5; /* what the dials left is over */
    evtimer_add(own.timer, in_us(200000));
}

static void on_echo(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                    void *ctx)
{
    struct head head;

    (void)channel, (void)ctx;
    memcpy(&head, data, sizeof(head));
    take_number(conn, &head, len);
    own.echoed++;
    if (head.counts)
        support_sample(&own.samples, belay_now_ns() - head.due_ns);
}

static void dial(void)
{
    struct belay_conn *conn = belay_endpoint_connect(
        own.endpoint, (struct sockaddr *)&own.server, sizeof(own.server));

    if (conn == NULL)
        support_die("cannot dial");
    belay_conn_setcb(conn, on_echo, NULL, on_client_event, NULL);
    own.conns[own.dialed++] = conn;
}

static void call(const struct support_ends *ends)
{
    open_process(ends, false);
    own.endpoint = new_endpoint();
    own.timer = evtimer_new(own.base, on_timer, NULL);
    own.conns = calloc(own.run->connections, sizeof(*own.conns));
    own.server =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (read(ends->from_other, &own.server.sin_port, 2) != 2)
        support_die("the server is gone");
    while (own.dialed < DIALS_AT_ONCE && own.dialed < own.run->connections)
        dial();
    event_base_dispatch(own.base);
    own.side->cuts = support_cut(&own.samples);
}

/* ------------------------------------------------------------------ the runs */

static json_t *side_object(const struct side *side)
{
    return json_pack("{s:f, s:f, s:I, s:I, s:I, s:I}", "cpu_percent",
                     side->cpu_s / side->window_s * 100, "cpu_us_a_message",
                     side->cpu_s / (double)side->messages * 1e6, "datagrams_out",
                     (json_int_t)side->datagrams_out, "datagrams_in",
                     (json_int_t)side->datagrams_in, "send_calls", (json_int_t)side->send_calls,
                     "receive_calls", (json_int_t)side->receive_calls);
}

static void print(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(5));
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

static struct support_cuts run_once(unsigned round, unsigned count, double every_ms)
{
    struct run *run = support_shared(sizeof(*run));
    struct support_pair pair = {serve, call, run, PATIENCE_S + (unsigned)seconds};
    struct support_cuts cuts;
    uint64_t warm_each = (uint64_t)(WARM_UP_S * 1e3 / every_ms) + 1;

    run->connections = count;
    run->interval_ns = (uint64_t)(every_ms * 1e6);
    run->messages_each = warm_each + (uint64_t)(seconds * 1e3 / every_ms) + 1;
    run->warm_up = warm_each * count;
    support_run(&pair);
    cuts = is_echo ? run->client.cuts : run->server.cuts;
    if (cuts.count != run->server.messages)
        support_die("%llu messages of %llu came", (unsigned long long)cuts.count,
                    (unsigned long long)run->server.messages);
    print(json_pack("{s:s, s:i, s:i, s:f, s:I, s:s, s:I, s:f, s:f, s:f, s:f, s:o, s:o}",
                    "benchmark", "many", "round", (int)round, "connections", (int)count,
                    "interval_ms", every_ms, "size", (json_int_t)size, "way",
                    is_echo ? "echo" : "one-way", "samples", (json_int_t)cuts.count, "p50_us",
                    cuts.p50_us, "p99_us", cuts.p99_us, "p999_us", cuts.p999_us, "max_us",
                    cuts.max_us, "server", side_object(&run->server), "client",
                    side_object(&run->client)));
    return cuts;
}

static json_t *medians(struct support_cuts *cuts, size_t count)
{
    double p50[ROUNDS_MAX], p99[ROUNDS_MAX], p999[ROUNDS_MAX];

    for (size_t i = 0; i < count; i++) {
        p50[i] = cuts[i].p50_us;
        p99[i] = cuts[i].p99_us;
        p999[i] = cuts[i].p999_us;
    }
    return json_pack("{s:f, s:f, s:f}", "p50_us", support_median(p50, count), "p99_us",
                     support_median(p99, count), "p999_us", support_median(p999, count));
}

int main(int argc, char **argv)
{
    const struct support_option options[] = {
        {"connections", &connections, 2, 60000, NULL, NULL},
        {"interval-ms", &interval_ms, 1, 10000, NULL, NULL},
        {"one-interval-ms", &one_interval_ms, 0.1, 10000, NULL, NULL},
        {"size", &size, sizeof(struct head), sizeof(own.message), NULL, NULL},
        {"seconds", &seconds, 0.1, 3600, NULL, NULL},
        {"rounds", &rounds, 1, ROUNDS_MAX, NULL, NULL},
        {"echo", NULL, 0, 0, &is_echo, NULL},
    };
    struct support_cuts one[ROUNDS_MAX], many[ROUNDS_MAX];
    json_t *one_object, *many_object;
    size_t count;
    double later_us;

    support_options(argc, argv, help, options, sizeof(options) / sizeof(options[0]));
    count = (size_t)rounds;
    for (size_t i = 0; i < count; i++) {
        one[i] = run_once((unsigned)i + 1, 1, one_interval_ms);
        many[i] = run_once((unsigned)i + 1, (unsigned)connections, interval_ms);
    }
    one_object = medians(one, count);
    many_object = medians(many, count);
    later_us = json_real_value(json_object_get(many_object, "p99_us")) -
               json_real_value(json_object_get(one_object, "p99_us"));
    print(json_pack("{s:s, s:i, s:i, s:o, s:o, s:f}", "benchmark", "many, medians", "rounds",
                    (int)count, "connections", (int)connections, "one", one_object, "many",
                    many_object, "p99_later_us", later_us));
    return 0;
}
