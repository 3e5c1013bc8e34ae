/*
 * child.h - a command, run by `sh -c`: in a process group of its own, and where it is told so
 * in a network namespace.
 */
#ifndef NETSIM_CHILD_H
#define NETSIM_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct netsim_variable {
    const char *name; /* NULL ends a list */
    char value[64];   /* empty: not set */
};

struct netsim_child {
    const char *command;
    const struct netsim_variable *environment; /* added to the caller's */
    int net;                                   /* -1: the caller's */
    bool has_stdin;                            /* false: /dev/null */
    const sigset_t *mask;                      /* of signals */
    long timer_slack_ns;                       /* Linux */
};

/* Its process, which is its group too; -1 with errno. It is killed when the caller's thread
 * ends (Linux). */
pid_t netsim_child_start(const struct netsim_child *child);

/* What sh would have in `$?`: 128 and the signal when it was killed. */
int netsim_child_code(int status);

/* "status 3", "signal 9 (Killed)". */
void netsim_child_describe(int status, char *out, size_t size);

#endif
