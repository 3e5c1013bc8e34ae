/* ENet behind peer.h. One flush a batch: enet_host_flush after the events were taken. */
#include "peer.h"

#include <enet/enet.h>

static ENetHost *host;
static ENetPeer *remote;
static bool is_ready, has_ended;
static void (*deliver)(const void *data, size_t len);

static int start(bool is_server, uint16_t *port, void (*on_message)(const void *, size_t))
{
    ENetAddress address = {.host = htonl(0x7f000001),
                           .port = is_server ? ENET_PORT_ANY : *port};

    deliver = on_message;
    if (enet_initialize() != 0)
        return -1;
    host = enet_host_create(is_server ? &address : NULL, 1, 1, 0, 0);
    if (host == NULL)
        return -1;
    if (!is_server) {
        remote = enet_host_connect(host, &address, 1, 0);
        return remote == NULL ? -1 : 0;
    }
    if (enet_socket_get_address(host->socket, &address) != 0)
        return -1;
    *port = address.port;
    return 0;
}

static bool ready(void)
{
    return is_ready;
}

static bool ended(void)
{
    return has_ended;
}

static bool send_message(const void *data, size_t len)
{
    ENetPacket *packet = enet_packet_create(data, len, ENET_PACKET_FLAG_RELIABLE);

    if (packet == NULL)
        return false;
    if (enet_peer_send(remote, 0, packet) != 0) {
        enet_packet_destroy(packet);
        return false;
    }
    return true;
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

static void wait_input(void)
{
    ENetEvent event;

    if (enet_host_service(host, &event, 10) <= 0)
        return;
    do
        take(&event);
    while (enet_host_check_events(host, &event) > 0);
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
    "ENet", start, ready, ended, send_message, flush, wait_input, stop,
};
