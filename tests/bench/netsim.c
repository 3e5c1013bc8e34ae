/*
 * netsim.c - how many packets a second the link model takes, in virtual time, in one thread.
 *
 *     bench_netsim [PACKETS [WORDS INTERVAL_NS]]     [2000000 packets, the rows below]
 *
 * One JSON line for each row: the best of three runs, by the processor's time. `queued` is the
 * most that was inside.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "netsim/model/pipeline.h"

#define RUNS 3

struct row {
    const char *name, *words;
    uint64_t interval_ns;
};

static const struct row rows[] = {
    {"clean", "", 10000},
    {"delay", "delay 20ms limit 100000", 10000},
    {"delay and jitter", "delay 20ms 5ms limit 100000", 10000},
    {"everything",
     "delay 20ms 5ms 25% distribution normal loss gemodel 2% 25% ecn duplicate 2% corrupt 1% "
     "reorder 5% 25% gap 3 rate 10gbit 14 slot 10us 50us packets 20 limit 100000",
     10000},
    {"pipeline of 3", "rate 2gbit limit 1000 | delay 15ms limit 10000 | delay 1ms reorder 5%",
     10000},
    {"codel", "rate 900mbit x-queue codel ecn loss 0.1%", 10000},
    {"codel and delay", "rate 900mbit x-queue codel delay 10ms 1ms", 10000},
    {"droptail", "rate 900mbit x-queue droptail 1000000", 10000},
    {"100,000 queued, delay", "delay 1s limit 200000", 10000},
    {"100,000 queued, jitter", "delay 1s 200ms limit 200000", 10000},
    {"100,000 queued, rate", "rate 10gbit delay 1s limit 200000", 10000},
};

struct result {
    uint64_t left, dropped;
    size_t queued;
    double seconds;
};

static void *resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

static const struct belay_memory memory = {resize, NULL};

static void drain(struct netsim_pipeline *pipeline, uint64_t now_ns, struct result *result)
{
    struct netsim_outcome out;

    while (netsim_pipeline_poll(pipeline, now_ns, &out)) {
        result->left += out.why == NETSIM_NOT_DROPPED;
        result->dropped += out.why != NETSIM_NOT_DROPPED;
    }
}

static int run(const struct netsim_plan *plan, uint64_t packets, uint64_t interval_ns,
               struct result *result)
{
    struct netsim_pipeline *pipeline = netsim_pipeline_new(plan, 1, 0, &memory);
    clock_t begin = clock();

    if (pipeline == NULL)
        return 1;
    *result = (struct result){0};
    for (uint64_t id = 0; id < packets; id++) {
        struct netsim_packet packet = {.id = id, .len = 1200, .ect = id % 2 == 0};
        size_t queued;

        drain(pipeline, id * interval_ns, result);
        netsim_pipeline_send(pipeline, &packet, id * interval_ns);
        queued = netsim_pipeline_queued(pipeline);
        result->queued = queued > result->queued ? queued : result->queued;
    }
    drain(pipeline, BELAY_NEVER, result);
    result->seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    netsim_pipeline_free(pipeline);
    return 0;
}

static int measure(const struct row *row, uint64_t packets)
{
    struct netsim_words_error error;
    struct netsim_plan *plan;
    struct result best = {.seconds = 0}, result;

    if (netsim_plan_parse(&plan, row->words, &memory, &error) != 0) {
        fprintf(stderr, "%s: %s\n", row->words, error.text);
        return 2;
    }
    for (int i = 0; i < RUNS; i++) {
        if (run(plan, packets, row->interval_ns, &result) != 0) {
            netsim_plan_free(plan);
            return 1;
        }
        if (i == 0 || result.seconds < best.seconds)
            best = result;
    }
    netsim_plan_free(plan);
    printf("{\"name\":\"%s\",\"words\":\"%s\",\"packets\":%" PRIu64 ",\"queued\":%zu,"
           "\"left\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"packets_per_s\":%.0f}\n",
           row->name, row->words, packets, best.queued, best.left, best.dropped,
           (double)packets / best.seconds);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t packets = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000000;
    int bad = 0;

    if (argc == 4) {
        struct row row = {"given", argv[2], strtoull(argv[3], NULL, 10)};

        return measure(&row, packets);
    }
    if (argc > 2 || packets == 0) {
        fprintf(stderr, "usage: bench_netsim [PACKETS [WORDS INTERVAL_NS]]\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && bad == 0; i++)
        bad = measure(&rows[i], packets);
    return bad;
}
