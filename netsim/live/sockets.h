/*
 * sockets.h - where sockets come from: this network namespace, or one that somebody else can
 * enter. A socket stays in the namespace in which it was made, whoever uses it.
 */
#ifndef NETSIM_SOCKETS_H
#define NETSIM_SOCKETS_H

struct netsim_sockets {
    int (*open)(void *arg, int domain, int type); /* as socket(2); NULL: here */
    void *arg;
};

/* Nonblocking, closed at exec; -1 with errno. */
int netsim_sockets_open(const struct netsim_sockets *sockets, int domain, int type);

/* For what only helps: failing is no error. */
void netsim_socket_set(int fd, int level, int name, int value);

/* Closes, and keeps errno. Returns -1. */
int netsim_socket_close_failed(int fd);

#endif
