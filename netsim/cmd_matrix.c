/* belay-netsim matrix: a file's scenarios times its commands times seeds. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "netsim/cli.h"
#include "netsim/files.h"
#include "netsim/run/worker.h"
#include "netsim/run/matrix.h"
#include "netsim/run/matrix_table.h"
#include "netsim/run/progress.h"
#include "netsim/run/record.h"
#include "netsim/run/run.h"

#define FILE_BYTES_MAX (16u << 20)
#define PROGRAM_HOOK   "NETSIM_MATRIX_PROGRAM" /* for tests: what makes a run */

struct options {
    const char *file, *json, *keep, *filter;
    uint64_t jobs; /* 0: not said */
    bool has_seeds, quiet;
    struct netsim_seeds seeds;
};

struct job {
    struct netsim_cells cells;
    struct netsim_progress progress;
    FILE *json;     /* or NULL */
    size_t written; /* cells that are in json */
    int json_error; /* errno */
};

static void print_help(void)
{
    puts(
        "Usage: belay-netsim matrix FILE [OPTION]...\n\n"
        "Runs every command of FILE in every scenario of FILE with every seed, each by\n"
        "`belay-netsim run`, and tells which came to what FILE expects.\n\n"
        "    seeds = 1-20\n"
        "    [scenario bad-wifi]\n"
        "    link = delay 20ms 5ms loss 5%\n"
        "    [command echo]\n"
        "    server = belay-echo-server --listen \"$NETSIM_LISTEN\" --quiet\n"
        "    client = belay-echo-client --json \"$NETSIM_SERVER\"\n"
        "    expect = exit == 0, lost == 0\n\n"
        "  --jobs N       runs at a time [the number of cores]\n"
        "  --json FILE    one JSON line for each run; -: to standard output, and the table to\n"
        "                 standard error\n"
        "  --filter TEXT  only those with TEXT in SCENARIO/COMMAND\n"
        "  --seeds LIST   instead of the file's: 7, or 1-20, or 1,4,9-12\n"
        "  --keep DIR     the runs' output: DIR/SCENARIO.COMMAND.SEED.out and .err\n"
        "  --quiet        no progress\n"
        "  --help\n\n"
        "Exit code: 0 all passed, 1 an expectation failed, 2 wrong usage or a wrong file, 125\n"
        "runs could not be made (and none failed). Ctrl-C ends the runs and shows what is "
        "done.");
}

/* ------------------------------------------------------------------ options */

enum { OPT_JOBS = 256, OPT_JSON, OPT_FILTER, OPT_SEEDS, OPT_KEEP, OPT_QUIET };

static const struct option long_options[] = {
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"json", required_argument, NULL, OPT_JSON},
    {"filter", required_argument, NULL, OPT_FILTER},
    {"seeds", required_argument, NULL, OPT_SEEDS},
    {"keep", required_argument, NULL, OPT_KEEP},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int take_jobs(struct options *o)
{
    int code = netsim_cli_u64(&o->jobs, "jobs", optarg, NETSIM_JOBS_MAX);

    return code == 0 && o->jobs == 0 ? netsim_cli_usage("--jobs: at least 1") : code;
}

static int take_seeds(struct options *o)
{
    const char *wrong = netsim_seeds_parse(&o->seeds, optarg);

    o->has_seeds = true;
    return wrong != NULL ? netsim_cli_usage("--seeds: `%s` %s", optarg, wrong) : 0;
}

static int take_option(struct options *o, int option)
{
    switch (option) {
    case OPT_JOBS:
        return take_jobs(o);
    case OPT_SEEDS:
        return take_seeds(o);
    case OPT_JSON:
        o->json = optarg;
        return 0;
    case OPT_FILTER:
        o->filter = optarg;
        return 0;
    case OPT_KEEP:
        o->keep = optarg;
        return 0;
    case OPT_QUIET:
        o->quiet = true;
        return 0;
    default: /* getopt has told */
        return netsim_cli_try_help("matrix");
    }
}

static int take_file(struct options *o, int argc, char **argv)
{
    if (optind == argc)
        return netsim_cli_usage("a file of scenarios is missing; --help shows one");
    if (optind + 1 < argc)
        return netsim_cli_usage("`%s` is left over: one file at a time", argv[optind + 1]);
    o->file = argv[optind];
    return 0;
}

/* ------------------------------------------------------------------ the file */

/* NULL: told. */
static char *read_file(const char *name, size_t *len)
{
    FILE *file = fopen(name, "rb");
    char *text = file != NULL ? malloc(FILE_BYTES_MAX + 1) : NULL;

    if (file == NULL || text == NULL) {
        netsim_cli_usage("%s: %s", name, strerror(errno));
    } else {
        *len = fread(text, 1, FILE_BYTES_MAX + 1, file);
        if (!ferror(file) && *len <= FILE_BYTES_MAX) {
            fclose(file);
            return text;
        }
        netsim_cli_usage("%s: %s", name,
                         ferror(file) ? strerror(errno) : "is longer than 16 MiB");
    }
    free(text);
    if (file != NULL)
        fclose(file);
    return NULL;
}

static int show_error(const char *name, struct netsim_scenario_error *error)
{
    if (error->line > 0)
        netsim_cli_usage("%s:%zu: %s", name, error->line, error->text);
    else
        netsim_cli_usage("%s: %s", name, error->text);
    if (error->words != NULL)
        netsim_cli_caret(error->words, &error->error);
    free(error->words);
    return NETSIM_EXIT_USAGE;
}

static int load(struct netsim_scenarios **scenarios, const char *name)
{
    struct netsim_scenario_error error;
    size_t len;
    char *text = read_file(name, &len);
    int result;

    if (text == NULL)
        return NETSIM_EXIT_USAGE;
    result = netsim_scenarios_parse(scenarios, text, len, &netsim_cli_memory, &error);
    free(text);
    if (result == BELAY_ENOMEM)
        return netsim_cli_fail("out of memory");
    return result == BELAY_OK ? 0 : show_error(name, &error);
}

/* Files that a link's words name: told now, and not by every run. */
static int check_link(const char *name, const char *words, size_t line)
{
    char wrong[NETSIM_FILES_TEXT];
    struct netsim_plan *plan;
    int result;

    if (words == NULL)
        return 0;
    if (netsim_plan_parse(&plan, words, &netsim_cli_memory, NULL) != BELAY_OK)
        return netsim_cli_fail("out of memory");
    result = netsim_files_load(plan, wrong);
    netsim_plan_free(plan);
    return result == 0 ? 0 : netsim_cli_usage("%s:%zu: %s", name, line, wrong);
}

static int check_files(const struct netsim_scenarios *scenarios, const char *name)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < scenarios->scenarios_count; i++) {
        const struct netsim_scenario *scenario = &scenarios->scenarios[i];

        code = check_link(name, scenario->link, scenario->link_line);
        if (code == 0)
            code = check_link(name, scenario->link_back, scenario->link_back_line);
    }
    return code;
}

/* ------------------------------------------------------------------ running */

/* In the order of the cells, whatever ended first; at the end those behind a gap too. */
static void write_records(struct job *job, bool all)
{
    for (; job->json != NULL && job->written < job->cells.count; job->written++) {
        const struct netsim_cell *cell = &job->cells.cells[job->written];

        if (!netsim_cell_is_done(cell)) {
            if (all)
                continue;
            break;
        }
        if (job->json_error == 0 && netsim_record_write(job->json, cell) != 0)
            job->json_error = errno != 0 ? errno : EIO;
    }
}

static void on_change(void *arg, const struct netsim_cell *cell)
{
    struct job *job = arg;

    netsim_progress_show(&job->progress, cell);
    write_records(job, false);
}

static int code_of(const struct netsim_cells *cells)
{
    int code = 0;

    for (size_t i = 0; i < cells->count; i++) {
        if (cells->cells[i].state == NETSIM_CELL_FAILED)
            return NETSIM_EXIT_FAILURE;
        if (cells->cells[i].state == NETSIM_CELL_NOT_MADE)
            code = NETSIM_EXIT_RUN;
    }
    return code;
}

static size_t jobs_of(const struct options *o, const struct netsim_scenarios *scenarios)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (o->jobs > 0)
        return (size_t)o->jobs;
    if (scenarios->settings.jobs > 0)
        return (size_t)scenarios->settings.jobs;
    return cores > 0 && cores <= NETSIM_JOBS_MAX ? (size_t)cores : 1;
}

static int run_cells(struct job *job, const struct options *o,
                     const struct netsim_scenarios *scenarios)
{
    const char *hook = getenv(PROGRAM_HOOK);
    const struct netsim_matrix_config config = {
        .program = hook != NULL ? hook : netsim_worker_self(),
        .keep = o->keep,
        .jobs = jobs_of(o, scenarios),
        .on_change = on_change,
        .arg = job,
    };
    FILE *out = job->json == stdout ? stderr : stdout;
    int result, error;

    netsim_progress_init(&job->progress, o->quiet ? NULL : stderr, job->cells.count);
    result = netsim_matrix_run(&job->cells, &config);
    error = errno;
    netsim_progress_end(&job->progress);
    write_records(job, true);
    netsim_matrix_table_print(out, &job->cells);
    if (result < 0) {
        netsim_cli_fail("a run could not be started%s%s: %s", o->keep != NULL ? " in " : "",
                        o->keep != NULL ? o->keep : "", strerror(error));
        return NETSIM_EXIT_RUN;
    }
    if (fflush(out) != 0)
        return netsim_cli_fail("the table: %s", strerror(errno));
    return result > 0 ? 128 + result : code_of(&job->cells);
}

static int open_outputs(struct job *job, const struct options *o)
{
    if (o->keep != NULL && mkdir(o->keep, 0777) != 0 && errno != EEXIST)
        return netsim_cli_usage("--keep: %s: %s", o->keep, strerror(errno));
    if (o->json == NULL)
        return 0;
    job->json = strcmp(o->json, "-") == 0 ? stdout : fopen(o->json, "w");
    return job->json != NULL ? 0 : netsim_cli_usage("--json: %s: %s", o->json, strerror(errno));
}

static int close_json(struct job *job, const struct options *o, int code)
{
    if (job->json != NULL && job->json != stdout && fclose(job->json) != 0 &&
        job->json_error == 0)
        job->json_error = errno;
    if (job->json_error == 0)
        return code;
    return netsim_cli_fail("--json: %s: %s", o->json, strerror(job->json_error));
}

static int run_matrix(const struct options *o, const struct netsim_scenarios *scenarios)
{
    const struct netsim_cells_choice choice = {o->filter, o->has_seeds ? &o->seeds : NULL};
    struct job job = {.json = NULL};
    int code;

    if (!netsim_cells_init(&job.cells, scenarios, &choice))
        return job.cells.count > NETSIM_CELLS_MAX
                   ? netsim_cli_usage(
                         "these are %zu runs, more than %d: fewer seeds, or --filter",
                         job.cells.count, NETSIM_CELLS_MAX)
                   : netsim_cli_fail("out of memory");
    if (job.cells.count == 0)
        code = netsim_cli_usage("--filter: no SCENARIO/COMMAND has `%s` in it", o->filter);
    else
        code = open_outputs(&job, o);
    if (code == 0)
        code = close_json(&job, o, run_cells(&job, o, scenarios));
    netsim_cells_dispose(&job.cells);
    return code;
}

int netsim_cmd_matrix(int argc, char **argv)
{
    struct netsim_scenarios *scenarios = NULL;
    struct options o = {.file = NULL};
    int option, code;

    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return 0;
        }
        code = take_option(&o, option);
        if (code != 0)
            return code;
    }
    code = take_file(&o, argc, argv);
    if (code == 0)
        code = load(&scenarios, o.file);
    if (code == 0)
        code = check_files(scenarios, o.file);
    if (code == 0)
        code = run_matrix(&o, scenarios);
    if (scenarios != NULL)
        netsim_scenarios_free(scenarios);
    return code;
}
