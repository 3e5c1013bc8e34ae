/* belay-netsim explain: what a link's words do to packets, in plain sentences and pictures. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/report/explain.h"
#include "netsim/report/picture.h"

#define INTERVAL_MAX_MS 1e6
#define COUNT_MAX       100000

struct explain {
    const char *back_text;
    struct netsim_plan *plan, *back;
    bool json, picture;
    struct netsim_traffic traffic;
    struct netsim_picture_options pictures;
};

static void print_help(void)
{
    puts("Usage: belay-netsim explain [OPTION]... 'WORDS'\n\n"
         "Says what a link's words do to packets: what is really lost, doubled, delayed and\n"
         "reordered, by formula, and what to beware of. Nothing is run.\n\n"
         "  --interval MS     a packet is sent every so often; may be 0.5 [1; for pictures\n"
         "                    one that shows something]\n"
         "  --size BYTES      length of a packet as netem sees it, headers included [1200]\n"
         "  --link-back WORDS the way back: also the round trip\n"
         "  --json            the numbers for programs; shares are of 1\n\n"
         "  --picture         instead: pictures of the first packets, by a run of the model\n"
         "                    in virtual time\n"
         "  --seed N          of the pictures [1]\n"
         "  --count N         packets in the pictures\n"
         "  --utf8            lines and blocks, not plain ASCII\n"
         "  --help");
}

static int parse_interval(int64_t *ns, const char *text)
{
    char *end;
    double ms = strtod(text, &end);

    if (end == text || *end != '\0' || text[0] < '0' || text[0] > '9')
        return netsim_cli_usage("--interval: `%s` is not a number of milliseconds", text);
    if (ms > INTERVAL_MAX_MS)
        return netsim_cli_usage("--interval: `%s` is more than %.0f", text, INTERVAL_MAX_MS);
    *ns = (int64_t)rint(ms * 1e6);
    if (*ns < 1)
        return netsim_cli_usage("--interval: must be at least 0.000001 (a nanosecond)");
    return 0;
}

enum {
    OPT_INTERVAL = 256,
    OPT_SIZE,
    OPT_BACK,
    OPT_JSON,
    OPT_PICTURE,
    OPT_SEED,
    OPT_COUNT,
    OPT_UTF8
};

static const struct option options[] = {
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"size", required_argument, NULL, OPT_SIZE},
    {"link-back", required_argument, NULL, OPT_BACK},
    {"json", no_argument, NULL, OPT_JSON},
    {"picture", no_argument, NULL, OPT_PICTURE},
    {"seed", required_argument, NULL, OPT_SEED},
    {"count", required_argument, NULL, OPT_COUNT},
    {"utf8", no_argument, NULL, OPT_UTF8},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int take_number(struct explain *x, int option)
{
    uint64_t value;
    int code;

    switch (option) {
    case OPT_SIZE:
        code = netsim_cli_u64(&value, "size", optarg, UINT32_MAX);
        x->traffic.size_bytes = (uint32_t)value;
        return code;
    case OPT_COUNT:
        code = netsim_cli_u64(&x->pictures.count, "count", optarg, COUNT_MAX);
        if (code == 0 && x->pictures.count == 0)
            return netsim_cli_usage("--count: 0 packets make no picture");
        return code;
    default:
        return netsim_cli_u64(&x->pictures.seed, "seed", optarg, UINT64_MAX);
    }
}

static int take_option(struct explain *x, int option)
{
    switch (option) {
    case OPT_INTERVAL:
        x->pictures.interval_given = true;
        return parse_interval(&x->traffic.interval_ns, optarg);
    case OPT_BACK:
        x->back_text = optarg;
        return 0;
    case OPT_JSON:
        x->json = true;
        return 0;
    case OPT_PICTURE:
        x->picture = true;
        return 0;
    case OPT_UTF8:
        x->pictures.utf8 = true;
        return 0;
    case OPT_SIZE:
    case OPT_SEED:
    case OPT_COUNT:
        return take_number(x, option);
    default: /* getopt has told */
        return netsim_cli_try_help("explain");
    }
}

static int take_words(struct explain *x, int argc, char **argv)
{
    int code;

    if (optind >= argc)
        return netsim_cli_usage("the words are missing; try: belay-netsim explain 'delay 20ms "
                                "5ms loss 5%%'");
    if (optind + 1 < argc)
        return netsim_cli_usage("`%s` is left over: quote the words as one argument",
                                argv[optind + 1]);
    if (x->picture && x->json)
        return netsim_cli_usage("--picture and --json exclude each other");
    if (x->picture && x->back_text != NULL)
        return netsim_cli_usage("--picture shows one direction: leave --link-back out");
    code = netsim_cli_plan(&x->plan, argv[optind], true);
    if (code == 0 && x->back_text != NULL)
        code = netsim_cli_plan(&x->back, x->back_text, true);
    return code;
}

static int tell(const struct explain *x)
{
    int bad;

    if (x->picture)
        bad = netsim_picture(stdout, x->plan, &x->traffic, &x->pictures, &netsim_cli_memory);
    else if (x->json)
        bad = netsim_explain_json(stdout, x->plan, x->back, &x->traffic);
    else
        bad = netsim_explain_text(stdout, x->plan, x->back, &x->traffic);
    if (bad == 0 && fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    return errno == ENOMEM ? netsim_cli_fail("out of memory")
                           : netsim_cli_fail("standard output: %s", strerror(errno));
}

int netsim_cmd_explain(int argc, char **argv)
{
    struct explain x = {.traffic = {1000000, 1200}, .pictures = {.seed = 1}};
    int option, code;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return 0;
        }
        code = take_option(&x, option);
        if (code != 0)
            return code;
    }
    code = take_words(&x, argc, argv);
    if (code == 0)
        code = tell(&x);
    netsim_plan_free(x.back);
    netsim_plan_free(x.plan);
    return code;
}
