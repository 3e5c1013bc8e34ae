/*
 * connect.c - how long a connection takes to open, over sockets: many dials, one after the
 * other or overlapping, each from an endpoint and a socket of its own. See --help.
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

static const char help[] =
    "usage: bench_connect --server | --client [OPTION]...\n\n"
    "Dials, and says in a line of JSON how long each took until it was connected: encrypted,\n"
    "its socket, endpoint and keys made anew. Under `belay-netsim run` the address is "
    "known.\n\n"
    "  --server           accepts and ends what the client does\n"
    "  --client           dials\n"
    "  --address ADDR:PORT  [NETSIM_LISTEN or NETSIM_SERVER of the environment]\n"
    "  --dials N          [500]\n"
    "  --every-ms MS      between the beginnings of two dials [10]\n"
    "  --warm-up N        dials before those that count [5]\n"
    "  --help\n";

static bool is_server, is_client;
static const char *address;
static double dials = 500, every_ms = 10, warm_up = 5;

static struct event_base *base;
static struct sockaddr_in peer;

static void parse_address(void)
{
    char host[64];
    const char *text = address, *colon;

    if (text == NULL)
        text = getenv(is_server ? "NETSIM_LISTEN" : "NETSIM_SERVER");
    if (text == NULL || (colon = strrchr(text, ':')) == NULL)
        support_die("--address is missing: ADDR:PORT");
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    peer.sin_family = AF_INET;
    peer.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &peer.sin_addr) != 1)
        support_die("'%s' is not an IPv4 address and a port", text);
}

/* ------------------------------------------------------------------ the server */

/* A connection without an event callback closes when its peer does. */
static void on_accept(struct belay_listener *listener, struct belay_conn *conn,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)listener, (void)addr, (void)socklen, (void)ctx;
    belay_conn_setcb(conn, NULL, NULL, NULL, NULL);
}

static void serve(void)
{
    struct belay_config config;

    belay_config_init(&config);
    if (belay_listener_new_bind(base, &config, on_accept, NULL, 0, (struct sockaddr *)&peer,
                                sizeof(peer)) == NULL)
        support_die("cannot listen");
    event_base_dispatch(base);
}

/* ------------------------------------------------------------------ the client */

struct dial {
    uint64_t start_ns;
    bool counts, is_connected;
};

static struct {
    struct event *timer;
    struct dial *dials;
    size_t begun, ended, all, failed;
    uint64_t start_ns;
    struct support_samples samples;
} client;

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    struct dial *dial = ctx;

    if (what & BELAY_EVENT_CONNECTED) {
        dial->is_connected = true;
        if (dial->counts)
            support_sample(&client.samples, belay_now_ns() - dial->start_ns);
        belay_conn_close(conn);
    }
    if (!(what & BELAY_EVENT_CLOSED))
        return;
    client.failed += !dial->is_connected;
    belay_conn_free(conn);
    if (++client.ended == client.all)
        event_base_loopbreak(base);
}

static void begin(struct dial *dial)
{
    struct belay_conn *conn;

    dial->start_ns = belay_now_ns();
    conn = belay_connect(base, NULL, 0, (struct sockaddr *)&peer, sizeof(peer));
    if (conn == NULL)
        support_die("cannot dial");
    belay_conn_setcb(conn, NULL, NULL, on_event, dial);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    uint64_t due_ns, now_ns;
    struct timeval wait;

    (void)fd, (void)what, (void)ctx;
    client.dials[client.begun].counts = client.begun >= (size_t)warm_up;
    begin(&client.dials[client.begun++]);
    if (client.begun == client.all)
        return;
    due_ns = client.start_ns + (uint64_t)((double)client.begun * every_ms * 1e6);
    now_ns = belay_now_ns();
    due_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    wait = (struct timeval){.tv_sec = (time_t)(due_ns / SUPPORT_SECOND_NS),
                            .tv_usec = (suseconds_t)(due_ns % SUPPORT_SECOND_NS / 1000)};
    evtimer_add(client.timer, &wait);
}

static void call(void)
{
    static const struct timeval now = {0, 0};
    struct support_cuts cuts;
    json_t *object;

    client.all = (size_t)(dials + warm_up);
    client.dials = calloc(client.all, sizeof(*client.dials));
    support_samples_init(&client.samples, (size_t)dials);
    client.timer = evtimer_new(base, on_timer, NULL);
    client.start_ns = belay_now_ns();
    evtimer_add(client.timer, &now);
    event_base_dispatch(base);
    cuts = support_cut(&client.samples);
    object = json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "benchmark", "connect",
                       "dials", (json_int_t)dials, "failed", (json_int_t)client.failed,
                       "p50_ms", cuts.p50_us / 1e3, "p99_ms", cuts.p99_us / 1e3, "p999_ms",
                       cuts.p999_us / 1e3, "max_ms", cuts.max_us / 1e3, "cpu_ms_a_dial",
                       support_cpu_s() / (double)client.all * 1e3);
    json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    putchar('\n');
}

int main(int argc, char **argv)
{
    const struct support_option options[] = {
        {"server", NULL, 0, 0, &is_server, NULL},    {"client", NULL, 0, 0, &is_client, NULL},
        {"address", NULL, 0, 0, NULL, &address},     {"dials", &dials, 1, 1e6, NULL, NULL},
        {"every-ms", &every_ms, 0, 1e4, NULL, NULL}, {"warm-up", &warm_up, 0, 1e4, NULL, NULL},
    };

    support_options(argc, argv, help, options, sizeof(options) / sizeof(options[0]));
    if (is_server == is_client)
        support_die("either --server or --client");
    parse_address();
    base = support_base();
    if (is_server)
        serve();
    else
        call();
    return 0;
}
