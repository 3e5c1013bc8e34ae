/*
 * The live backend: three namespaces, and in the middle one the model in real time. Between
 * them are veth pairs or, where these or AF_PACKET can't be had, TUN devices;
 * $BELAY_NETSIM_WIRES says which.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/live/relay.h"
#include "netsim/run/lab_session.h"
#include "netsim/run/recording.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

#define NAME  "live"
#define WIRES "BELAY_NETSIM_WIRES"

struct live {
    struct netsim_recording recording;
    struct netsim_relay *relay;
    int relay_error;
};

/* ------------------------------------------------------------------ which wires */

/* NULL: whatever can be had. */
static const char *wanted_wires(void)
{
    const char *wires = getenv(WIRES);

    return wires != NULL && wires[0] != '\0' ? wires : NULL;
}

static void choose_wires(struct netsim_lab_session *session)
{
    const char *wires = wanted_wires();

    session->shape =
        wires != NULL && strcmp(wires, "tun") == 0 ? NETSIM_LAB_TUN : NETSIM_LAB_RELAY;
    session->or_tun = wires == NULL;
}

/* ------------------------------------------------------------------ the relay */

static int new_relay(struct netsim_lab_session *session)
{
    const struct netsim_run_config *run = session->run;
    struct live *live = session->arg;
    bool is_tun = session->shape == NETSIM_LAB_TUN;
    struct netsim_relay_config config = {
        .client_tun = is_tun ? &session->lab.client_tun : NULL,
        .server_tun = is_tun ? &session->lab.server_tun : NULL,
        .client_if = NETSIM_LAB_RELAY_CLIENT,
        .server_if = NETSIM_LAB_RELAY_SERVER,
        .out = run->out,
        .back = run->back,
        .out_seed = run->out_seed,
        .back_seed = run->back_seed,
        .log = live->recording.log,
        .pcap = live->recording.pcap,
        .quiet = run->quiet,
    };

    live->relay = netsim_relay_new(session->base, &config);
    if (live->relay != NULL)
        return 0;
    snprintf(session->guard->page->why, NETSIM_WHY_SIZE, "the relay can't begin: %s",
             strerror(errno));
    return -1;
}

static void count(struct netsim_lab_session *session, struct netsim_crossing *crossing)
{
    struct live *live = session->arg;
    struct netsim_relay_counts counts;

    netsim_relay_counts(live->relay, &counts);
    *crossing = (struct netsim_crossing){.out_in = counts.out_in,
                                         .out = counts.out,
                                         .back_in = counts.back_in,
                                         .back = counts.back,
                                         .has_in = true};
    if (!session->run->quiet)
        netsim_relay_report(live->relay, stderr);
}

static void end(struct netsim_lab_session *session)
{
    struct live *live = session->arg;

    if (live->relay == NULL)
        return;
    live->relay_error = netsim_relay_error(live->relay);
    netsim_relay_free(live->relay);
}

static int run_recorded(struct netsim_lab_session *session)
{
    struct live *live = session->arg;
    int code = netsim_lab_session_run(session);

    if (session->base != NULL)
        event_base_free(session->base);
    if (netsim_recording_close(&live->recording, session->run, live->relay_error,
                               session->guard->page->why, NETSIM_WHY_SIZE) != 0 &&
        code == 0)
        code = NETSIM_EXIT_RUN;
    return code;
}

static int run_inside(struct netsim_guard *guard, void *arg)
{
    struct live live = {.relay = NULL};
    /* The relay begins with the client: a schedule does not depend on how long a server takes.
     */
    struct netsim_lab_session session = {.backend = NAME,
                                         .run = arg,
                                         .guard = guard,
                                         .on_ready = new_relay,
                                         .count = count,
                                         .end = end,
                                         .arg = &live};

    choose_wires(&session);
#ifdef __linux__
    prctl(PR_SET_TIMERSLACK, 1UL); /* it is 50 us */
#endif
    if (netsim_recording_open(&live.recording, session.run, NETSIM_PCAPNG_ETHERNET,
                              guard->page->why, NETSIM_WHY_SIZE) != 0)
        return NETSIM_EXIT_RUN;
    return run_recorded(&session);
}

static int run(const struct netsim_run_config *config)
{
    char why[NETSIM_WHY_SIZE];
    int code = netsim_guard_run(true, run_inside, (void *)config, why, sizeof(why));

    if (why[0] != '\0')
        netsim_cli_fail("%s", why);
    return code;
}

/* ------------------------------------------------------------------ a trial */

static int open_relay(struct netsim_lab_session *session)
{
    struct netsim_plan *clean;
    struct netsim_run_config config = {0};
    int result = -1;

    session->run = &config;
    session->base = event_base_new();
    if (session->base != NULL && netsim_plan_parse(&clean, "", &netsim_cli_memory, NULL) == 0) {
        config.out = config.back = clean;
        result = new_relay(session);
        netsim_plan_free(clean);
    }
    session->run = NULL;
    return result;
}

static int try_inside(struct netsim_guard *guard, void *arg)
{
    struct live live = {.relay = NULL};
    struct netsim_lab_session session = {.guard = guard, .prepare = open_relay, .arg = &live};

    (void)arg;
    choose_wires(&session);
    return netsim_lab_session_try(&session);
}

static bool probe(char *why, size_t size)
{
    return netsim_guard_try(try_inside, NULL, why, size);
}

static bool can(const struct netsim_run_config *config, char *why, size_t size)
{
    const char *wires = wanted_wires();

    (void)config;
    if (wires == NULL || strcmp(wires, "veth") == 0 || strcmp(wires, "tun") == 0)
        return true;
    snprintf(why, size, "$" WIRES ": `%s` is none; there are veth and tun", wires);
    return false;
}

const struct netsim_backend netsim_backend_live = {
    .name = NAME,
    .what = "the model in real time, between two network namespaces",
    .can = can,
    .probe = probe,
    .run = run,
};
