/*
 * clients.h - who talks through a proxy: for each client's address a connected socket to the
 * server, so that the server sees each as a peer of its own. Bounded; when a new client finds
 * no room, the one that has been silent longest yields.
 */
#ifndef NETSIM_CLIENTS_H
#define NETSIM_CLIENTS_H

#include "base/list.h"
#include "base/map.h"
#include "netsim/live/address.h"

struct event;

struct netsim_client {
    struct belay_map_node by_address;
    struct belay_list by_silence;
    struct netsim_address address;
    uint64_t serial; /* names it in packets on their way; never used again */
    struct belay_map_node by_serial;
    int fd;              /* connected to the server */
    uint32_t overflowed; /* of its socket, when last told */
    struct event *event;
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
/* Closes its socket and event. */
void netsim_clients_remove(struct netsim_clients *clients, struct netsim_client *client);

#endif
