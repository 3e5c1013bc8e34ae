/*
 * support.h - what the benchmarks of many connections share: options that are numbers, a server
 * process and a client process on a core each, latencies, percentiles.
 */
#ifndef BELAY_BENCH_SUPPORT_H
#define BELAY_BENCH_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;

#define SUPPORT_SECOND_NS UINT64_C(1000000000)

/* Prints program: text and ends the process. */
_Noreturn void support_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ------------------------------------------------------------------ options */

/* --name N: into number; --name: is true, into flag; --name TEXT: into text. */
struct support_option {
    const char *name;
    double *number;
    double least, most;
    bool *flag;
    const char **text;
};
#define SUPPORT_OPTIONS_MAX 16

/* --help prints help. What is wrong is said, and ends the program with 2. */
void support_options(int argc, char **argv, const char *help,
                     const struct support_option *options, size_t count);

/* ------------------------------------------------------------------ processes */

double support_cpu_s(void);        /* of this process */
double support_thread_cpu_s(void); /* of this thread */
void support_pin(unsigned cpu);    /* this thread; past the last: the first again */
/* With timers in microseconds. */
struct event_base *support_base(void);

/*
 * Both sides of a run, forked. The server writes its port to the client's to_other (16 bits),
 * the client what the two agreed upon; each reads its from_other. A side that returns ends
 * with success, one that takes longer than seconds is killed.
 */
struct support_ends {
    int from_other, to_other;
    void *shared; /* by both and by their parent */
};
struct support_pair {
    void (*server)(const struct support_ends *ends);
    void (*client)(const struct support_ends *ends);
    void *shared; /* of support_shared */
    unsigned seconds;
};
void *support_shared(size_t size);
/* Dies unless both succeed. */
void support_run(const struct support_pair *pair);

/* ------------------------------------------------------------------ latencies */

struct support_samples {
    uint64_t *ns;
    size_t count, max;
};
struct support_cuts {
    uint64_t count;
    double p50_us, p99_us, p999_us, max_us;
};
void support_samples_init(struct support_samples *samples, size_t max);
void support_sample(struct support_samples *samples, uint64_t ns);
/* By nearest rank. Sorts them. */
struct support_cuts support_cut(struct support_samples *samples);

/* The middle one, or the mean of the middle two. Sorts them. */
double support_median(double *values, size_t count);

#endif
