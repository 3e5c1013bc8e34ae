/*
 * cli.h - what belay-netsim's subcommands share. Exit codes: 0 done, 1 something failed,
 * 2 wrong usage.
 */
#ifndef NETSIM_CLI_H
#define NETSIM_CLI_H

#include <belay/core.h>

#include "netsim/model/plan.h"

#define NETSIM_EXIT_FAILURE 1
#define NETSIM_EXIT_USAGE   2

/* One per file cmd_NAME.c; argv[0] is the program's name. */
int netsim_cmd_sim(int argc, char **argv);
int netsim_cmd_proxy(int argc, char **argv);
int netsim_cmd_run(int argc, char **argv);
int netsim_cmd_vm(int argc, char **argv);
int netsim_cmd_tc(int argc, char **argv);
int netsim_cmd_explain(int argc, char **argv);
int netsim_cmd_profiles(int argc, char **argv);
int netsim_cmd_matrix(int argc, char **argv);
int netsim_cmd_table(int argc, char **argv);

/* "belay-netsim: ..." to stderr. Returns the exit code for it. */
int netsim_cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int netsim_cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Parses a link's words; what is wrong is shown with a caret under it. 0 or exit code. Notes
 * on what the words do, unless quiet. */
int netsim_cli_words(struct netsim_words *words, const char *text, bool quiet);

/* A link's whole text, with its files; else as netsim_cli_words. Free with netsim_plan_free. */
int netsim_cli_plan(struct netsim_plan **plan, const char *text, bool quiet);

/* The words, a caret under what is wrong with them, and what would be right; to stderr. */
void netsim_cli_caret(const char *text, const struct netsim_words_error *error);

/* After getopt_long has said what is wrong: where the options are told. The exit code. */
int netsim_cli_try_help(const char *command);

/* The value of --NAME: a whole number. 0 or exit code. */
int netsim_cli_u64(uint64_t *value, const char *name, const char *text, uint64_t max);

/*
 * The seed of a run: --seed's, else the words', else a fresh one, which is told on stderr. When
 * both are there and differ, the words' one counts for their link, and stderr says so.
 */
uint64_t netsim_cli_seed(const uint64_t *given, const struct netsim_words *words);
uint64_t netsim_cli_plan_seed(const uint64_t *given, const struct netsim_plan *plan);

/* The C library's. */
extern const struct belay_memory netsim_cli_memory;

#endif
