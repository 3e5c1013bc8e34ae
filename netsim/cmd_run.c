/* belay-netsim run: options, the link's plans, and the choice of a backend. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/model/random.h"
#include "netsim/run/choose.h"
#include "netsim/run/guard.h"
#include "netsim/run/profiles.h"
#include "netsim/run/run.h"

#define CARRY_MAX      64
#define DURATION_MAX_S 1e9
#define MTU_MIN        68 /* RFC 791 */
#define EXAMPLE                                                                                \
    "belay-netsim run --link 'delay 25ms loss 5%%' -- 'python3 server.py' : 'python3 "         \
    "client.py'"

struct options {
    const char *backend, *out, *back, *profile;
    bool has_seed;
    uint64_t seed, mtu;
    double duration_s; /* 0: none */
    char *carry[CARRY_MAX + 1];
    unsigned carried;
    struct netsim_run_config config;
};

static void print_help(void)
{
    const struct netsim_backend *backend;

    puts("Usage: belay-netsim run --link 'WORDS' [OPTION]... -- 'SERVER' : 'CLIENT'\n\n"
         "Runs two commands by `sh -c` with a bad link between them. The client begins when "
         "the\n"
         "server has bound a socket; when it has ended, the server is ended too, and its exit\n"
         "status is that of the run. `-- : 'CLIENT'`: no server. Both find in their "
         "environment\n"
         "NETSIM_LISTEN (what to bind) and NETSIM_SERVER (what to call), as ADDR:PORT.\n\n"
         "  --backend auto|kernel|live|proxy|vm  how; auto tries in this order, but for vm "
         "[auto]");
    for (unsigned i = 0; (backend = netsim_choose_at(i)) != NULL; i++)
        printf("      %-6s %s\n", backend->name, backend->what);
    puts("  --link WORDS       from the client to the server, as after `netem` in tc-netem(8)\n"
         "  --link-back WORDS  the way back; without it the way back is clean\n"
         "  --profile NAME     instead: a known network's words for both ways; `belay-netsim\n"
         "                     profiles` lists them\n"
         "  --seed N           the same seed, the same decisions\n"
         "  --log FILE         JSON lines: what became of every packet (live, proxy)\n"
         "  --pcap FILE        pcapng, the verdicts as comments (live, proxy)\n"
         "  --duration S       then the client gets SIGINT, and 2 s later SIGKILL\n"
         "  --mtu N            of the interfaces [1500]\n"
         "  --carry PATH       vm: a further file or folder to take along; as often as needed\n"
         "  --quiet            only errors, and the seed when it was not given\n"
         "  --help\n\n"
         "Exit status: the client's; 124 --duration was over and it had to be killed; 125 the\n"
         "run failed, or no packet crossed the link; 126, 127 a command can't be run, is not\n"
         "there; 2 wrong usage.");
}

enum {
    OPT_BACKEND = 256,
    OPT_LINK,
    OPT_LINK_BACK,
    OPT_PROFILE,
    OPT_SEED,
    OPT_LOG,
    OPT_PCAP,
    OPT_DURATION,
    OPT_MTU,
    OPT_CARRY,
    OPT_QUIET,
};

static const struct option long_options[] = {
    {"backend", required_argument, NULL, OPT_BACKEND},
    {"link", required_argument, NULL, OPT_LINK},
    {"link-back", required_argument, NULL, OPT_LINK_BACK},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"seed", required_argument, NULL, OPT_SEED},
    {"log", required_argument, NULL, OPT_LOG},
    {"pcap", required_argument, NULL, OPT_PCAP},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"mtu", required_argument, NULL, OPT_MTU},
    {"carry", required_argument, NULL, OPT_CARRY},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* ------------------------------------------------------------------ options */

static int take_duration(struct options *o)
{
    char *end;

    o->duration_s = strtod(optarg, &end);
    if (end == optarg || *end != '\0' || !(o->duration_s > 0) || o->duration_s > DURATION_MAX_S)
        return netsim_cli_usage(
            "--duration: `%s` is not a number of seconds above 0; try: 10 or "
            "0.5",
            optarg);
    return 0;
}

static int take_carry(struct options *o)
{
    if (o->carried == CARRY_MAX)
        return netsim_cli_usage("--carry: at most %d; a folder counts once", CARRY_MAX);
    o->carry[o->carried++] = optarg;
    return 0;
}

static int take_option(struct options *o, int option)
{
    switch (option) {
    case OPT_BACKEND:
        o->backend = optarg;
        return 0;
    case OPT_LINK:
        o->out = optarg;
        return 0;
    case OPT_LINK_BACK:
        o->back = optarg;
        return 0;
    case OPT_PROFILE:
        o->profile = optarg;
        return 0;
    case OPT_SEED:
        o->has_seed = true;
        return netsim_cli_u64(&o->seed, "seed", optarg, UINT64_MAX);
    case OPT_LOG:
        o->config.log = optarg;
        return 0;
    case OPT_PCAP:
        o->config.pcap = optarg;
        return 0;
    case OPT_DURATION:
        return take_duration(o);
    case OPT_MTU:
        return netsim_cli_u64(&o->mtu, "mtu", optarg, 65535);
    case OPT_CARRY:
        return take_carry(o);
    case OPT_QUIET:
        o->config.quiet = true;
        return 0;
    default: /* getopt has told */
        return netsim_cli_try_help("run");
    }
}

static int check_options(struct options *o)
{
    if (o->out == NULL && o->profile == NULL)
        return netsim_cli_usage("--link or --profile must be there; try: " EXAMPLE);
    if (o->profile != NULL && (o->out != NULL || o->back != NULL))
        return netsim_cli_usage(
            "--profile has the words of both ways, and %s says others; take "
            "one of them away",
            o->out != NULL ? "--link" : "--link-back");
    if (strcmp(o->backend, "auto") != 0 && netsim_choose_named(o->backend) == NULL)
        return netsim_cli_usage(
            "--backend: `%s` is none; there are auto, kernel, live, proxy and vm", o->backend);
    if (o->mtu < MTU_MIN)
        return netsim_cli_usage("--mtu: at least %d", MTU_MIN);
    o->config.mtu = (uint32_t)o->mtu;
    o->config.duration_ns =
        o->duration_s > 0 ? (uint64_t)llround(o->duration_s * 1e9) : BELAY_NEVER;
    o->config.carry = o->carry;
    return 0;
}

/* ------------------------------------------------------------------ commands */

static char *join(char *const *words, int count)
{
    size_t len = 1;
    char *text, *at;

    for (int i = 0; i < count; i++)
        len += strlen(words[i]) + 1;
    text = at = malloc(len);
    for (int i = 0; text != NULL && i < count; i++)
        at += sprintf(at, "%s%s", i > 0 ? " " : "", words[i]);
    if (text != NULL)
        *at = '\0';
    return text;
}

static bool is_blank(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return *text == '\0';
}

/* SERVER... : CLIENT... */
static int take_commands(struct options *o, int count, char *const *words, char *commands[2])
{
    int colon = 0;

    while (colon < count && strcmp(words[colon], ":") != 0)
        colon++;
    if (colon == count)
        return netsim_cli_usage(
            "two commands must be there, with a `:` between; try: " EXAMPLE);
    for (int i = colon + 1; i < count; i++)
        if (strcmp(words[i], ":") == 0)
            return netsim_cli_usage("more than one `:`; quote each command, then only the one "
                                    "between them stands alone");
    commands[0] = join(words, colon);
    commands[1] = join(words + colon + 1, count - colon - 1);
    if (commands[0] == NULL || commands[1] == NULL)
        return netsim_cli_fail("no memory");
    if (is_blank(commands[1]))
        return netsim_cli_usage(
            "the client's command is missing behind the `:`; try: " EXAMPLE);
    if (is_blank(commands[0]))
        commands[0][0] = '\0';
    o->config.server = commands[0];
    o->config.client = commands[1];
    return 0;
}

/* ------------------------------------------------------------------ the link */

static int take_profile(struct options *o)
{
    const struct netsim_profile *profile;

    if (o->profile == NULL)
        return 0;
    profile = netsim_profile_find(o->profile);
    if (profile == NULL)
        return netsim_cli_usage(
            "--profile: there is no `%s`; `belay-netsim profiles` lists those "
            "there are",
            o->profile);
    o->out = profile->link;
    o->back = profile->link_back;
    return 0;
}

static int plan(struct options *o, struct netsim_plan *plans[2])
{
    struct netsim_run_config *c = &o->config;
    uint64_t own;
    int code = take_profile(o);

    if (code == 0)
        code = netsim_cli_plan(&plans[0], o->out, c->quiet);
    if (code == 0)
        code = netsim_cli_plan(&plans[1], o->back != NULL ? o->back : "", c->quiet);
    if (code != 0)
        return code;
    c->out_text = o->out;
    c->back_text = o->back;
    c->out = plans[0];
    c->back = plans[1];
    c->has_seed =
        o->has_seed || netsim_plan_seed(c->out, &own) || netsim_plan_seed(c->back, &own);
    c->out_seed = netsim_cli_plan_seed(o->has_seed ? &o->seed : NULL, c->out);
    c->back_seed = netsim_seed_derive(c->out_seed, NETSIM_STREAM_BACK);
    if (o->back == NULL && !c->quiet)
        fputs("belay-netsim: note: the way back is clean: there is no --link-back\n", stderr);
    return 0;
}

/* ------------------------------------------------------------------ the backend */

static int refuse(int code, const char *name, const char *why)
{
    netsim_cli_usage("--backend %s: %s", name, why);
    return code;
}

static int run_named(const struct options *o)
{
    const struct netsim_backend *backend = netsim_choose_named(o->backend);
    char why[NETSIM_WHY_SIZE] = "";

    if (!backend->can(&o->config, why, sizeof(why)))
        return refuse(NETSIM_EXIT_USAGE, o->backend, why);
    if (!backend->probe(why, sizeof(why)))
        return refuse(NETSIM_EXIT_RUN, o->backend, why);
    return backend->run(&o->config);
}

static int run_auto(const struct options *o)
{
    char story[NETSIM_CHOOSE_STORY];
    const struct netsim_backend *backend = netsim_choose(netsim_choose_auto, &o->config, story);

    if (backend == NULL) {
        netsim_cli_fail("no backend can do this here: %s", story);
        return NETSIM_EXIT_RUN;
    }
    if (!o->config.quiet)
        fprintf(stderr, "belay-netsim: backend %s%s%s%s\n", backend->name,
                story[0] != '\0' ? " (" : "", story, story[0] != '\0' ? ")" : "");
    return backend->run(&o->config);
}

/* ------------------------------------------------------------------ all of it */

static int run(struct options *o, int count, char *const *words)
{
    struct netsim_plan *plans[2] = {NULL, NULL};
    char *commands[2] = {NULL, NULL};
    int code = check_options(o);

    if (code == 0)
        code = take_commands(o, count, words, commands);
    if (code == 0)
        code = plan(o, plans);
    if (code == NETSIM_EXIT_FAILURE) /* which a client may give, too */
        code = NETSIM_EXIT_RUN;
    else if (code == 0)
        code = strcmp(o->backend, "auto") == 0 ? run_auto(o) : run_named(o);
    for (int i = 0; i < 2; i++) {
        free(commands[i]);
        if (plans[i] != NULL)
            netsim_plan_free(plans[i]);
    }
    return code;
}

int netsim_cmd_run(int argc, char **argv)
{
    struct options o = {.backend = "auto", .mtu = NETSIM_MTU};
    int option, code;

    while ((option = getopt_long(argc, argv, "+h", long_options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return 0;
        }
        code = take_option(&o, option);
        if (code != 0)
            return code;
    }
    return run(&o, argc - optind, argv + optind);
}
