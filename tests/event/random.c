/*
 * random.c - apps that do anything, anywhere: from within all callbacks connections are dialed,
 * written to, paused, moved, closed and freed, their own and others, and so are endpoints and
 * listeners. life.h says what must hold all the same; the sanitizers say the rest.
 *
 *     test_event_random [--seeds N] [--from S]     seeds S .. S + N - 1 [100, 1]
 *     test_event_random --seed S                   one of them
 *
 * Fails at the first broken promise, and when some callback never came in a run of 100 seeds or
 * more. A seed draws the same again; which callback comes when is up to the machine, so a
 * failure may need its seed more than once.
 */
#include "life.h"
#include "whims.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define PROGRAM_S 3600
#define PULSE_US  1000

static uint64_t seed_now;
static const char *program;

void life_broken(const struct life *life, const char *format, ...)
{
    va_list args;

    printf("life %u: ", life != NULL ? life->id : 0);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\nreplay: %s --seed %" PRIu64 "\n", program, seed_now);
    fflush(stdout);
    _Exit(1);
}

/* ------------------------------------------------------------------ a seed */

static void on_pulse(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what, (void)ctx;
    life_whim(NULL);
}

static void each(bool (*is_one)(const struct life *), void (*act_on)(struct life *))
{
    for (struct life *life = lives; life < lives + LIVES; life++)
        if (is_one(life))
            act_on(life);
}

static bool any(bool (*is_one)(const struct life *))
{
    for (const struct life *life = lives; life < lives + LIVES; life++)
        if (is_one(life))
            return true;
    return false;
}

static bool is_there(const struct life *life)
{
    return life->conn != NULL;
}

/* Its queue never empties, or nobody says so. */
static bool is_stuck(const struct life *life)
{
    return life_is_open(life) && (belay_conn_get_queued(life->conn) > 0 || life->is_starved);
}

static bool has_reference(const struct life *life)
{
    return life->reference != NULL;
}

static void open_up(struct life *life)
{
    life_attend(life, true);
    belay_conn_enable(life->conn, EV_READ | EV_WRITE);
}

static void free_it(struct life *life)
{
    life_free(life, false);
}

static void let_go(struct life *life)
{
    belay_conn_decref(life->reference);
}

/* The app has no more whims: what was accepted arrives, and all ends, and nothing is left. */
static void settle(void)
{
    each(life_is_open, open_up);
    WAIT_FOR(!any(is_stuck));
    each(life_is_open, life_close);
    WAIT_FOR(!any(life_is_open));
    each(is_there, free_it);
    WAIT_FOR(!whims_drain());
    whims_end();
}

static void run_seed(uint64_t seed)
{
    struct timeval often = {0, PULSE_US};
    struct event *pulse;
    int events;

    seed_now = seed;
    printf("seed %" PRIu64 "\n", seed); /* a sanitizer leaves no time to say it */
    fflush(stdout);
    lives_clear();
    set_up(NULL);
    events = event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);
    whims_begin(seed);
    pulse = event_new(base, -1, EV_PERSIST, on_pulse, NULL);
    event_add(pulse, &often);
    WAIT_FOR(!whims_are_left());
    event_free(pulse);
    settle();
    WAIT_FOR(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) <= events);
    each(has_reference, let_go);
    tear_down(NULL);
}

/* Returns how many kinds never came. */
static unsigned print_calls(void)
{
    static const char *const names[LIFE_CALLS] = {"message",   "write",  "sent",   "connected",
                                                  "rebound",   "eof",    "closed", "accept",
                                                  "authorize", "drained"};
    unsigned never = 0;

    for (size_t i = 0; i < LIFE_CALLS; i++) {
        printf("%-10s %u\n", names[i], life_calls[i]);
        never += life_calls[i] == 0;
    }
    return never;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"seeds", required_argument, NULL, 'n'},
                                          {"from", required_argument, NULL, 'f'},
                                          {"seed", required_argument, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
    uint64_t from = 1, seeds = 100;

    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == '?')
            return 2;
        if (c == 'n')
            seeds = strtoull(optarg, NULL, 0);
        else
            from = strtoull(optarg, NULL, 0);
        if (c == 's')
            seeds = 1;
    }
    program = argv[0];
    alarm(PROGRAM_S);
    for (uint64_t i = 0; i < seeds; i++)
        run_seed(from + i);
    return print_calls() == 0 || seeds < 100 ? 0 : 1;
}
