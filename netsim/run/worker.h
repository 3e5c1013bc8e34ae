/*
 * worker.h - a program that runs beside this one, its output in files. It is in a process group
 * of its own, reads nothing, and is told to end (Linux) when this program is gone.
 */
#ifndef NETSIM_WORKER_H
#define NETSIM_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

struct netsim_worker {
    pid_t pid;    /* 0: there is none */
    int out, err; /* files, open for reading at any place; -1: none */
    uint64_t began_ns;
};

/* Where its output goes: files PREFIX.out and PREFIX.err, or (NULL) ones without a name.
 * 0, or -1 with errno: nothing runs. */
int netsim_worker_start(struct netsim_worker *worker, char *const argv[], const char *prefix);

/* true: it has ended; *status as of waitpid. Does not wait. */
bool netsim_worker_has_ended(struct netsim_worker *worker, int *status, double *seconds);

/* To it alone, which cleans up after itself; or, with SIGKILL, to its whole group. */
void netsim_worker_signal(const struct netsim_worker *worker, int signal);

void netsim_worker_close(struct netsim_worker *worker);

/* The end of a file, at most max bytes of it, with a NUL; malloc'd. NULL: out of memory. */
char *netsim_worker_tail(int fd, size_t max);

/* The last line in which there is something; a pointer into text, which is cut there. */
char *netsim_last_line(char *text);

/* The running program: for argv[0]. */
const char *netsim_worker_self(void);

#endif
