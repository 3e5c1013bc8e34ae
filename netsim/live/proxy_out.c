#include "netsim/live/proxy_inside.h"

#include <stdlib.h>

uint64_t netsim_proxy_rebinds(const struct netsim_proxy *proxy, uint64_t now)
{
    return netsim_pipeline_rebinds(proxy->out.direction.pipeline, now) +
           netsim_pipeline_rebinds(proxy->back.direction.pipeline, now);
}

/* Writes down what became of a packet; as a capture beside the client would see it. */
static void tell(struct netsim_proxy *proxy, struct netsim_proxy_way *way,
                 const struct netsim_outcome *outcome, const char *lost, uint64_t now,
                 const struct netsim_client *client, const uint8_t *data)
{
    const struct netsim_proxy_packet *packet = outcome->user;
    const struct netsim_address *from = &proxy->config.listen, *to = from;
    size_t len = 0;

    if (proxy->captured != NULL && client != NULL) {
        if (way == &proxy->out)
            from = &client->address;
        else
            to = &client->address;
        len = netsim_pcapng_udp(proxy->captured, CAPTURED_MAX,
                                (const struct sockaddr *)&from->storage,
                                (const struct sockaddr *)&to->storage,
                                outcome->ce ? 3 : packet->ecn, data, packet->len);
    }
    netsim_direction_tell(&way->direction, outcome, lost, now, len > 0 ? proxy->captured : NULL,
                          len);
}

static bool hits_headers(const struct netsim_outcome *outcome)
{
    const struct netsim_proxy_packet *packet = outcome->user;

    for (unsigned i = 0; i < outcome->corrupt_bits; i++)
        if (outcome->corrupt_bit[i] < 8 * (uint64_t)packet->headers)
            return true;
    return false;
}

/* The client's socket by which a packet goes to the server; -1: closed since. */
static int socket_of(const struct netsim_client *client,
                     const struct netsim_proxy_packet *packet)
{
    if (packet->rebinds == client->socket.rebinds)
        return client->socket.fd;
    return packet->rebinds == client->before.rebinds ? client->before.fd : -1;
}

/* Why a packet that left its link does not arrive, or NULL; counted. */
static const char *find_lost(struct netsim_proxy *proxy, struct netsim_proxy_way *way,
                             const struct netsim_outcome *outcome,
                             const struct netsim_client *client)
{
    const struct netsim_proxy_packet *packet = outcome->user;

    if (client == NULL) {
        way->no_client++;
        return "client gone";
    }
    if (way == &proxy->back ? packet->rebinds != netsim_proxy_rebinds(proxy, outcome->t_ns)
                            : socket_of(client, packet) < 0) {
        way->unknown_port++;
        return "x-rebind";
    }
    if (hits_headers(outcome)) {
        way->corrupt_headers++;
        return "corrupt header";
    }
    return NULL;
}

/* A datagram left its link: to the server by its client's socket, or back to the client. */
static void deliver(struct netsim_proxy *proxy, struct netsim_proxy_way *way,
                    const struct netsim_outcome *outcome, uint64_t now)
{
    const struct netsim_proxy_packet *packet = outcome->user;
    struct netsim_client *client = netsim_clients_find_serial(&proxy->clients, packet->client);
    const char *lost = find_lost(proxy, way, outcome, client);
    struct netsim_datagram datagram = {
        .data = (uint8_t *)packet->data,
        .len = packet->len,
        .ecn = outcome->ce ? 3 : packet->ecn,
    };
    bool back = way == &proxy->back;
    struct netsim_datagram *copy;

    if (lost != NULL) {
        tell(proxy, way, outcome, lost, now, client, packet->data);
        return;
    }
    if (back)
        datagram.peer = client->address;
    datagram.v4 = netsim_address_is_v4(back ? &client->address : &proxy->config.to);
    copy = netsim_udp_put(way->sending, back ? proxy->fd : socket_of(client, packet), &datagram,
                          &way->counts);
    for (unsigned i = 0; i < outcome->corrupt_bits; i++) {
        uint64_t bit = outcome->corrupt_bit[i] - 8 * (uint64_t)packet->headers;

        copy->data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    tell(proxy, way, outcome, NULL, now, client, copy->data);
}

void netsim_proxy_pump(struct netsim_proxy *proxy, struct netsim_proxy_way *way, uint64_t now)
{
    struct netsim_outcome outcome;

    while (netsim_direction_poll(&way->direction, now, &outcome)) {
        struct netsim_proxy_packet *packet = outcome.user;

        if (outcome.why == NETSIM_NOT_DROPPED)
            deliver(proxy, way, &outcome, now);
        else
            tell(proxy, way, &outcome, NULL, now,
                 netsim_clients_find_serial(&proxy->clients, packet->client), packet->data);
        if (outcome.last)
            free(packet);
    }
}

void netsim_proxy_pump_all(struct netsim_proxy *proxy)
{
    uint64_t now = netsim_proxy_clock_ns(proxy), out, back, next;

    netsim_proxy_pump(proxy, &proxy->out, now);
    netsim_proxy_pump(proxy, &proxy->back, now);
    netsim_udp_flush(proxy->out.sending, &proxy->out.counts);
    netsim_udp_flush(proxy->back.sending, &proxy->back.counts);
    out = netsim_pipeline_deadline(proxy->out.direction.pipeline);
    back = netsim_pipeline_deadline(proxy->back.direction.pipeline);
    next = out < back ? out : back;
    netsim_timer_set(&proxy->timer, next == BELAY_NEVER ? next : proxy->start_ns + next);
}
