/* belay-netsim tc: a link's words as a script of tc commands, with what to beware of. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "netsim/cli.h"

#define WORDS_SIZE   4096
#define NAME_MAX_LEN 15 /* of an interface in Linux */
#define PLAIN        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@+-"

struct tc {
    const char *dev, *back_dev, *back_text;
    struct netsim_plan *plan, *back;
};

static void print_help(void)
{
    puts("Usage: belay-netsim tc [OPTION]... 'WORDS'\n\n"
         "Prints a shell script of tc commands that set, show and delete a netem qdisc with\n"
         "these words. Nothing is run: paste it, or pipe it to sh.\n\n"
         "  --dev DEV         the interface that sends [eth0]\n"
         "  --back WORDS      the other direction too, on\n"
         "  --dev-back DEV    the interface that sends there\n"
         "  --help\n\n"
         "Words that netem lacks (x-drop and so on, pipelines, schedules) are refused.");
}

enum { OPT_DEV = 256, OPT_BACK, OPT_DEV_BACK };

static const struct option options[] = {
    {"dev", required_argument, NULL, OPT_DEV},
    {"back", required_argument, NULL, OPT_BACK},
    {"dev-back", required_argument, NULL, OPT_DEV_BACK},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* What a shell would take apart is no interface. */
static int check_device(const char *option, const char *name)
{
    size_t len = strlen(name);

    if (strspn(name, PLAIN) < len || len == 0 || len > NAME_MAX_LEN || name[0] == '-' ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return netsim_cli_usage("--%s: `%s` is no name of an interface: 1 to %d letters",
                                option, name, NAME_MAX_LEN);
    return 0;
}

static int take_option(struct tc *tc, int option)
{
    switch (option) {
    case OPT_DEV:
        tc->dev = optarg;
        return check_device("dev", optarg);
    case OPT_BACK:
        tc->back_text = optarg;
        return 0;
    case OPT_DEV_BACK:
        tc->back_dev = optarg;
        return check_device("dev-back", optarg);
    default: /* getopt has told */
        return netsim_cli_try_help("tc");
    }
}

/* tc takes a table's name, not a path, and the script's shell nothing it would take apart. */
static int check_file(const char *file)
{
    size_t len = strlen(file);

    if (strspn(file, PLAIN) == len && strchr(file, '/') == NULL)
        return 0;
    return netsim_cli_usage("tc looks for a table by its name, and `%s` is a path: put it into "
                            "/usr/lib/tc as NAME.dist, and write distribution NAME",
                            file);
}

static const struct netsim_words *words_of(const struct netsim_plan *plan)
{
    return &plan->stages[0].steps[0].words;
}

static int take_plan(struct netsim_plan **plan, const char *text)
{
    const char *extension;
    int code = netsim_cli_plan(plan, text, true);

    if (code != 0)
        return code;
    extension = netsim_plan_extension(*plan);
    if (extension == NULL) {
        code = check_file(words_of(*plan)->distribution_file);
        return code != 0 ? code : check_file(words_of(*plan)->slot_distribution_file);
    }
    return netsim_cli_usage("tc has no word for %s: use belay-netsim run --backend live --link "
                            "'...'",
                            extension);
}

static int take_words(struct tc *tc, int argc, char **argv)
{
    int code;

    if (optind >= argc)
        return netsim_cli_usage("the words are missing; try: belay-netsim tc --dev eth0 'delay "
                                "20ms 5ms loss 5%%'");
    if (optind + 1 < argc)
        return netsim_cli_usage("`%s` is left over: quote the words as one argument",
                                argv[optind + 1]);
    if ((tc->back_text != NULL) != (tc->back_dev != NULL))
        return netsim_cli_usage("--back and --dev-back go together: words, and the interface");
    if (tc->back_dev != NULL && strcmp(tc->back_dev, tc->dev) == 0)
        return netsim_cli_usage("--dev-back: an interface has one netem, and `%s` has it",
                                tc->dev);
    code = take_plan(&tc->plan, argv[optind]);
    if (code == 0 && tc->back_text != NULL)
        code = take_plan(&tc->back, tc->back_text);
    return code;
}

static void print_table_note(enum netsim_distribution distribution)
{
    const char *name = netsim_distribution_name(distribution);

    if (distribution == NETSIM_UNIFORM || distribution == NETSIM_FROM_FILE)
        return;
    printf(
        "# distribution %s: iproute2 has a table of its own, netsim's is made by formula. For\n"
        "# the same delays as netsim: belay-netsim table %s >/usr/lib/tc/%s.dist\n",
        name, name, name);
}

static void print_notes(const struct netsim_words *w, const char *dev)
{
    const char *note;

    for (unsigned i = 0; (note = netsim_words_note(w, i)) != NULL; i++)
        printf("# %s\n", note);
    if (w->delay_ns > 0 && w->rate_bytes_per_s == 0)
        printf("# limit %u: more packets on their way are dropped in silence; it should be at\n"
               "# least packets a second x (delay + jitter).\n",
               w->limit);
    if (w->loss_model != NETSIM_LOSS_NONE || w->reorder > 0 || w->duplicate > 0 ||
        w->corrupt > 0)
        printf("# Offloads make one packet of many: ethtool -K %s tso off gso off gro off\n",
               dev);
    if (w->jitter_ns > 0 && !w->has_distribution)
        puts("# Jitter without `distribution` is uniform, whatever the manual page says.");
    if (w->distribution_file[0] != '\0' || w->slot_distribution_file[0] != '\0')
        puts("# A table of a file's name is looked for in /usr/lib/tc (or $TC_LIB_DIR).");
    if (w->jitter_ns > 0)
        print_table_note(w->distribution);
    if (w->has_slot && w->slot_has_distribution)
        print_table_note(w->slot_distribution);
    if (w->has_seed)
        puts("# seed needs Linux and iproute2 6.6 or later; older ones refuse it.");
    if (strcmp(dev, "lo") == 0)
        puts("# lo: both directions pass this qdisc, so a round trip has all of it twice.");
}

static void print_device(const struct netsim_plan *plan, const char *dev)
{
    char text[WORDS_SIZE];

    netsim_words_format(words_of(plan), text, sizeof(text));
    print_notes(words_of(plan), dev);
    printf("tc qdisc add dev %s root netem%s%s\n", dev, text[0] != '\0' ? " " : "", text);
}

static void print_script(const struct tc *tc)
{
    puts("#!/bin/sh\n# as root; netem acts on what an interface sends, one netem an interface");
    print_device(tc->plan, tc->dev);
    if (tc->back != NULL)
        print_device(tc->back, tc->back_dev);
    puts("\n# what it did so far:");
    printf("tc -s qdisc show dev %s\n", tc->dev);
    if (tc->back != NULL)
        printf("tc -s qdisc show dev %s\n", tc->back_dev);
    puts("\n# to end it:");
    printf("# tc qdisc del dev %s root\n", tc->dev);
    if (tc->back != NULL)
        printf("# tc qdisc del dev %s root\n", tc->back_dev);
}

int netsim_cmd_tc(int argc, char **argv)
{
    struct tc tc = {.dev = "eth0"};
    int option, code;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return 0;
        }
        code = take_option(&tc, option);
        if (code != 0)
            return code;
    }
    code = take_words(&tc, argc, argv);
    if (code == 0) {
        print_script(&tc);
        if (fflush(stdout) != 0 || ferror(stdout))
            code = netsim_cli_fail("standard output: %s", strerror(errno));
    }
    netsim_plan_free(tc.back);
    netsim_plan_free(tc.plan);
    return code;
}
