/*
 * clients.h - who talks through a proxy: for each client's address a connected socket to the
 * server, so that the server sees each as a peer of its own. Bounded; when a new client finds
 * no room, the one that has been silent longest yields.
 *
 * A client may get another socket, as behind a NAT that forgets its ports. The one before
 * stays open until the next change: what is on its way by it still leaves, and what still
 * comes by it is met by someone who can count it.
 */
#ifndef NETSIM_CLIENTS_H
#define NETSIM_CLIENTS_H

#include "base/list.h"
#include "base/map.h"
#include "netsim/live/address.h"

struct event;

/* Connected to the server. */
struct netsim_client_socket {
    int fd;              /* -1: none */
    uint32_t overflowed; /* when last told */
    uint64_t rebinds;    /* of the NAT, when it was opened */
    struct event *event;
};

struct netsim_client {
    struct belay_map_node by_address;
    struct belay_list by_silence;
    struct netsim_address address;
    uint64_t serial; /* names it in packets on their way; never used again */
    struct belay_map_node by_serial;
    struct netsim_client_socket socket, before;
    void *owner;
};

struct netsim_clients {
    struct belay_mem mem;
    struct belay_map by_address, by_serial;
    struct belay_list by_silence; /* the longest first */
    size_t count, max;
    uint64_t next_serial;
};

void netsim_clients_init(struct netsim_clients *clients, size_t max, const uint64_t seed[2]);
void netsim_clients_dispose(struct netsim_clients *clients);

/* NULL: not there. */
struct netsim_client *netsim_clients_find(struct netsim_clients *clients,
                                          const struct netsim_address *address);
struct netsim_client *netsim_clients_find_serial(struct netsim_clients *clients,
                                                 uint64_t serial);

/* It was heard just now. */
void netsim_clients_touch(struct netsim_clients *clients, struct netsim_client *client);

/* Silent longest; NULL when there is none. */
struct netsim_client *netsim_clients_oldest(const struct netsim_clients *clients);

/* Takes fd over when it succeeds. NULL: no memory. */
struct netsim_client *netsim_clients_add(struct netsim_clients *clients,
                                         const struct netsim_address *address, int fd);
/* Takes fd over as its socket; the socket is the one before now, and that one is closed. */
void netsim_client_change(struct netsim_client *client, int fd, uint64_t rebinds);
/* Closes its sockets and events. */
void netsim_clients_remove(struct netsim_clients *clients, struct netsim_client *client);

#endif
