/*
 * fastpath.c - the core alone: two endpoints in one thread and in memory, no socket, a clock of
 * its own. How long a packet takes, what a connection weighs. Under callgrind how many
 * instructions: tests/bench/instructions.sh, which collects in sender_* and receiver_* only.
 */
#define _GNU_SOURCE
#include <belay/core.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION (void)0
#define CALLGRIND_STOP_INSTRUMENTATION  (void)0
#endif

#define BATCHES_MAX  4                     /* of a connection, queued and under way */
#define TURN_NS      10000                 /* of the stand's clock: a round trip */
#define SETTLE_NS    UINT64_C(10000000000) /* until connections that were made are idle */
#define TRAIN_BYTES  65507
#define IDLE_NS      (UINT64_C(40) * 24 * 3600 * 1000000000)
#define SIZE_MAX_ARG 65536
#define DIALS_MAX    32 /* at a time: fewer than ask for cookies */
#ifdef __clang__
#define APART __attribute__((noinline))
#else
#define APART __attribute__((noinline, noclone))
#endif

struct options {
    uint64_t messages, connections, batch;
    uint64_t active; /* connections that have messages, at most */
    uint64_t gap_ns; /* between a connection's batches; 0: a turn */
    size_t size;
    uint32_t datagram_bytes;
    bool insecure;
};

struct stand {
    struct belay_core *client, *server;
    struct belay_core_conn **conns;
    uint64_t connected, accepted, now_ns, next;
    uint64_t sent, received, received_bytes; /* messages */
    uint64_t packets, answers, busy_ns[2];   /* datagrams there and back; sender, receiver */
    uint8_t buffer[TRAIN_BYTES];
};

static const struct belay_path there = {.local = {6, {10, 0, 0, 1, 39, 16}},
                                        .remote = {6, {10, 0, 0, 2, 39, 16}}};
static const struct belay_path back = {.local = {6, {10, 0, 0, 2, 39, 16}},
                                       .remote = {6, {10, 0, 0, 1, 39, 16}}};

static void *resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

/* SplitMix64: the same keys and numbers in every run. */
static void fill(void *ctx, void *out, size_t len)
{
    uint64_t *state = ctx;
    uint8_t *bytes = out;

    for (size_t i = 0; i < len; i++) {
        uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        bytes[i] = (uint8_t)(z ^ z >> 31);
    }
}

static uint64_t clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t datagrams(const struct belay_train *train)
{
    return train->segment_size == 0 || train->len <= train->segment_size
               ? 1
               : (train->len + train->segment_size - 1) / train->segment_size;
}

/* ------------------------------------------------------------------ the two sides */

static void poll_all(struct stand *stand, struct belay_core *core)
{
    struct belay_core_event event;

    while (belay_core_poll(core, &event) == 1) {
        stand->connected += event.type == BELAY_CORE_CONNECTED;
        stand->accepted += event.type == BELAY_CORE_ACCEPTED;
        if (event.type == BELAY_CORE_CLOSED) {
            fprintf(stderr, "fastpath: a connection ended: %s\n", event.reason);
            exit(1);
        }
        if (event.type != BELAY_CORE_MESSAGE)
            continue;
        stand->received++;
        stand->received_bytes += event.len;
    }
}

static bool take(struct stand *stand, struct belay_core *core, struct belay_train *train)
{
    *train = (struct belay_train){.buffer = stand->buffer, .capacity = sizeof(stand->buffer)};
    return belay_core_send(core, train, stand->now_ns) == 1;
}

static void give(struct stand *stand, struct belay_core *core, const struct belay_path *path,
                 const struct belay_train *train)
{
    belay_core_receive(core, path, train->buffer, train->len, train->segment_size, train->ecn,
                       stand->now_ns);
    poll_all(stand, core);
}

static void timeouts(struct stand *stand, struct belay_core *core)
{
    if (belay_core_deadline(core) <= stand->now_ns)
        belay_core_timeout(core, stand->now_ns);
    poll_all(stand, core);
}

/* The same by names that callgrind can tell apart. */
static APART void sender_queue(struct stand *stand, struct belay_core_conn *conn,
                               const struct options *options)
{
    static const uint8_t data[SIZE_MAX_ARG];

    for (uint64_t i = 0; i < options->batch && stand->sent < options->messages; i++) {
        if (belay_core_conn_send(conn, 0, BELAY_RELIABLE_ORDERED, data, options->size, 0,
                                 BELAY_NEVER, NULL) != 0)
            return;
        stand->sent++;
    }
}

static APART bool sender_take(struct stand *stand, struct belay_train *train)
{
    return take(stand, stand->client, train);
}

static APART void sender_give(struct stand *stand, const struct belay_train *train)
{
    give(stand, stand->client, &there, train);
}

static APART void sender_timeouts(struct stand *stand)
{
    timeouts(stand, stand->client);
}

static APART bool receiver_take(struct stand *stand, struct belay_train *train)
{
    return take(stand, stand->server, train);
}

static APART void receiver_give(struct stand *stand, const struct belay_train *train)
{
    give(stand, stand->server, &back, train);
}

static APART void receiver_timeouts(struct stand *stand)
{
    timeouts(stand, stand->server);
}

/* ------------------------------------------------------------------ turns */

static uint64_t lap(uint64_t *sum_ns, uint64_t since_ns)
{
    uint64_t now_ns = clock_ns();

    *sum_ns += now_ns - since_ns;
    return now_ns;
}

/* Everything that goes now, both ways. */
static void exchange(struct stand *stand, uint64_t since_ns)
{
    struct belay_train train;

    while (sender_take(stand, &train)) {
        since_ns = lap(&stand->busy_ns[0], since_ns);
        stand->packets += datagrams(&train);
        receiver_give(stand, &train);
        since_ns = lap(&stand->busy_ns[1], since_ns);
    }
    since_ns = lap(&stand->busy_ns[0], since_ns);
    while (receiver_take(stand, &train)) {
        since_ns = lap(&stand->busy_ns[1], since_ns);
        stand->answers += datagrams(&train);
        sender_give(stand, &train);
        since_ns = lap(&stand->busy_ns[0], since_ns);
    }
    since_ns = lap(&stand->busy_ns[1], since_ns);
    sender_timeouts(stand);
    since_ns = lap(&stand->busy_ns[0], since_ns);
    receiver_timeouts(stand);
    lap(&stand->busy_ns[1], since_ns);
}

/* What is due on the way happens in its time. */
static void advance(struct stand *stand, uint64_t turn_ns)
{
    uint64_t until_ns = stand->now_ns + turn_ns;

    for (;;) {
        uint64_t client_ns = belay_core_deadline(stand->client);
        uint64_t server_ns = belay_core_deadline(stand->server);
        uint64_t next_ns = client_ns < server_ns ? client_ns : server_ns;

        if (next_ns >= until_ns)
            break;
        if (next_ns > stand->now_ns)
            stand->now_ns = next_ns;
        exchange(stand, clock_ns());
    }
    stand->now_ns = until_ns;
}

static void connect_all(struct stand *stand, const struct options *options)
{
    uint64_t dialed = 0;

    while (stand->connected < options->connections || stand->accepted < options->connections) {
        while (dialed < options->connections && dialed - stand->accepted < DIALS_MAX) {
            if (belay_core_connect(stand->client, &there, options->connections > 1, NULL,
                                   &stand->conns[dialed]) != 0) {
                fprintf(stderr, "fastpath: connection %" PRIu64 " can't be made\n", dialed);
                exit(1);
            }
            dialed++;
        }
        exchange(stand, clock_ns());
        advance(stand, TURN_NS);
    }
}

static void send_all(struct stand *stand, const struct options *options)
{
    uint64_t active =
        options->active < options->connections ? options->active : options->connections;
    uint64_t turn_ns = options->gap_ns == 0 ? TURN_NS : options->gap_ns / active + 1;
    uint64_t most =
        BATCHES_MAX * options->batch * active; /* as an app that heeds back-pressure */

    while (stand->received < options->messages) {
        uint64_t since_ns = clock_ns();

        if (stand->sent < options->messages && stand->sent - stand->received < most)
            sender_queue(stand, stand->conns[stand->next++ % active], options);
        exchange(stand, since_ns);
        advance(stand, turn_ns);
    }
}

/* ------------------------------------------------------------------ the program */

static struct belay_core *new_core(const struct options *options, uint64_t *seed)
{
    const struct belay_memory memory = {resize, NULL};
    const struct belay_random random = {fill, seed};
    struct belay_core_config config;
    struct belay_core *core;
    int error;

    belay_core_config_init(&config);
    config.insecure = options->insecure;
    config.datagram_size = config.datagram_size_max = options->datagram_bytes;
    config.connections_max = (uint32_t)options->connections + DIALS_MAX;
    config.keepalive_ns = 0;
    config.idle_timeout_ns = IDLE_NS; /* a timer for each, which never comes */
    core = belay_core_new(&config, &memory, &random, NULL, &error);
    if (core != NULL)
        return core;
    fprintf(stderr, "fastpath: %s\n", belay_strerror(error));
    exit(1);
}

static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void measure(struct stand *stand, const struct options *options)
{
    uint64_t before = resident_bytes(), n = options->connections;
    clock_t start;
    double cpu_s, busy_ns;

    connect_all(stand, options);
    advance(stand, SETTLE_NS);
    printf("{\"connections\":%" PRIu64 ",\"insecure\":%s,\"size\":%zu,\"batch\":%" PRIu64
           ",\"bytes_a_connection\":{\"client_core\":%" PRIu64 ",\"server_core\":%" PRIu64
           ",\"resident_both\":%" PRIu64 "}",
           n, options->insecure ? "true" : "false", options->size, options->batch,
           (uint64_t)belay_core_memory_bytes(stand->client) / n,
           (uint64_t)belay_core_memory_bytes(stand->server) / n,
           (resident_bytes() - before) / n);
    stand->packets = stand->answers = stand->busy_ns[0] = stand->busy_ns[1] = 0;
    start = clock();
    CALLGRIND_START_INSTRUMENTATION;
    send_all(stand, options);
    CALLGRIND_STOP_INSTRUMENTATION;
    /* Laps say which side; how long, the processor's time, for others may use it, too. */
    cpu_s = (double)(clock() - start) / CLOCKS_PER_SEC;
    busy_ns = (double)(stand->busy_ns[0] + stand->busy_ns[1]);
    printf(",\"messages\":%" PRIu64 ",\"packets\":%" PRIu64 ",\"answers\":%" PRIu64
           ",\"sender_ns\":%.1f,\"receiver_ns\":%.1f,\"packets_per_s\":%.0f}\n",
           stand->received, stand->packets, stand->answers,
           (double)stand->busy_ns[0] / busy_ns * cpu_s * 1e9 / (double)stand->packets,
           (double)stand->busy_ns[1] / busy_ns * cpu_s * 1e9 / (double)stand->packets,
           (double)(stand->packets + stand->answers) / cpu_s);
}

static uint64_t number(const char *name, uint64_t min, uint64_t max)
{
    char *end;
    uint64_t value = strtoull(optarg, &end, 10);

    if (*optarg >= '0' && *optarg <= '9' && *end == '\0' && value >= min && value <= max)
        return value;
    fprintf(stderr, "fastpath: --%s '%s': not a whole number from %" PRIu64 " to %" PRIu64 "\n",
            name, optarg, min, max);
    exit(2);
}

static const char usage[] =
    "usage: %s [--messages N] [--size BYTES] [--connections N] [--active N] [--batch N]\n"
    "       [--gap-ms N] [--datagram BYTES] [--insecure]\n"
    "messages [1000000] of so many bytes [1200], so many at a time [64] on one connection [1]\n"
    "after the other of the active ones [1000], each one's next batch so much later [a round\n"
    "trip of 10 us], in datagrams [1472, as on Ethernet]; in memory; no connection has more\n"
    "than four batches queued and under way; prints a line of JSON\n";

static void take_options(struct options *options, int argc, char **argv)
{
    static const struct option rows[] = {
        {"messages", required_argument, NULL, 'm'},
        {"size", required_argument, NULL, 's'},
        {"connections", required_argument, NULL, 'c'},
        {"active", required_argument, NULL, 'a'},
        {"batch", required_argument, NULL, 'b'},
        {"gap-ms", required_argument, NULL, 'g'},
        {"datagram", required_argument, NULL, 'd'},
        {"insecure", no_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };

    for (int key; (key = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
        if (key == 'm')
            options->messages = number("messages", 1, UINT64_C(1) << 40);
        else if (key == 's')
            options->size = (size_t)number("size", 0, SIZE_MAX_ARG);
        else if (key == 'c')
            options->connections = number("connections", 1, 1u << 22);
        else if (key == 'b')
            options->batch = number("batch", 1, 1u << 20);
        else if (key == 'a')
            options->active = number("active", 1, 1u << 22);
        else if (key == 'g')
            options->gap_ns = number("gap-ms", 0, 60000) * 1000000;
        else if (key == 'd')
            options->datagram_bytes = (uint32_t)number("datagram", 1200, 65507);
        else if (key == 'i')
            options->insecure = true;
        else {
            printf(usage, argv[0]);
            exit(key == 'h' ? 0 : 2);
        }
    }
}

int main(int argc, char **argv)
{
    struct options options = {.messages = 1000000,
                              .connections = 1,
                              .active = 1000,
                              .batch = 64,
                              .size = 1200,
                              .datagram_bytes = 1472};
    uint64_t seeds[] = {1, 2};
    struct stand *stand = calloc(1, sizeof(*stand));

    take_options(&options, argc, argv);
    if (stand == NULL)
        return 1;
    stand->client = new_core(&options, &seeds[0]);
    stand->server = new_core(&options, &seeds[1]);
    stand->now_ns = 1;
    stand->conns = calloc(options.connections, sizeof(struct belay_core_conn *));
    if (stand->conns == NULL)
        return 1;
    belay_core_listen(stand->server, true);
    measure(stand, &options);
    belay_core_free(stand->client);
    belay_core_free(stand->server);
    free(stand->conns);
    free(stand);
    return 0;
}
