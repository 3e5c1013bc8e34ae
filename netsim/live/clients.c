#include "netsim/live/clients.h"

#include <unistd.h>

#include <event2/event.h>

#include "base/heap.h"
#include "netsim/cli.h"

void netsim_clients_init(struct netsim_clients *clients, size_t max, const uint64_t seed[2])
{
    *clients = (struct netsim_clients){.max = max};
    belay_mem_init(&clients->mem, &netsim_cli_memory);
    belay_map_init(&clients->by_address, &clients->mem, seed);
    belay_map_init(&clients->by_serial, &clients->mem, seed);
    belay_list_init(&clients->by_silence);
}

void netsim_clients_dispose(struct netsim_clients *clients)
{
    while (clients->count > 0)
        netsim_clients_remove(clients, netsim_clients_oldest(clients));
    belay_map_dispose(&clients->by_address);
    belay_map_dispose(&clients->by_serial);
}

struct netsim_client *netsim_clients_find(struct netsim_clients *clients,
                                          const struct netsim_address *address)
{
    struct belay_map_node *node =
        belay_map_find(&clients->by_address, &address->storage, address->len);

    return node == NULL ? NULL : BELAY_CONTAINER(node, struct netsim_client, by_address);
}

struct netsim_client *netsim_clients_find_serial(struct netsim_clients *clients,
                                                 uint64_t serial)
{
    struct belay_map_node *node = belay_map_find(&clients->by_serial, &serial, sizeof(serial));

    return node == NULL ? NULL : BELAY_CONTAINER(node, struct netsim_client, by_serial);
}

void netsim_clients_touch(struct netsim_clients *clients, struct netsim_client *client)
{
    belay_list_remove(&client->by_silence);
    belay_list_append(&clients->by_silence, &client->by_silence);
}

struct netsim_client *netsim_clients_oldest(const struct netsim_clients *clients)
{
    struct belay_list *node = belay_list_first(&clients->by_silence);

    return node == NULL ? NULL : BELAY_CONTAINER(node, struct netsim_client, by_silence);
}

struct netsim_client *netsim_clients_add(struct netsim_clients *clients,
                                         const struct netsim_address *address, int fd)
{
    struct netsim_client *client = belay_mem_zalloc(&clients->mem, sizeof(*client));

    if (client == NULL)
        return NULL;
    client->address = *address;
    client->serial = clients->next_serial++;
    client->socket.fd = fd;
    client->before.fd = -1;
    if (belay_map_add(&clients->by_address, &client->by_address, &client->address.storage,
                      client->address.len) != 0 ||
        belay_map_add(&clients->by_serial, &client->by_serial, &client->serial,
                      sizeof(client->serial)) != 0) {
        belay_map_remove(&clients->by_address, &client->by_address);
        belay_mem_free(&clients->mem, client, sizeof(*client));
        return NULL;
    }
    belay_list_append(&clients->by_silence, &client->by_silence);
    clients->count++;
    return client;
}

static void close_socket(struct netsim_client_socket *socket)
{
    if (socket->event != NULL)
        event_free(socket->event);
    if (socket->fd >= 0)
        close(socket->fd);
    *socket = (struct netsim_client_socket){.fd = -1};
}

void netsim_client_change(struct netsim_client *client, int fd, uint64_t rebinds)
{
    close_socket(&client->before);
    client->before = client->socket;
    client->socket = (struct netsim_client_socket){.fd = fd, .rebinds = rebinds};
}

void netsim_clients_remove(struct netsim_clients *clients, struct netsim_client *client)
{
    belay_map_remove(&clients->by_address, &client->by_address);
    belay_map_remove(&clients->by_serial, &client->by_serial);
    belay_list_remove(&client->by_silence);
    clients->count--;
    close_socket(&client->socket);
    close_socket(&client->before);
    belay_mem_free(&clients->mem, client, sizeof(*client));
}
