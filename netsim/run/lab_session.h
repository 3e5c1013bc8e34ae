/*
 * lab_session.h - a session between the two namespaces of a lab: what the backends with
 * namespaces have in common. They add what makes the link bad.
 */
#ifndef NETSIM_LAB_SESSION_H
#define NETSIM_LAB_SESSION_H

#include <event2/event.h>

#include "netsim/run/crossing.h"
#include "netsim/run/guard.h"
#include "netsim/run/lab.h"
#include "netsim/run/ready.h"
#include "netsim/run/run.h"

struct netsim_localhost6;

struct netsim_lab_session {
    const char *backend;         /* its name */
    enum netsim_lab_shape shape; /* that is wanted; then the one that it is */
    bool or_tun;                 /* TUN devices where that can't be had */
    const struct netsim_run_config *run;
    struct netsim_guard *guard;

    /* The wires are there, no command runs. 0, or -1 with guard->page->why. */
    int (*prepare)(struct netsim_lab_session *session);
    /* The server is ready, and the client is about to begin. As prepare. */
    int (*on_ready)(struct netsim_lab_session *session);
    /* After the client: what crossed, and (unless quiet) a report on stderr. */
    void (*count)(struct netsim_lab_session *session, struct netsim_crossing *crossing);
    /* All is over, and the lab still there. NULL: nothing. */
    void (*end)(struct netsim_lab_session *session);
    void *arg;

    /* Filled in. */
    struct netsim_lab lab;
    struct event_base *base;
    struct netsim_ready *ready;
    struct netsim_localhost6 *localhost6;
};

/* The exit code, a sentence in guard->page->why when it is netsim's own. */
int netsim_lab_session_run(struct netsim_lab_session *session);

/* A trial: makes a lab and prepares it. 0 or 1, with guard->page->why. */
int netsim_lab_session_try(struct netsim_lab_session *session);

#endif
