/* ENet behind peer.h. One flush a batch: enet_host_flush after the events were taken. */
#include "peer.h"

#include <enet/enet.h>

#include <poll.h>
#include <stdio.h>

/* ENet's timers are looked at when it is called. */
#define SERVICE_US 1000
/* Its queue has no end: what is out and not acknowledged is bounded here. */
#define QUEUE_MAX_BYTES (4u * 1024 * 1024)

static ENetHost *host;
static ENetPeer *remote;
static bool is_ready, has_ended;
static size_t queued_bytes;
static void (*deliver)(const void *data, size_t len);

static int start(struct bench_setup *setup)
{
    ENetAddress address = {.port = setup->port};

    deliver = setup->on_message;
    if (enet_initialize() != 0 || enet_address_set_host_ip(&address, setup->host) != 0)
        return -1;
    host = enet_host_create(setup->is_server ? &address : NULL, 1, 1, 0, 0);
    if (host != NULL && !setup->is_server)
        remote = enet_host_connect(host, &address, 1, 0);
    if (host == NULL || (!setup->is_server && remote == NULL)) {
        fprintf(stderr, "ENet: no socket could be made\n");
        return -1;
    }
    if (setup->is_server && enet_socket_get_address(host->socket, &address) == 0)
        setup->port = address.port;
    return 0;
}

static bool ready(void)
{
    return is_ready;
}

/* ENet frees a packet when it has been acknowledged. */
static void on_free(ENetPacket *packet)
{
    queued_bytes -= packet->dataLength;
}

static bool send_message(const void *data, size_t len)
{
    ENetPacket *packet;

    if (queued_bytes + len > QUEUE_MAX_BYTES)
        return false;
    packet = enet_packet_create(data, len, ENET_PACKET_FLAG_RELIABLE);
    if (packet == NULL)
        return false;
    packet->freeCallback = on_free;
    queued_bytes += len;
    if (enet_peer_send(remote, 0, packet) == 0)
        return true;
    enet_packet_destroy(packet);
    return false;
}

static void flush(void)
{
    enet_host_flush(host);
}

static void take(const ENetEvent *event)
{
    switch (event->type) {
    case ENET_EVENT_TYPE_CONNECT:
        remote = event->peer;
        is_ready = true;
        break;
    case ENET_EVENT_TYPE_RECEIVE:
        deliver(event->packet->data, event->packet->dataLength);
        enet_packet_destroy(event->packet);
        break;
    case ENET_EVENT_TYPE_DISCONNECT:
        has_ended = true;
        break;
    case ENET_EVENT_TYPE_NONE:
        break;
    }
}

static bool poll_input(unsigned timeout_us)
{
    ENetEvent event;

    bench_wait_fd(host->socket, POLLIN, timeout_us < SERVICE_US ? timeout_us : SERVICE_US);
    if (enet_host_service(host, &event, 0) > 0)
        do
            take(&event);
        while (enet_host_check_events(host, &event) > 0);
    return !has_ended;
}

static void stats(struct bench_stats *out)
{
    *out = (struct bench_stats){(uint64_t)remote->roundTripTime * 1000000, 0};
}

static void stop(void)
{
    if (remote != NULL)
        enet_peer_disconnect_now(remote, 0);
    enet_host_flush(host);
    enet_host_destroy(host);
    enet_deinitialize();
}

const struct bench_peer bench_peer = {
    .name = "ENet",
    .words = "",
    .start = start,
    .ready = ready,
    .send = send_message,
    .batch_bytes = 4096, /* what it likes best: with more its lists grow long */
    .flush = flush,
    .poll = poll_input,
    .stats = stats,
    .stop = stop,
};
