/* belay-netsim: bad networks on demand, in netem's words. Subcommands are in cmd_*.c. */
#include <stdio.h>
#include <string.h>

#include "netsim/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} commands[] = {
    {"run", netsim_cmd_run, "two programs with a bad link between them"},
    {"sim", netsim_cmd_sim, "what a link does to packets, in virtual time, as JSON lines"},
    {"proxy", netsim_cmd_proxy, "a UDP relay with a bad link inside, in real time"},
    {"explain", netsim_cmd_explain, "what a link's words do to packets, in plain sentences"},
    {"tc", netsim_cmd_tc, "the tc commands for a link's words"},
    {"profiles", netsim_cmd_profiles, "known networks, and where their numbers are from"},
    {"list", netsim_cmd_profiles, "the same"},
    {"matrix", netsim_cmd_matrix, "scenarios times seeds times commands, from a file"},
    {"table", netsim_cmd_table, "a distribution of jitter, as a file for tc"},
    {"vm", netsim_cmd_vm, "the virtual machine with the kernel's own netem"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
    fputs("Usage: belay-netsim COMMAND [OPTION]...\n\n"
          "Networks that delay, lose, duplicate, reorder and damage packets, told in the\n"
          "language of tc-netem(8), and the same again from the same seed.\n\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].what);
    fputs("\n  --help     this text; after a command: its options\n"
          "  --version  the version\n\n"
          "Example: belay-netsim sim --link 'delay 20ms 5ms loss 5%' --seed 1 --count 10\n",
          out);
}

int main(int argc, char **argv)
{
    static char name[] = "belay-netsim"; /* getopt's sentences begin with argv[0] */

    if (argc < 2) {
        print_help(stderr);
        return NETSIM_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("belay-netsim " BELAY_VERSION);
        return 0;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            argv[1] = name;
            return commands[i].run(argc - 1, argv + 1);
        }
    return netsim_cli_usage("`%s` is no command; belay-netsim --help lists those there are",
                            argv[1]);
}
