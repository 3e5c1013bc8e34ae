/* belay-netsim table: the shapes of jitter as files that tc reads. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/model/table.h"

#define A_LINE 8 /* numbers */

static const struct {
    const char *name, *how;
    enum netsim_distribution distribution;
} tables[] = {
    {"normal", "the normal distribution's quantile at (i + 1/2) / 4096", NETSIM_NORMAL},
    {"pareto", "4/3 * (u^(-1/3) - 3/2), u = (4096 - i) / 4096", NETSIM_PARETO},
    {"paretonormal", "1/4 normal + 3/4 pareto", NETSIM_PARETONORMAL},
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static void print_help(void)
{
    puts("Usage: belay-netsim table normal|pareto|paretonormal\n\n"
         "Prints the numbers by which netsim spreads jitter, in the format of tc's .dist\n"
         "files. With them in a folder, the kernel's netem spreads it alike:\n\n"
         "  belay-netsim table normal >DIR/normal.dist\n"
         "  TC_LIB_DIR=DIR tc qdisc add dev eth0 root netem delay 20ms 5ms distribution "
         "normal\n\n"
         "A file of this format, made by whatever means, is a distribution for netsim too:\n"
         "distribution ./my.dist\n\n"
         "  --help");
}

/* 0, or -1: not written. */
static int print_table(size_t which)
{
    struct netsim_table table;
    int bad;

    netsim_table_fill(&table, tables[which].distribution);
    bad = printf("# %s: %s; in 1/8192 of the jitter, at most 32767. By belay-netsim table.\n",
                 tables[which].name, tables[which].how) < 0;
    for (uint32_t i = 0; i < table.size; i++)
        bad |= printf("%d%c", table.value[i], i % A_LINE == A_LINE - 1 ? '\n' : ' ') < 0;
    return bad || fflush(stdout) != 0 ? -1 : 0;
}

int netsim_cmd_table(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option = getopt_long(argc, argv, "h", options, NULL);

    if (option == 'h') {
        print_help();
        return 0;
    }
    if (option != -1)
        return netsim_cli_try_help("table");
    if (optind >= argc)
        return netsim_cli_usage("which table is missing: normal, pareto or paretonormal");
    if (optind + 1 < argc)
        return netsim_cli_usage("`%s` is left over: one table at a time", argv[optind + 1]);
    for (size_t i = 0; i < TABLES; i++)
        if (strcmp(argv[optind], tables[i].name) == 0)
            return print_table(i) == 0
                       ? 0
                       : netsim_cli_fail("standard output: %s", strerror(errno));
    return netsim_cli_usage(
        "`%s` is no table: normal, pareto or paretonormal; uniform needs none", argv[optind]);
}
