/* belay-perf: options in, a server or a measurement out. */
#include "perf.h"

#include "options.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <belay/belay.h>
#include <event2/event.h>

#define SIZE_MAX_ARG    (UINT64_C(1) << 30)
#define CONNECTIONS_MAX 1000
#define DATAGRAM_MIN    1200
#define DATAGRAM_MAX    65507
#define SECOND_NS       UINT64_C(1000000000)
/* What is queued is bounded by watermarks, which follow the window. */
#define QUEUE_MAX (UINT64_C(1) << 40)

enum {
    LISTEN = 256,
    MODE,
    RATE,
    SIZE,
    STREAMS,
    CONNECTIONS,
    CC,
    DATAGRAM,
    REVERSE,
    JSON,
};

static const struct option_row rows[] = {
    {'s', "server", NULL, "be the server, which measures with one client or more"},
    {'c', "client", "HOST", "measure with the server at HOST[:PORT]"},
    {LISTEN, "listen", "ADDR:PORT",
     "server: listen there; :PORT is every address of both\n"
     "families, port 0 any free one [:10000]"},
    {MODE, "mode", "MODE",
     "bulk: as much as goes; rr: a request and its response at\n"
     "a time on each stream; rate: see --rate [bulk]"},
    {RATE, "rate", "RATE",
     "messages at even intervals that make RATE together, on\n"
     "each connection, as in 4mbit, 500kbit, 1.5gbit"},
    {SIZE, "size", "BYTES", "of a message [bulk 16384, rr 64, rate 1000]"},
    {STREAMS, "streams", "N", "channels used in turn, 1 to 255 [1]"},
    {CONNECTIONS, "connections", "N", "connections side by side, 1 to 1000 [1]"},
    {'t', "time", "SECONDS", "how long to send [10]"},
    {REVERSE, "reverse", NULL, "the server sends"},
    {CC, "cc", "NAME",
     "congestion controller of what this side sends: bbr, cubic\n"
     "or newreno [bbr]"},
    {DATAGRAM, "datagram", "BYTES",
     "UDP payload at most from the start, 1200 to 65507; the\n"
     "search for larger ones goes on from there [1200]"},
    {SECURITY_SERVER_KEY, "server-key", "TEXT",
     "client: the server's public key, as it prints it: talk to\n"
     "nobody else"},
    {SECURITY_SERVER_KEY_FILE, "server-key-file", "FILE", "client: the same, from a file"},
    {SECURITY_KEY, "key", "FILE",
     "the private key of this side, which belay-keygen makes;\n"
     "a server without it makes a temporary one"},
    {SECURITY_PSK, "psk", "FILE",
     "a secret that both sides know, which 'belay-keygen --psk'\n"
     "makes"},
    {SECURITY_AUTHORIZED, "authorized", "FILE",
     "server: let in only clients with one of these public keys,\n"
     "one a line, with a name behind it"},
    {SECURITY_INSECURE, "insecure", NULL, "no encryption; both sides must say so"},
    {SECURITY_KEY_LOG, "key-log", "FILE",
     "append the secrets of all connections to FILE, to decrypt\n"
     "recorded packets with"},
    {'4', NULL, NULL, "client: IPv4 only"},
    {'6', NULL, NULL, "client: IPv6 only"},
    {JSON, "json", NULL, "print JSON objects, one a line"},
    {'q', "quiet", NULL, "print the totals only; server: the address only"},
    {0, NULL, NULL, NULL},
};

static const struct program program = {
    .name = PERF_NAME,
    .synopsis = "-s | -c HOST[:PORT] [OPTION...]",
    .about = "Measures what Belay carries between a server and a client: one line a second,\n"
             "then totals with goodput, retransmissions, round trip time, latency, and the\n"
             "CPU time of both ends. Exit code 0: measured; 1: failed; 2: usage.",
    .rows = rows,
};

/* Which options have been given, for those that belong to one side or mode. */
struct arguments {
    bool is_client, has_listen, has_mode, has_plan;
    double rate_bits_s;
    bool has_size;
    struct perf_options perf;
};

/* ------------------------------------------------------------------ values */

static enum perf_mode take_mode(void)
{
    for (int mode = PERF_BULK; mode <= PERF_RATE; mode++)
        if (strcmp(optarg, perf_mode_name((enum perf_mode)mode)) == 0)
            return (enum perf_mode)mode;
    options_fail(&program, "--mode '%s': it is bulk, rr or rate", optarg);
}

static double take_rate(void)
{
    static const struct {
        const char *name;
        double bits;
    } units[] = {{"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}};
    size_t whole = strspn(optarg, "0123456789");
    size_t point = optarg[whole] == '.';
    size_t part = point ? strspn(optarg + whole + 1, "0123456789") : 0;
    const char *unit = optarg + whole + point + part;
    double value = whole + part > 0 ? strtod(optarg, NULL) : 0;

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].name) == 0 && value > 0 && value * units[i].bits <= 1e12)
            return value * units[i].bits;
    options_fail(&program,
                 "--rate '%s': not a number above 0 with bit, kbit, mbit or gbit behind it, as "
                 "in 4mbit",
                 optarg);
}

static void take_address(struct arguments *arguments, bool is_listen)
{
    struct perf_options *perf = &arguments->perf;
    const char *name = is_listen ? "listen" : "client";
    const char *wrong = address_parse(optarg, &perf->address);
    if (is_listen && strcmp(perf->address.host, "*") == 0)
        perf->address.host[0] = '\0';
    if (!wrong && is_listen && *optarg && strspn(optarg, "0123456789") == strlen(optarg))
        wrong = "a port alone is written with a colon, as in :10000";
    if (!wrong && !is_listen && perf->address.host[0] == '\0')
        wrong = "the host is missing, as in localhost:10000";
    if (!wrong && !is_listen && perf->address.port == 0)
        wrong = "the server's port is a number from 1 to 65535";
    if (wrong)
        options_fail(&program, "--%s '%s': %s", name, optarg, wrong);
    perf->target = optarg;
}

static void take_family(struct perf_options *perf, int key)
{
    if (perf->family != AF_UNSPEC)
        options_fail(&program, "-4 and -6 exclude each other: give one, or none for both");
    perf->family = key == '4' ? AF_INET : AF_INET6;
}

static void take_option(struct arguments *arguments, int key)
{
    struct perf_options *perf = &arguments->perf;
    struct perf_plan *plan = &perf->plan;
    switch (key) {
    case 's':
        perf->is_server = true;
        break;
    case 'c':
        arguments->is_client = true;
        take_address(arguments, false);
        break;
    case LISTEN:
        arguments->has_listen = true;
        take_address(arguments, true);
        break;
    case MODE:
        arguments->has_mode = true;
        plan->mode = take_mode();
        break;
    case RATE:
        arguments->rate_bits_s = take_rate();
        break;
    case SIZE:
        arguments->has_size = true;
        plan->size = (size_t)options_number(&program, "size", 1, SIZE_MAX_ARG);
        break;
    case STREAMS:
        plan->streams = (unsigned)options_number(&program, "streams", 1, PERF_STREAMS_MAX);
        break;
    case CONNECTIONS:
        perf->connections =
            (unsigned)options_number(&program, "connections", 1, CONNECTIONS_MAX);
        break;
    case 't':
        plan->seconds = options_number(&program, "time", 1, PERF_TIME_MAX_S);
        break;
    case REVERSE:
        plan->reverse = true;
        break;
    case CC:
        perf->congestion = options_congestion(&program, "cc");
        break;
    case DATAGRAM:
        perf->datagram_size =
            (uint32_t)options_number(&program, "datagram", DATAGRAM_MIN, DATAGRAM_MAX);
        break;
    case JSON:
        perf->json = true;
        break;
    case 'q':
        perf->quiet = true;
        break;
    case '4':
    case '6':
        take_family(perf, key);
        break;
    default:
        security_take(&program, &perf->security, key);
    }
    arguments->has_plan |= key == MODE || key == RATE || key == SIZE || key == STREAMS ||
                           key == CONNECTIONS || key == 't' || key == REVERSE || key == '4' ||
                           key == '6';
}

/* ------------------------------------------------------------------ what goes together */

static void check_server(const struct arguments *arguments)
{
    const struct security_options *security = &arguments->perf.security;
    if (arguments->has_plan)
        options_fail(&program, "-s: what is measured is the client's to say: give --mode, "
                               "--rate, --size, --streams, --connections, --time, --reverse, "
                               "-4 and -6 there");
    if (security->has_server_key || security->server_key_file)
        options_fail(&program, "-s: --server-key and --server-key-file are for the client; the "
                               "server's own goes with --key");
    security_check_server(&program, security, false);
}

static void check_client(const struct arguments *arguments)
{
    const struct perf_plan *plan = &arguments->perf.plan;
    if (arguments->has_listen)
        options_fail(&program, "--listen: it is for the server: leave it out with -c");
    if (arguments->perf.security.authorized)
        options_fail(&program, "--authorized: it is for the server: leave it out with -c");
    if (arguments->rate_bits_s > 0 && plan->mode != PERF_RATE)
        options_fail(&program, "--rate and --mode %s exclude each other: leave one of them out",
                     perf_mode_name(plan->mode));
    if (arguments->rate_bits_s <= 0 && plan->mode == PERF_RATE)
        options_fail(&program, "--mode rate: no --rate: say how much, as in --rate 4mbit");
    if (plan->mode == PERF_RR && plan->reverse)
        options_fail(&program, "--reverse: with --mode rr both sides send: leave it out");
    if (plan->mode == PERF_RATE && plan->size < PERF_RATE_SIZE)
        options_fail(&program,
                     "--size %zu: a message of mode rate has at least %d bytes, its "
                     "number and its time",
                     plan->size, PERF_RATE_SIZE);
    security_check_client(&program, &arguments->perf.security, false);
}

static void set_defaults(struct arguments *arguments)
{
    static const size_t sizes[] = {[PERF_BULK] = 16384, [PERF_RR] = 64, [PERF_RATE] = 1000};
    struct perf_plan *plan = &arguments->perf.plan;
    if (arguments->rate_bits_s > 0 && !arguments->has_mode)
        plan->mode = PERF_RATE;
    if (!arguments->has_size)
        plan->size = sizes[plan->mode];
    if (arguments->rate_bits_s > 0)
        plan->interval_ns =
            (uint64_t)((double)plan->size * 8 / arguments->rate_bits_s * (double)SECOND_NS);
    if (plan->mode == PERF_RATE && arguments->rate_bits_s > 0 && plan->interval_ns < 100)
        options_fail(&program, "--rate: more than ten million messages a second: make them "
                               "larger with --size");
}

int main(int argc, char **argv)
{
    static struct arguments arguments = {
        .perf = {.target = ":10000",
                 .address = {.port = ADDRESS_PORT_DEFAULT},
                 .connections = 1,
                 .plan = {.streams = 1, .seconds = 10}},
    };
    struct perf_options *perf = &arguments.perf;
    signal(SIGPIPE, SIG_IGN);
    for (int key; (key = options_next(&program, argc, argv)) != -1;)
        take_option(&arguments, key);

    if (optind < argc)
        options_fail(&program, "'%s': no operand is taken: the server's address goes with -c",
                     argv[optind]);
    if (perf->is_server == arguments.is_client)
        options_fail(&program, perf->is_server ? "-s and -c exclude each other: give one"
                                               : "neither -s nor -c: be a server, or say where "
                                                 "it is, as in -c localhost");
    set_defaults(&arguments);
    if (perf->is_server)
        check_server(&arguments);
    else
        check_client(&arguments);
    return options_finish(&program, perf->is_server ? perf_serve(perf) : perf_call(perf));
}

/* ------------------------------------------------------------------ for both sides */

static void on_log(void *ctx, int level, const struct belay_conn *conn, const char *text)
{
    (void)ctx, (void)conn;
    if (level <= 1)
        fprintf(stderr, "%s: %s\n", PERF_NAME, text);
}

void perf_configure(const struct perf_options *options, struct belay_config *config)
{
    belay_config_init(config);
    config->log = on_log;
    config->core.send_queue_max = QUEUE_MAX;
    if (options->congestion)
        config->core.congestion = options->congestion;
    if (options->datagram_size)
        config->core.datagram_size = options->datagram_size;
}

struct event_base *perf_base_new(void)
{
    struct event_base *base = NULL;
    struct event_config *config = event_config_new();
    if (config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
        base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    if (base == NULL)
        fprintf(stderr, "%s: out of memory\n", PERF_NAME);
    return base;
}

double perf_cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}
