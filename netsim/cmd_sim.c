/* belay-netsim sim: packets at a steady pace through one link, in virtual time. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/model/pipeline.h"
#include "netsim/report/log.h"

#define INTERVAL_MAX_MS 1e12

struct sim {
    struct netsim_plan *plan;
    const char *text;
    bool has_seed, quiet, ect;
    uint64_t seed, count, interval_ns, size;
};

static void print_help(void)
{
    puts("Usage: belay-netsim sim --link 'WORDS' [OPTION]...\n\n"
         "Sends packet 0, 1, 2 ... through one direction of a link and prints one JSON line\n"
         "for what becomes of each, in order of time:\n"
         "{\"t_ns\":20000000,\"id\":3,\"event\":\"rx\",...} or \"event\":\"drop\"; two rx "
         "lines: duplicated.\n"
         "The time is virtual: a run takes no longer than its arithmetic.\n\n"
         "  --link WORDS     as after `netem` in tc-netem(8); '' is a clean link;\n"
         "                   WORDS | WORDS: one after the other; WORDS ; at 5s WORDS: other\n"
         "                   words from then on\n"
         "  --seed N         the same seed, the same run; a seed in WORDS counts before it;\n"
         "                   neither: one is chosen and shown on stderr\n"
         "  --count N        packets [100]\n"
         "  --interval MS    packet i is sent at i x MS milliseconds, which may be 0.5 [1]\n"
         "  --size BYTES     length of a packet as netem sees it, headers included [1200]\n"
         "  --ect            packets are ECN-capable\n"
         "  --quiet          no notes on stderr\n"
         "  --help");
}

static int parse_interval(uint64_t *ns, const char *text)
{
    char *end;
    double ms = strtod(text, &end);

    if (end == text || *end != '\0' || text[0] < '0' || text[0] > '9')
        return netsim_cli_usage("--interval: `%s` is not a number of milliseconds", text);
    if (ms > INTERVAL_MAX_MS)
        return netsim_cli_usage("--interval: `%s` is more than %.0f", text, INTERVAL_MAX_MS);
    *ns = (uint64_t)rint(ms * 1e6);
    return 0;
}

enum { OPT_LINK = 256, OPT_SEED, OPT_COUNT, OPT_INTERVAL, OPT_SIZE, OPT_ECT, OPT_QUIET };

static const struct option options[] = {
    {"link", required_argument, NULL, OPT_LINK},
    {"seed", required_argument, NULL, OPT_SEED},
    {"count", required_argument, NULL, OPT_COUNT},
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"size", required_argument, NULL, OPT_SIZE},
    {"ect", no_argument, NULL, OPT_ECT},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int take_option(struct sim *sim, int option)
{
    switch (option) {
    case OPT_LINK:
        sim->text = optarg;
        return 0;
    case OPT_SEED:
        sim->has_seed = true;
        return netsim_cli_u64(&sim->seed, "seed", optarg, UINT64_MAX);
    case OPT_COUNT:
        return netsim_cli_u64(&sim->count, "count", optarg, UINT64_MAX);
    case OPT_INTERVAL:
        return parse_interval(&sim->interval_ns, optarg);
    case OPT_SIZE:
        return netsim_cli_u64(&sim->size, "size", optarg, UINT32_MAX);
    case OPT_ECT:
        sim->ect = true;
        return 0;
    case OPT_QUIET:
        sim->quiet = true;
        return 0;
    default: /* getopt has told */
        return netsim_cli_try_help("sim");
    }
}

static int check_options(struct sim *sim, int argc, char **argv)
{
    if (optind < argc)
        return netsim_cli_usage("`%s` is left over: quote the words of --link", argv[optind]);
    if (sim->text == NULL)
        return netsim_cli_usage("--link is missing; try: --link 'delay 20ms 5ms loss 5%%'");
    if (sim->interval_ns > 0 && sim->count > (uint64_t)INT64_MAX / 2 / sim->interval_ns)
        return netsim_cli_usage("--count times --interval is more than a hundred years");
    return netsim_cli_plan(&sim->plan, sim->text, sim->quiet);
}

static int print_outcomes(struct netsim_pipeline *pipeline, uint64_t now)
{
    struct netsim_outcome outcome;
    int bad = 0;

    while (bad == 0 && netsim_pipeline_poll(pipeline, now, &outcome)) {
        struct netsim_event event =
            netsim_event_outcome(&outcome, netsim_pipeline_stages(pipeline), outcome.t_ns);

        bad = netsim_log_write(stdout, &event);
    }
    return bad;
}

/* Those up to now that have not been told. */
static int print_rebinds(const struct netsim_pipeline *pipeline, uint64_t now, uint64_t *told)
{
    uint64_t ns;
    int bad = 0;

    while (bad == 0 && (ns = netsim_pipeline_next_rebind(pipeline, *told)) <= now) {
        struct netsim_event event = netsim_event_rebind(ns);

        bad = netsim_log_write(stdout, &event);
        *told = ns;
    }
    return bad;
}

/* What leaves at a time leaves before what is sent at that time. */
static int run(const struct sim *sim, struct netsim_pipeline *pipeline)
{
    uint64_t sent = 0, now = 0, told = 0;
    int bad = 0;

    while (bad == 0) {
        uint64_t due = netsim_pipeline_deadline(pipeline);
        uint64_t send = sent < sim->count ? sent * sim->interval_ns : BELAY_NEVER;

        if (due == BELAY_NEVER && send == BELAY_NEVER)
            break;
        if (send < due)
            now = send;
        else if (due > now)
            now = due;
        bad = print_rebinds(pipeline, now, &told);
        if (send < due) {
            struct netsim_packet packet = {
                .id = sent++, .len = (uint32_t)sim->size, .ect = sim->ect};

            netsim_pipeline_send(pipeline, &packet, now);
        }
        bad |= print_outcomes(pipeline, now);
    }
    return bad;
}

static int run_plan(const struct sim *sim)
{
    uint64_t seed = netsim_cli_plan_seed(sim->has_seed ? &sim->seed : NULL, sim->plan);
    struct netsim_pipeline *pipeline =
        netsim_pipeline_new(sim->plan, seed, 0, &netsim_cli_memory);
    int bad;

    if (pipeline == NULL)
        return netsim_cli_fail("out of memory");
    bad = run(sim, pipeline);
    netsim_pipeline_free(pipeline);
    if (bad != 0 || fflush(stdout) != 0 || ferror(stdout))
        return netsim_cli_fail("standard output: %s", strerror(errno));
    return 0;
}

int netsim_cmd_sim(int argc, char **argv)
{
    struct sim sim = {.count = 100, .interval_ns = 1000000, .size = 1200};
    int option, code;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return 0;
        }
        code = take_option(&sim, option);
        if (code != 0)
            return code;
    }
    code = check_options(&sim, argc, argv);
    if (code != 0)
        return code;
    code = run_plan(&sim);
    netsim_plan_free(sim.plan);
    return code;
}
