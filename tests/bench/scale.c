/*
 * scale.c - what many connections cost, in the core alone: two cores in memory, no sockets, the
 * server's calls timed.
 *
 *     bench_scale [--json] [CONNECTIONS]      [100000]
 *
 * Handshakes a second on one core, by pattern; a refused cookie; memory of an idle connection;
 * 30 s of keepalives from one side, as a share of one core. --json: a line of JSON for each.
 */
#include <belay/core.h>

#include <openssl/rand.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS              UINT64_C(1000000)
#define SECOND          (1000 * MS)
#define HANDSHAKES      3000
#define COOKIES         (3200 * INITS_AT_ONCE)
#define INITS_AT_ONCE   32
#define BELAY_INIT_SIZE 1200
#define DIALS_AT_ONCE   32
#define KEEPALIVE_S     15
#define KEEPALIVE_RUN_S 30

struct end {
    struct belay_core *core;
    struct belay_address address;
    uint64_t accepted, connected, closed;
    double cpu_ns; /* of its calls */
};

static struct end client, server;
static uint64_t now_ns = SECOND;
static uint8_t buffer[65536];
static bool is_json;

static double cpu_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_scale: %s\n", what);
    exit(1);
}

static void *resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    (void)ctx, (void)old_size;
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

static void fill(void *ctx, void *out, size_t len)
{
    (void)ctx;
    if (RAND_bytes(out, (int)len) != 1)
        die("no random bytes");
}

static void open_end(struct end *end, const struct belay_core_config *config, uint8_t number)
{
    static const struct belay_memory memory = {resize, NULL};
    static const struct belay_random random = {fill, NULL};
    int error;

    *end = (struct end){.address = {.len = 4, .bytes = {10, 0, 0, number}}};
    end->core = belay_core_new(config, &memory, &random, NULL, &error);
    if (end->core == NULL)
        die(belay_strerror(error));
}

static void close_ends(void)
{
    belay_core_free(client.core);
    belay_core_free(server.core);
}

/* ------------------------------------------------------------------ the network */

static void poll(struct end *end)
{
    struct belay_core_event event;

    while (belay_core_poll(end->core, &event) == 1) {
        end->accepted += event.type == BELAY_CORE_ACCEPTED;
        end->connected += event.type == BELAY_CORE_CONNECTED;
        end->closed += event.type == BELAY_CORE_CLOSED;
        if (event.type == BELAY_CORE_CLOSED)
            belay_core_conn_free(event.conn);
    }
}

/* One train of from's to the other side. False: it has none. */
static bool carry(struct end *from, struct end *to)
{
    struct belay_train train = {.buffer = buffer, .capacity = sizeof(buffer)};
    struct belay_path path = {.local = to->address, .remote = from->address};
    double start = cpu_now_ns(), sent;
    bool has = belay_core_send(from->core, &train, now_ns) == 1;

    sent = cpu_now_ns();
    from->cpu_ns += sent - start;
    if (!has)
        return false;
    belay_core_receive(to->core, &path, buffer, train.len, train.segment_size, train.ecn,
                       now_ns);
    poll(to);
    to->cpu_ns += cpu_now_ns() - sent;
    return true;
}

static void carry_all(void)
{
    bool any = true;

    while (any) {
        any = carry(&client, &server);
        any |= carry(&server, &client);
    }
    poll(&client);
}

/* Virtual time goes on until end_ns, deadline by deadline. */
static void run_until(uint64_t end_ns)
{
    struct end *ends[] = {&client, &server};

    for (;;) {
        uint64_t next_ns = end_ns;

        for (unsigned i = 0; i < 2; i++) {
            uint64_t at_ns = belay_core_deadline(ends[i]->core);
            next_ns = at_ns < next_ns ? at_ns : next_ns;
        }
        if (next_ns > now_ns)
            now_ns = next_ns;
        for (unsigned i = 0; i < 2; i++) {
            double start = cpu_now_ns();

            if (belay_core_deadline(ends[i]->core) <= now_ns)
                belay_core_timeout(ends[i]->core, now_ns);
            poll(ends[i]);
            ends[i]->cpu_ns += cpu_now_ns() - start;
        }
        carry_all();
        if (now_ns >= end_ns)
            return;
    }
}

static struct belay_core_conn *dial(void)
{
    struct belay_path path = {.local = client.address, .remote = server.address};
    struct belay_core_conn *conn;

    if (belay_core_connect(client.core, &path, true, NULL, &conn) != 0)
        die("cannot dial");
    return conn;
}

/* ------------------------------------------------------------------ handshakes */

enum kind { NN, NK, IK, KINDS };

static void handshakes(enum kind kind)
{
    static const char *const names[] = {"NN", "NK", "IK"};
    struct belay_core_config of_client, of_server;

    belay_core_config_init(&of_server);
    of_client = of_server;
    of_server.half_open_cookies = of_server.half_open_max;
    of_client.has_private_key = kind == IK;
    memset(of_client.private_key, 7, sizeof(of_client.private_key));
    open_end(&server, &of_server, 1);
    if (kind != NN) {
        of_client.has_server_key = true;
        memcpy(of_client.server_key, belay_core_key(server.core), 32);
    }
    open_end(&client, &of_client, 2);
    belay_core_listen(server.core, true);
    for (unsigned done = 0; done < HANDSHAKES; done += DIALS_AT_ONCE) {
        for (unsigned i = 0; i < DIALS_AT_ONCE; i++)
            dial();
        carry_all();
    }
    if (server.accepted < HANDSHAKES || client.connected != server.accepted)
        die("a handshake failed");
    printf(is_json ? "{\"benchmark\":\"handshakes\",\"pattern\":\"%s\",\"per_s\":%.0f,"
                     "\"server_us\":%.1f,\"client_us\":%.1f}\n"
                   : "%-28s %10.0f a second of server's CPU (%.1f us), client %.1f us\n",
           names[kind], (double)server.accepted / server.cpu_ns * 1e9,
           server.cpu_ns / (double)server.accepted / 1e3,
           client.cpu_ns / (double)server.accepted / 1e3);
    close_ends();
}

/* An INIT with a cookie of now that is another address's, again and again: what costs most. */
static void refused_cookies(void)
{
    struct belay_core_config config;
    struct belay_train train = {.buffer = buffer, .capacity = sizeof(buffer)};
    struct belay_path path;
    struct belay_core_stats stats;
    static uint8_t init[BELAY_INIT_SIZE], inits[INITS_AT_ONCE][BELAY_INIT_SIZE];
    double took_ns = 0;

    belay_core_config_init(&config);
    config.half_open_cookies = 0;
    open_end(&server, &config, 1);
    open_end(&client, &config, 2);
    belay_core_listen(server.core, true);
    dial();
    carry(&client, &server); /* INIT */
    carry(&server, &client); /* RETRY */
    if (belay_core_send(client.core, &train, now_ns) != 1 || train.len != sizeof(init))
        die("no second INIT");
    memcpy(init, buffer, sizeof(init));
    path = (struct belay_path){.local = server.address, .remote = client.address};
    path.remote.bytes[3]++;
    for (unsigned done = 0; done < COOKIES; done += INITS_AT_ONCE) {
        struct belay_train retry = {.buffer = buffer, .capacity = sizeof(buffer)};
        double start;

        for (unsigned i = 0; i < INITS_AT_ONCE; i++)
            memcpy(inits[i], init, sizeof(init));
        start = cpu_now_ns();
        for (unsigned i = 0; i < INITS_AT_ONCE; i++)
            belay_core_receive(server.core, &path, inits[i], sizeof(init), 0, 0, now_ns);
        while (belay_core_send(server.core, &retry, now_ns) == 1) /* so that RETRYs have room */
            continue;
        took_ns += cpu_now_ns() - start;
    }
    belay_core_get_stats(server.core, &stats, sizeof(stats));
    if (stats.cookies_refused != COOKIES)
        die("not every cookie was refused");
    printf(is_json ? "{\"benchmark\":\"%s\",\"us\":%.2f}\n"
                   : "%-28s %10.2f us, its RETRY included\n",
           "refused cookie", took_ns / COOKIES / 1e3);
    close_ends();
}

/* ------------------------------------------------------------------ idle connections */

static void idle(unsigned count)
{
    struct belay_core_config config;
    struct mallinfo2 before = mallinfo2(), after;
    double core, client_core, heap;

    belay_core_config_init(&config);
    config.connections_max = count + 64;
    config.half_open_max = 65536;
    config.half_open_cookies = 65536;
    config.keepalive_ns = 0;
    open_end(&server, &config, 1);
    config.keepalive_ns = KEEPALIVE_S * SECOND;
    open_end(&client, &config, 2);
    belay_core_listen(server.core, true);
    for (unsigned done = 0; done < count;) {
        for (unsigned i = 0; i < DIALS_AT_ONCE && done < count; i++, done++)
            dial();
        carry_all();
        now_ns += KEEPALIVE_S * SECOND / (count / DIALS_AT_ONCE + 1);
    }
    run_until(now_ns + KEEPALIVE_S * SECOND); /* every handshake is long over */
    if (server.accepted != count || client.connected != count)
        die("not every connection came up");
    after = mallinfo2();
    core = (double)belay_core_memory_bytes(server.core) / count;
    client_core = (double)belay_core_memory_bytes(client.core) / count;
    heap = (double)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / count;
    printf(is_json ? "{\"benchmark\":\"%s\",\"core_bytes\":%.0f,\"keys_bytes\":%.0f,"
                     "\"bytes\":%.0f,\"connections\":%u}\n"
                   : "%-28s %10.0f bytes of the core's, %.0f of keys, %.0f in all (%u "
                     "connections)\n",
           "idle connection", core, (heap - core - client_core) / 2,
           core + (heap - core - client_core) / 2, count);
    server.cpu_ns = 0;
    run_until(now_ns + KEEPALIVE_RUN_S * SECOND);
    printf(is_json ? "{\"benchmark\":\"%s\",\"cpu_percent\":%.2f,\"connections\":%u,"
                     "\"every_s\":%d}\n"
                   : "%-28s %10.2f %% of a core, sockets apart (%u connections, %d s)\n",
           "keepalives of one side", server.cpu_ns / (KEEPALIVE_RUN_S * 1e9) * 100, count,
           KEEPALIVE_S);
    if (server.closed + client.closed > 0)
        die("a connection ended");
    close_ends();
}

int main(int argc, char **argv)
{
    unsigned count;

    is_json = argc > 1 && strcmp(argv[1], "--json") == 0;
    argc -= is_json;
    argv += is_json;
    count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
    if (argc > 2 || count == 0 || count > 1000000) {
        fprintf(stderr, "usage: bench_scale [--json] [CONNECTIONS, 1 to 1000000]\n");
        return 2;
    }
    for (enum kind kind = NN; kind < KINDS; kind++)
        handshakes(kind);
    refused_cookies();
    idle(count);
    return 0;
}
