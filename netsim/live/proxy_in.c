#include "netsim/live/proxy_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCHES_MAX 16 /* of one socket in one turn of the loop, so that others have theirs */

static struct netsim_proxy_packet *new_packet(const struct netsim_client *client,
                                              const struct netsim_client_socket *socket,
                                              const struct netsim_datagram *datagram)
{
    struct netsim_proxy_packet *packet = malloc(sizeof(*packet) + datagram->len);

    if (packet == NULL)
        return NULL;
    packet->client = client->serial;
    packet->rebinds = socket->rebinds;
    packet->len = datagram->len;
    packet->headers = netsim_address_is_v4(&client->address) ? HEADERS_V4 : HEADERS_V6;
    packet->ecn = datagram->ecn;
    memcpy(packet->data, datagram->data, datagram->len);
    return packet;
}

static void enter(struct netsim_proxy *proxy, struct netsim_proxy_way *way,
                  const struct netsim_client *client, const struct netsim_client_socket *socket,
                  const struct netsim_datagram *datagram, uint64_t now)
{
    struct netsim_proxy_packet *packet = new_packet(client, socket, datagram);
    struct netsim_packet in = {.ect = datagram->ecn != 0, .user = packet};

    if (packet == NULL) {
        way->no_memory++;
        return;
    }
    in.len = packet->len + packet->headers;
    netsim_proxy_pump(proxy, way, now);
    netsim_direction_enter(&way->direction, in, now);
    netsim_proxy_pump(proxy, way, now);
}

/* The system tells how many datagrams a socket lost in all, with one that it did not lose. */
static void count_overflow(struct netsim_proxy_way *way, uint32_t *seen,
                           const struct netsim_datagram *datagram)
{
    if (datagram->overflowed == 0)
        return;
    way->overflowed += (uint32_t)(datagram->overflowed - *seen);
    *seen = datagram->overflowed;
}

static void on_server(evutil_socket_t fd, short what, void *arg)
{
    struct netsim_client *client = arg;
    struct netsim_proxy *proxy = client->owner;
    struct netsim_client_socket *socket =
        fd == client->socket.fd ? &client->socket : &client->before;

    (void)what;
    for (int turn = 0; turn < BATCHES_MAX; turn++) {
        int count = netsim_udp_receive(fd, proxy->receiving);
        uint64_t now = netsim_proxy_clock_ns(proxy);

        if (count == 0)
            break;
        if (count < 0)
            proxy->icmp_received++;
        for (int i = 0; i < count; i++) {
            struct netsim_datagram *datagram = netsim_udp_at(proxy->receiving, i);

            count_overflow(&proxy->back, &socket->overflowed, datagram);
            enter(proxy, &proxy->back, client, socket, datagram, now);
        }
        if (count > 0 && count < NETSIM_UDP_BATCH)
            break;
    }
    netsim_proxy_pump_all(proxy);
}

static void yield(struct netsim_proxy *proxy, struct netsim_client *client, const char *reason)
{
    char name[NETSIM_ADDRESS_TEXT_SIZE];

    proxy->yielded++;
    netsim_address_format(&client->address, name);
    if (!proxy->config.quiet)
        fprintf(stderr, "belay-netsim: client %s yields: %s\n", name, reason);
    netsim_udp_flush(proxy->out.sending, &proxy->out.counts); /* may hold its socket */
    netsim_clients_remove(&proxy->clients, client);
}

static int connect_server(struct netsim_proxy *proxy)
{
    struct netsim_client *oldest = netsim_clients_oldest(&proxy->clients);
    int fd = netsim_udp_connect(&proxy->config.sockets, &proxy->config.to);

    if (fd >= 0 || oldest == NULL || (errno != EMFILE && errno != ENFILE))
        return fd;
    yield(proxy, oldest, "the system gives no more sockets");
    return netsim_udp_connect(&proxy->config.sockets, &proxy->config.to);
}

static bool watch(struct netsim_proxy *proxy, struct netsim_client *client)
{
    struct netsim_client_socket *socket = &client->socket;

    socket->event = event_new(proxy->base, socket->fd, EV_READ | EV_PERSIST, on_server, client);
    return socket->event != NULL && event_add(socket->event, NULL) == 0;
}

static struct netsim_client *add_client(struct netsim_proxy *proxy,
                                        const struct netsim_address *address, uint64_t now)
{
    struct netsim_client *client;
    int fd;

    if (proxy->clients.count >= proxy->clients.max)
        yield(proxy, netsim_clients_oldest(&proxy->clients),
              "another one came, and there is room for no more");
    fd = connect_server(proxy);
    if (fd < 0)
        return NULL;
    client = netsim_clients_add(&proxy->clients, address, fd);
    if (client == NULL) {
        close(fd);
        return NULL;
    }
    client->owner = proxy;
    client->socket.rebinds = netsim_proxy_rebinds(proxy, now);
    if (!watch(proxy, client)) {
        netsim_clients_remove(&proxy->clients, client);
        return NULL;
    }
    return client;
}

/* A port of its own that the client has not had. NULL: it must do without. */
static struct netsim_client *rebind(struct netsim_proxy *proxy, struct netsim_client *client,
                                    uint64_t now)
{
    int fd;

    if (client->socket.rebinds == netsim_proxy_rebinds(proxy, now))
        return client;
    fd = netsim_udp_connect(&proxy->config.sockets, &proxy->config.to);
    netsim_udp_flush(proxy->out.sending, &proxy->out.counts); /* may hold the one before */
    if (fd >= 0) {
        netsim_client_change(client, fd, netsim_proxy_rebinds(proxy, now));
        if (watch(proxy, client))
            return client;
    }
    netsim_clients_remove(&proxy->clients, client);
    return NULL;
}

/* Whose datagram this is: someone new, or one whose port the NAT may have forgotten. */
static struct netsim_client *client_of(struct netsim_proxy *proxy,
                                       const struct netsim_address *address, uint64_t now)
{
    struct netsim_client *client = netsim_clients_find(&proxy->clients, address);

    return client == NULL ? add_client(proxy, address, now) : rebind(proxy, client, now);
}

void netsim_proxy_on_client(evutil_socket_t fd, short what, void *arg)
{
    struct netsim_proxy *proxy = arg;

    (void)what;
    for (int turn = 0; turn < BATCHES_MAX; turn++) {
        int count = netsim_udp_receive(fd, proxy->receiving);
        uint64_t now = netsim_proxy_clock_ns(proxy);

        if (count == 0)
            break;
        if (count < 0)
            proxy->icmp_received++;
        for (int i = 0; i < count; i++) {
            struct netsim_datagram *datagram = netsim_udp_at(proxy->receiving, i);
            struct netsim_client *client = client_of(proxy, &datagram->peer, now);

            count_overflow(&proxy->out, &proxy->overflowed, datagram);
            if (client == NULL) {
                proxy->out.no_client++;
                continue;
            }
            netsim_clients_touch(&proxy->clients, client);
            enter(proxy, &proxy->out, client, &client->socket, datagram, now);
        }
        if (count > 0 && count < NETSIM_UDP_BATCH)
            break;
    }
    netsim_proxy_pump_all(proxy);
}
