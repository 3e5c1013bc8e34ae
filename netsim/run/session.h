/*
 * session.h - the two commands of a run, from the first to the last: the server begins, the
 * client begins when the server is ready, and when the client has ended all that is left ends.
 *
 *     server --ready--> client --ends--> SIGTERM to the rest --2 s--> SIGKILL
 *
 * Signals from the guard go to the client, and --duration sends it SIGINT; after 2 s more it is
 * killed. No server command: the client begins at once.
 */
#ifndef NETSIM_SESSION_H
#define NETSIM_SESSION_H

#include <stdbool.h>

#include <event2/event.h>

#include "netsim/run/child.h"
#include "netsim/run/guard.h"
#include "netsim/run/ready.h"
#include "netsim/run/run.h"

struct netsim_session_config {
    struct event_base *base;
    struct netsim_guard *guard;
    const struct netsim_run_config *run;
    int client_net, server_net; /* -1: the caller's */
    const struct netsim_variable *client_environment, *server_environment;
    struct netsim_ready *ready; /* of the server; unused without one */
    /* Before the client begins. 0, or -1 with guard->page->why. NULL: nothing. */
    int (*on_ready)(void *arg);
    void *arg;
};

/* The exit code: the client's; 124 to 127, with a sentence in guard->page->why, when it did not
 * come so far. *client_ran: the client ended by itself, or by a signal for it. */
int netsim_session_run(const struct netsim_session_config *config, bool *client_ran);

#endif
