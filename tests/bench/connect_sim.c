/*
 * connect_sim.c - how long a connection takes to open, in virtual time: thousands of dials,
 * each over a link of its own that delays and loses. Deterministic: the same seed prints the
 * same on every machine; what handshakes cost the CPU takes no virtual time. See --help.
 */
#include "sim/sim.h"
#include "support.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE (20 * SIM_S)

static const char help[] =
    "usage: bench_connect_sim [OPTION]...\n\n"
    "Dials over a simulated link, the same both ways, encrypted: when the client is "
    "connected,\n"
    "and when the server has accepted. Prints a line of JSON for each loss.\n\n"
    "  --dials N       at each loss [4000]\n"
    "  --delay-ms MS   one way [25]\n"
    "  --loss LIST     in percent, each way [0,1,5,10,20,30]\n"
    "  --seed N        of the first dial [1]\n"
    "  --help\n";

static double dials = 4000, delay_ms = 25, seed = 1;
static const char *losses = "0,1,5,10,20,30";

void sim_print_replay(uint64_t of_seed)
{
    printf("replay: bench_connect_sim --dials 1 --seed %llu\n", (unsigned long long)of_seed);
}

void sim_stop(void)
{
    fflush(stdout);
    exit(1);
}

/* False: it failed. */
static bool dial(uint64_t of_seed, const char *words, struct support_samples *connected,
                 struct support_samples *accepted)
{
    struct sim *sim = sim_new(of_seed);
    struct sim_host *client = sim_host_new(sim, "client", NULL);
    struct sim_host *server = sim_host_new(sim, "server", NULL);
    struct sim_conn *conn;
    bool is_open;

    sim_link(client, server, words);
    sim_link(server, client, words);
    sim_listen(server);
    conn = sim_connect(client, server);
    is_open = sim_run_until(sim, sim_is_open, conn, PATIENCE);
    if (is_open) {
        support_sample(connected, conn->opened_ns);
        support_sample(accepted, conn->peer->opened_ns);
    }
    sim_free(sim);
    return is_open;
}

static json_t *cuts_object(struct support_samples *samples)
{
    struct support_cuts cuts = support_cut(samples);

    return json_pack("{s:f, s:f, s:f, s:f}", "p50_ms", cuts.p50_us / 1e3, "p99_ms",
                     cuts.p99_us / 1e3, "p999_ms", cuts.p999_us / 1e3, "max_ms",
                     cuts.max_us / 1e3);
}

static void run(double loss)
{
    struct support_samples connected, accepted;
    char words[80];
    uint64_t failed = 0;
    json_t *object;

    snprintf(words, sizeof(words), "delay %gms loss %g%%", delay_ms, loss);
    support_samples_init(&connected, (size_t)dials);
    support_samples_init(&accepted, (size_t)dials);
    for (uint64_t i = 0; i < (uint64_t)dials; i++)
        failed += !dial((uint64_t)seed + i, words, &connected, &accepted);
    object = json_pack("{s:s, s:f, s:f, s:I, s:I, s:I, s:o, s:o}", "benchmark", "connect_sim",
                       "loss_percent", loss, "delay_ms", delay_ms, "seed", (json_int_t)seed,
                       "dials", (json_int_t)dials, "failed", (json_int_t)failed, "connected",
                       cuts_object(&connected), "accepted", cuts_object(&accepted));
    json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    putchar('\n');
    fflush(stdout);
    json_decref(object);
    free(connected.ns);
    free(accepted.ns);
}

int main(int argc, char **argv)
{
    const struct support_option options[] = {
        {"dials", &dials, 1, 1e6, NULL, NULL},
        {"delay-ms", &delay_ms, 0, 1e4, NULL, NULL},
        {"loss", NULL, 0, 0, NULL, &losses},
        {"seed", &seed, 0, 1e15, NULL, NULL},
    };

    support_options(argc, argv, help, options, sizeof(options) / sizeof(options[0]));
    for (const char *at = losses; *at != '\0';) {
        char *end;
        double loss = strtod(at, &end);

        if (end == at || (*end != '\0' && *end != ',') || !(loss >= 0 && loss < 100))
            support_die("--loss '%s': not percents with commas between them", losses);
        run(loss);
        at = *end == ',' ? end + 1 : end;
    }
    return 0;
}
