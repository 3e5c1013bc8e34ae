/*
 * property.c - the property run: many random worlds (chaos.h), one a seed.
 *
 *     test_sim_property [--seeds N] [--from S] [--jobs N]     seeds S .. S + N - 1 [1000, 1, 2]
 *     test_sim_property --seed S                              one of them
 *
 * --congestion NAME: all hosts have this controller; else each draws one of its own.
 *
 * Fails at the first broken promise, with the ladder, and when something rare never happened
 * in a run of 1000 seeds or more. Prints a digest of all packets: other builds and other
 * machines must print the same.
 */
#define _GNU_SOURCE /* getopt_long */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/chaos.h"

static const char *program, *congestion;

void sim_print_replay(uint64_t seed)
{
    printf("replay: %s --seed %" PRIu64 "%s%s\n", program, seed,
           congestion != NULL ? " --congestion " : "", congestion != NULL ? congestion : "");
}

void sim_stop(void)
{
    fflush(stdout);
    _Exit(1);
}

struct options {
    uint64_t seeds, from, jobs;
};

struct result {
    struct sim_counts counts;
    uint64_t hash;
};

/* Every jobs-th seed. */
static void run_share(const struct options *options, uint64_t job, struct result *result)
{
    memset(result, 0, sizeof(*result));
    for (uint64_t i = job; i < options->seeds; i += options->jobs)
        result->hash += chaos_run(options->from + i, congestion, &result->counts);
}

/* In a process of its own; returns where its result can be read. */
static int start_job(const struct options *options, uint64_t job)
{
    struct result result;
    int ends[2];

    if (pipe(ends) != 0)
        abort();
    fflush(stdout);
    if (fork() != 0) {
        close(ends[1]);
        return ends[0];
    }
    run_share(options, job, &result);
    _Exit(write(ends[1], &result, sizeof(result)) != (ssize_t)sizeof(result));
}

static bool run_all(const struct options *options, struct result *sum)
{
    struct result one;
    bool good = true;
    int status, pipes[64];

    memset(sum, 0, sizeof(*sum));
    for (uint64_t job = 0; job < options->jobs; job++)
        pipes[job] = start_job(options, job);
    for (uint64_t job = 0; job < options->jobs; job++) {
        good = read(pipes[job], &one, sizeof(one)) == (ssize_t)sizeof(one) && good;
        close(pipes[job]);
        sim_counts_add(&sum->counts, &one.counts);
        sum->hash += one.hash;
    }
    while (wait(&status) > 0)
        good = good && status == 0;
    return good;
}

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 0);
}

static struct options parse(int argc, char **argv)
{
    static const struct option names[] = {
        {"seeds", required_argument, NULL, 'n'},      {"from", required_argument, NULL, 'f'},
        {"jobs", required_argument, NULL, 'j'},       {"seed", required_argument, NULL, 's'},
        {"congestion", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
    struct options options = {1000, 1, 2};

    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'n')
            options.seeds = number(optarg);
        else if (c == 'f')
            options.from = number(optarg);
        else if (c == 'j')
            options.jobs = number(optarg);
        else if (c == 's')
            options = (struct options){1, number(optarg), 1};
        else if (c == 'c')
            congestion = optarg;
        else
            exit(2);
    }
    if (options.jobs < 1 || options.jobs > 64)
        options.jobs = 1;
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct result sum;
    unsigned never;

    program = argv[0];
    printf("seeds %" PRIu64 " .. %" PRIu64 "\n", options.from,
           options.from + options.seeds - 1);
    if (!run_all(&options, &sum))
        return 1;
    never = sim_counts_print(&sum.counts, stdout);
    printf("digest %016" PRIx64 "\n", sum.hash);
    if (options.seeds < 1000 || never == 0)
        return 0;
    printf("FAILED: %u things never happened: this run proves nothing about them\n", never);
    return 1;
}
