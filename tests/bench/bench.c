/*
 * bench.c - one peer, measured: a server process and a client process over loopback, or one of
 * them alone with a network between. Prints one line of JSON. See --help.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 16

static volatile sig_atomic_t is_told;

bool bench_is_told(void)
{
    return is_told != 0;
}

static void on_signal(int number)
{
    (void)number;
    is_told = 1;
}

/* ------------------------------------------------------------------ for peers */

const char *bench_word(const struct bench_setup *setup, const char *name)
{
    size_t len = strlen(name);

    for (const char *const *word = setup->words; *word != NULL; word++)
        if (strncmp(*word, name, len) == 0 && ((*word)[len] == '=' || (*word)[len] == '\0'))
            return *word + len + ((*word)[len] == '=');
    return NULL;
}

bool bench_wait_fd(int fd, short events, unsigned timeout_us)
{
    struct pollfd look = {.fd = fd, .events = events};
    struct timespec timeout = {.tv_sec = timeout_us / 1000000,
                               .tv_nsec = timeout_us % 1000000 * 1000};

    return ppoll(&look, 1, &timeout, NULL) > 0;
}

/* ------------------------------------------------------------------ options */

static void print_help(const char *program)
{
    printf(
        "usage: %s --mode bulk|echo|latency [OPTION]...\n\n"
        "%s, measured: bulk is as much as goes from client to server, echo keeps messages in\n"
        "flight there and back, latency sends at even intervals and measures one way, from\n"
        "when a message was due. Prints one line of JSON.\n\n"
        "  --role both|server|client  both are two processes over loopback [both]\n"
        "  --address ADDR:PORT        to bind or to dial [127.0.0.1:0]\n"
        "  --size BYTES               of a message, %d to %d [1200]\n"
        "  --seconds S                how long messages are sent [3]\n"
        "  --from S, --to S           what counts of it [a sixth, five sixths; latency: all]\n"
        "  --interval-us N            latency: between messages [10000]\n"
        "  --in-flight N              echo: messages [1]\n"
        "  --pin                      the server on the first core, the client on the second\n"
        "  --with WORD                how the peer is to be; more than once. Here: %s\n"
        "  --help\n",
        program, bench_peer.name, BENCH_SIZE_MIN, BENCH_SIZE_MAX,
        *bench_peer.words ? bench_peer.words : "none");
}

_Noreturn static void usage(const char *option, const char *value, const char *right)
{
    fprintf(stderr, "%s: %s '%s': %s\n", program_invocation_short_name, option, value, right);
    exit(2);
}

static unsigned choose(const char *option, const char *const *names, const char *right)
{
    for (unsigned i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], optarg) == 0)
            return i;
    usage(option, optarg, right);
}

static double number(const char *option, double min, double max)
{
    char *end, right[80];
    double value = strtod(optarg, &end);

    if (end != optarg && *end == '\0' && value >= min && value <= max)
        return value;
    snprintf(right, sizeof(right), "not a number from %g to %g", min, max);
    usage(option, optarg, right);
}

static void take_address(struct bench_setup *setup)
{
    char *colon = strrchr(optarg, ':'), *end = NULL;
    struct in_addr ignored;
    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);

    if (colon != NULL)
        *colon = '\0';
    if (colon == NULL || end == colon + 1 || *end != '\0' || port > 65535 ||
        inet_pton(AF_INET, optarg, &ignored) != 1)
        usage("--address", optarg, "not an IPv4 address and a port, as in 127.0.0.1:9000");
    setup->host = optarg;
    setup->port = (uint16_t)port;
}

/* One of the names in bench_peer.words. */
static void take_word(const char **words)
{
    size_t len = strcspn(optarg, "="), count = 0;
    const char *at = bench_peer.words;
    char right[80];

    while (*at != '\0' && (strcspn(at, " ") != len || strncmp(at, optarg, len) != 0)) {
        at += strcspn(at, " ");
        at += *at == ' ';
    }
    if (*at == '\0' || len == 0) {
        snprintf(right, sizeof(right), "this peer knows %s",
                 *bench_peer.words ? bench_peer.words : "no words");
        usage("--with", optarg, right);
    }
    while (words[count] != NULL)
        count++;
    if (count == WORDS_MAX)
        usage("--with", optarg, "at most 16");
    words[count] = optarg;
}

enum { MODE = 256, ROLE, ADDRESS, SIZE, SECONDS, FROM, TO, INTERVAL, IN_FLIGHT, PIN, WITH };

static const struct option long_options[] = {
    {"mode", required_argument, NULL, MODE},
    {"role", required_argument, NULL, ROLE},
    {"address", required_argument, NULL, ADDRESS},
    {"size", required_argument, NULL, SIZE},
    {"seconds", required_argument, NULL, SECONDS},
    {"from", required_argument, NULL, FROM},
    {"to", required_argument, NULL, TO},
    {"interval-us", required_argument, NULL, INTERVAL},
    {"in-flight", required_argument, NULL, IN_FLIGHT},
    {"pin", no_argument, NULL, PIN},
    {"with", required_argument, NULL, WITH},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void take_option(struct bench_options *options, const char **words, int key)
{
    static const char *const modes[] = {"bulk", "echo", "latency", NULL};
    static const char *const roles[] = {"both", "server", "client", NULL};

    switch (key) {
    case MODE:
        options->mode = choose("--mode", modes, "not bulk, echo or latency");
        break;
    case ROLE:
        options->role = choose("--role", roles, "not both, server or client");
        break;
    case ADDRESS:
        take_address(&options->setup);
        break;
    case SIZE:
        options->size = (size_t)number("--size", BENCH_SIZE_MIN, BENCH_SIZE_MAX);
        break;
    case SECONDS:
        options->seconds = number("--seconds", 0.001, 86400);
        break;
    case FROM:
        options->from_s = number("--from", 0, 86400);
        break;
    case TO:
        options->to_s = number("--to", 0, 86400);
        break;
    case INTERVAL:
        options->interval_ns = (uint64_t)number("--interval-us", 1, 1e9) * 1000;
        break;
    case IN_FLIGHT:
        options->in_flight = (uint64_t)number("--in-flight", 1, 65536);
        break;
    case PIN:
        options->is_pinned = true;
        break;
    default:
        take_word(words);
    }
}

static void take_options(struct bench_options *options, const char **words, int argc,
                         char **argv)
{
    bool has_mode = false;

    for (int key; (key = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (key == 'h') {
            print_help(argv[0]);
            exit(0);
        }
        if (key == '?')
            exit(2);
        has_mode |= key == MODE;
        take_option(options, words, key);
    }
    if (!has_mode || optind < argc)
        usage(has_mode ? "operand" : "--mode", has_mode ? argv[optind] : "",
              has_mode ? "none is taken" : "missing: bulk, echo or latency");
    if (options->from_s < 0)
        options->from_s = options->mode == BENCH_LATENCY ? 0 : options->seconds / 6;
    if (options->to_s < 0)
        options->to_s = options->seconds * (options->mode == BENCH_LATENCY ? 1 : 5 / 6.0);
    options->setup.size = options->size;
    options->setup.words = words;
}

/* ------------------------------------------------------------------ processes */

static void pin(const struct bench_options *options, int cpu)
{
    cpu_set_t set;

    if (!options->is_pinned)
        return;
    CPU_ZERO(&set);
    CPU_SET(cpu % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof(set), &set);
}

/* port_pipe: where the port goes, -1: nowhere. */
static void run_server(struct bench_options *options, struct bench_side *side, int port_pipe)
{
    struct bench_setup *setup = &options->setup;

    pin(options, 0);
    setup->is_server = true;
    setup->on_message = bench_serve_message;
    side->has_failed = bench_peer.start(setup) != 0;
    if (port_pipe >= 0 && write(port_pipe, &setup->port, sizeof(setup->port)) < 0)
        side->has_failed = true;
    if (side->has_failed)
        return;
    bench_serve(options, side);
    bench_peer.stop();
}

static void run_client(struct bench_options *options, struct bench_side *side)
{
    pin(options, 1);
    options->setup.on_message = bench_call_message;
    side->has_failed = bench_peer.start(&options->setup) != 0;
    if (side->has_failed)
        return;
    bench_call(options, side);
    bench_peer.stop();
}

static bool run_both(struct bench_options *options, struct bench_side *server,
                     struct bench_side *client)
{
    int port_pipe[2], side_pipe[2];
    bool is_right;
    pid_t pid;

    if (pipe(port_pipe) != 0 || pipe(side_pipe) != 0 || (pid = fork()) < 0) {
        perror(bench_peer.name);
        return false;
    }
    if (pid == 0) {
        run_server(options, server, port_pipe[1]);
        _exit(write(side_pipe[1], server, sizeof(*server)) != sizeof(*server));
    }
    close(port_pipe[1]);
    close(side_pipe[1]);
    is_right = read(port_pipe[0], &options->setup.port, sizeof(options->setup.port)) ==
               sizeof(options->setup.port);
    if (is_right)
        run_client(options, client);
    kill(pid, SIGTERM);
    is_right &= read(side_pipe[0], server, sizeof(*server)) == sizeof(*server);
    waitpid(pid, NULL, 0);
    return is_right;
}

int main(int argc, char **argv)
{
    static struct bench_side server, client;
    static const char *words[WORDS_MAX + 1];
    struct bench_options options = {
        .size = 1200,
        .seconds = 3,
        .from_s = -1,
        .to_s = -1,
        .interval_ns = 10000000,
        .in_flight = 1,
        .setup = {.host = "127.0.0.1"},
    };
    struct sigaction action = {.sa_handler = on_signal};
    bool is_right = true;

    take_options(&options, words, argc, argv);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (options.role == BENCH_BOTH)
        is_right = run_both(&options, &server, &client);
    else if (options.role == BENCH_SERVER)
        run_server(&options, &server, -1);
    else
        run_client(&options, &client);
    if (bench_print(&options, options.role == BENCH_CLIENT ? NULL : &server,
                    options.role == BENCH_SERVER ? NULL : &client) != 0)
        return 1;
    if (server.disordered + client.disordered > 0)
        fprintf(stderr, "%s: messages came out of order, twice or damaged\n", bench_peer.name);
    return !is_right || server.has_failed || client.has_failed ||
           server.disordered + client.disordered > 0;
}
