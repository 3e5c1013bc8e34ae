/*
 * run.h - the state of one run of the client, and how it ends (run.c). client.c does the rest.
 */
#ifndef BELAY_APPS_RUN_H
#define BELAY_APPS_RUN_H

#include "client.h"
#include "tally.h"

struct event;

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

struct run {
    const struct client_options *options;
    const struct transport_kind *kind;
    struct event_base *base;
    struct transport *transport;
    struct event *send_timer, *idle_timer, *on_interrupt, *on_terminate;
    struct tally tally;
    uint8_t *payload, *expected; /* options->size bytes each */
    uint64_t total;              /* messages to send: the count, less after an interrupt */
    uint64_t started_ns, ended_ns;
    uint64_t waiting_since_ns; /* for a reply; BELAY_NEVER: for none */
    uint64_t heard_bytes;      /* when the idle timer last looked */
    bool ready, blocked, closing;
    char failure[512]; /* empty: none */
};

/* Keeps the first: it is the cause of those that follow. */
void run_fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

void run_arm(struct event *timer, uint64_t delay_ns);

bool run_all_sent(const struct run *run);
bool run_is_complete(const struct run *run);
bool run_heard_nothing(const struct run *run);

/* How long a reply may take as things are. */
uint64_t run_timeout_ns(const struct run *run);
/* A plain series that is complete waits a little for duplicates. */
uint64_t run_linger_ns(const struct run *run);
/* Of idle_timer; ctx is the run. */
void run_check_idle(evutil_socket_t fd, short what, void *ctx);

/* Closes gracefully; the loop ends when that is done. */
void run_finish(struct run *run);
/* Ends the loop: what is missing is missing. */
void run_give_up(struct run *run);

/* Names what is not as it should be, when nothing has failed more plainly. */
void run_judge(struct run *run);

#endif
