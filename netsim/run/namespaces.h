/*
 * namespaces.h - a child as process 1 of namespaces of its own: PID, mount and network; for a
 * user without privileges in a user namespace too, where he is root.
 *
 * Not on Linux: refused, with the reason.
 */
#ifndef NETSIM_NAMESPACES_H
#define NETSIM_NAMESPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct netsim_namespaces {
    bool user; /* with a user namespace */
    uid_t uid; /* outside of it */
    gid_t gid;
};

/* As fork(2); -1 with a sentence in why. The child calls netsim_namespaces_enter at once. */
pid_t netsim_namespaces_fork(struct netsim_namespaces *namespaces, char *why, size_t size);

/*
 * In the child: maps its user to root, mounts a /proc of its own where that is allowed, and
 * dies with its parent, who holds the other end of the pipe leash. 0, or -1 with a sentence.
 */
int netsim_namespaces_enter(const struct netsim_namespaces *namespaces, int leash, char *why,
                            size_t size);

/* A fresh network namespace, by its descriptor; the caller stays in its own. -1, errno. */
int netsim_namespaces_net(void);

/* The network namespace that the caller is in. -1, errno. */
int netsim_namespaces_net_here(void);

/* Moves the caller into a network namespace. 0, or -1, errno. */
int netsim_namespaces_join(int net);

#endif
