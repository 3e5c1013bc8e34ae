/* What a connection tells about itself; it does so past belay_conn_free as well. */
#include "event/conn.h"

#include "event/address.h"
#include "event/dial.h"
#include "event/endpoint.h"
#include "event/socket.h"

#include <string.h>

static const struct belay_path *path_of(const struct belay_conn *conn)
{
    return conn->core != NULL ? belay_core_conn_path(conn->core) : &conn->path;
}

short belay_conn_get_enabled(const struct belay_conn *conn)
{
    return conn->enabled;
}

size_t belay_conn_get_queued(const struct belay_conn *conn)
{
    if (conn->dial != NULL)
        return (size_t)conn->dial->hold.bytes;
    return conn->core != NULL ? belay_core_conn_queued_bytes(conn->core) : 0;
}

void belay_conn_set_user(struct belay_conn *conn, void *user)
{
    conn->user = user;
}

void *belay_conn_get_user(const struct belay_conn *conn)
{
    return conn->user;
}

struct belay_endpoint *belay_conn_get_endpoint(struct belay_conn *conn)
{
    return conn->endpoint;
}

struct event_base *belay_conn_get_base(struct belay_conn *conn)
{
    return conn->endpoint != NULL ? conn->endpoint->base : NULL;
}

evutil_socket_t belay_conn_get_fd(struct belay_conn *conn)
{
    /* While a name is dialed the socket is not chosen yet. */
    if (conn->endpoint == NULL || conn->dial != NULL)
        return -1;
    return belay_endpoint_get_fd(conn->endpoint, path_of(conn)->socket);
}

int belay_conn_get_peer(const struct belay_conn *conn, struct sockaddr *addr, int *socklen)
{
    return belay_address_copy(&path_of(conn)->remote, addr, socklen) ? 0 : BELAY_ENOTCONN;
}

int belay_conn_get_local(const struct belay_conn *conn, struct sockaddr *addr, int *socklen)
{
    return belay_address_copy(&path_of(conn)->local, addr, socklen) ? 0 : BELAY_ENOTCONN;
}

bool belay_conn_is_connected(const struct belay_conn *conn)
{
    return conn->core != NULL && belay_core_conn_is_connected(conn->core);
}

const uint8_t *belay_conn_get_peer_key(const struct belay_conn *conn)
{
    return conn->has_peer_key ? conn->peer_key : NULL;
}

const char *belay_conn_get_cipher(const struct belay_conn *conn)
{
    switch (conn->aead) {
    case BELAY_AEAD_AES_256_GCM:
        return "AES-256-GCM";
    case BELAY_AEAD_CHACHA20_POLY1305:
        return "ChaCha20-Poly1305";
    case BELAY_AEAD_NONE:
        break;
    }
    return "none";
}

size_t belay_conn_get_message_size_max(const struct belay_conn *conn)
{
    if (conn->core != NULL)
        return belay_core_conn_message_size_max(conn->core);
    return conn->endpoint != NULL ? conn->endpoint->config.core.message_size_max : 0;
}

int belay_conn_get_error(const struct belay_conn *conn)
{
    return conn->error;
}

int belay_conn_get_errno(const struct belay_conn *conn)
{
    return conn->system_error;
}

uint64_t belay_conn_get_close_code(const struct belay_conn *conn)
{
    return conn->close_code;
}

const char *belay_conn_get_reason(const struct belay_conn *conn)
{
    return conn->reason;
}

int belay_conn_get_stats(const struct belay_conn *conn, struct belay_stats *stats, size_t size)
{
    if (stats == NULL)
        return BELAY_EINVAL;
    if (conn->core != NULL)
        belay_core_conn_stats(conn->core, stats, size);
    else
        memcpy(stats, &conn->stats, size < sizeof(conn->stats) ? size : sizeof(conn->stats));
    return 0;
}
