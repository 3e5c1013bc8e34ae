#define _GNU_SOURCE
#include "support.h"

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void support_die(const char *format, ...)
{
    va_list rest;

    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(rest, format);
    vfprintf(stderr, format, rest);
    va_end(rest);
    fputc('\n', stderr);
    exit(1);
}

/* ------------------------------------------------------------------ options */

static void take(const struct support_option *option)
{
    char *end;
    double value;

    if (option->flag != NULL) {
        *option->flag = true;
    } else if (option->text != NULL) {
        *option->text = optarg;
    } else {
        value = strtod(optarg, &end);
        if (end == optarg || *end != '\0' ||
            !(value >= option->least && value <= option->most)) {
            fprintf(stderr, "%s: --%s '%s': not a number from %g to %g\n",
                    program_invocation_short_name, option->name, optarg, option->least,
                    option->most);
            exit(2);
        }
        *option->number = value;
    }
}

void support_options(int argc, char **argv, const char *help,
                     const struct support_option *options, size_t count)
{
    struct option longs[SUPPORT_OPTIONS_MAX + 2] = {{"help", no_argument, NULL, 'h'}};
    int index;

    for (size_t i = 0; i < count; i++)
        longs[i + 1] =
            (struct option){options[i].name,
                            options[i].flag != NULL ? no_argument : required_argument, NULL, 0};
    for (int key; (key = getopt_long(argc, argv, "", longs, &index)) != -1;) {
        if (key == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if (key == '?')
            exit(2);
        take(&options[index - 1]);
    }
    if (optind == argc)
        return;
    fprintf(stderr, "%s: '%s': only options are known; see --help\n",
            program_invocation_short_name, argv[optind]);
    exit(2);
}

/* ------------------------------------------------------------------ processes */

static double clock_s(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double support_cpu_s(void)
{
    return clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

double support_thread_cpu_s(void)
{
    return clock_s(CLOCK_THREAD_CPUTIME_ID);
}

void support_pin(unsigned cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof(set), &set);
}

struct event_base *support_base(void)
{
    struct event_config *precise = event_config_new();
    struct event_base *base;

    event_config_set_flag(precise, EVENT_BASE_FLAG_PRECISE_TIMER);
    base = event_base_new_with_config(precise);
    event_config_free(precise);
    if (base == NULL)
        support_die("no event base");
    return base;
}

void *support_shared(size_t size)
{
    void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        support_die("no memory");
    return shared;
}

static pid_t fork_side(const struct support_pair *pair, unsigned cpu,
                       void (*side)(const struct support_ends *), int from_other, int to_other)
{
    struct support_ends ends = {from_other, to_other, pair->shared};
    pid_t pid = fork();

    if (pid < 0)
        support_die("fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    alarm(pair->seconds);
    support_pin(cpu);
    side(&ends);
    _exit(0);
}

void support_run(const struct support_pair *pair)
{
    int to_client[2], to_server[2], status, bad = 0;
    pid_t server, client, ended;

    fflush(stdout);
    if (pipe2(to_client, O_CLOEXEC) != 0 || pipe2(to_server, O_CLOEXEC) != 0)
        support_die("pipe: %s", strerror(errno));
    server = fork_side(pair, 0, pair->server, to_server[0], to_client[1]);
    client = fork_side(pair, 1, pair->client, to_client[0], to_server[1]);
    for (int i = 0; i < 2; i++) {
        close(to_client[i]);
        close(to_server[i]);
    }
    while ((ended = wait(&status)) > 0) {
        if (status == 0)
            continue;
        if (bad++ == 0) {
            fprintf(stderr, "%s: the %s %s\n", program_invocation_short_name,
                    ended == server ? "server" : "client",
                    WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "took too long"
                                                                       : "failed");
            kill(ended == server ? client : server, SIGKILL);
        }
    }
    if (bad > 0)
        exit(1);
}

/* ------------------------------------------------------------------ latencies */

void support_samples_init(struct support_samples *samples, size_t max)
{
    *samples = (struct support_samples){malloc(max * sizeof(*samples->ns)), 0, max};
    if (samples->ns == NULL)
        support_die("no memory");
}

void support_sample(struct support_samples *samples, uint64_t ns)
{
    if (samples->count < samples->max)
        samples->ns[samples->count++] = ns;
}

static int compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static double rank_us(const struct support_samples *samples, unsigned permille)
{
    size_t rank = (samples->count * permille + 999) / 1000;

    return rank == 0 ? 0 : (double)samples->ns[rank - 1] / 1e3;
}

struct support_cuts support_cut(struct support_samples *samples)
{
    qsort(samples->ns, samples->count, sizeof(*samples->ns), compare_ns);
    return (struct support_cuts){samples->count, rank_us(samples, 500), rank_us(samples, 990),
                                 rank_us(samples, 999), rank_us(samples, 1000)};
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double support_median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}
