/*
 * guard.h - a run in a process of its own, so that nothing survives it, whatever is killed.
 *
 *     belay-netsim (the guard) --- inside --- the server's command, the client's command
 *
 * The guard waits, and hands SIGINT, SIGTERM, SIGHUP and SIGQUIT on to inside, but for those
 * that it was told to ignore. With namespaces inside is process 1 of a PID namespace: all in it
 * die with it, and it dies with the guard. Without them inside watches a pipe from the guard,
 * and the guard kills the commands' process groups when inside is killed.
 */
#ifndef NETSIM_GUARD_H
#define NETSIM_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define NETSIM_WHY_SIZE 512

/* Seen by both. */
struct netsim_guard_page {
    char why[NETSIM_WHY_SIZE]; /* what went wrong inside, a sentence */
    pid_t groups[2];           /* of the commands; 0: none */
};

struct netsim_guard {
    bool namespaces;
    int leash;           /* becomes readable, at its end, when the guard is gone */
    sigset_t signals;    /* what the guard hands on, blocked when inside begins */
    sigset_t mask;       /* as it was, for the commands */
    long timer_slack_ns; /* likewise (Linux) */
    struct netsim_guard_page *page;
};

/* Its value is the exit code. It runs in the child and does not return to main's caller. */
typedef int (*netsim_inside)(struct netsim_guard *guard, void *arg);

/* The exit code of inside; 125 with a sentence in why when it could not begin or was killed.
 * What inside put into page->why comes back in why too; else why is empty. */
int netsim_guard_run(bool namespaces, netsim_inside inside, void *arg, char *why, size_t size);

/* The same for a trial with namespaces: whether its value was 0. A signal that came meanwhile
 * ends this process afterwards. */
bool netsim_guard_try(netsim_inside inside, void *arg, char *why, size_t size);

#endif
