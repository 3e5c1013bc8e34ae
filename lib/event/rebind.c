/* A dialed connection that moves to another socket, because its network is another. */
#include "event/address.h"
#include "event/conn.h"
#include "event/endpoint.h"
#include "event/socket.h"

#include <errno.h>

int belay_conn_rebind(struct belay_conn *conn)
{
    struct belay_endpoint *endpoint = conn->endpoint;
    struct belay_socket *sock;
    struct belay_path path;
    int error, saved;

    if (!belay_conn_is_connected(conn) || endpoint == NULL)
        return BELAY_ENOTCONN;
    belay_socket_shut_unused(endpoint);
    path = (struct belay_path){.remote = belay_core_conn_path(conn->core)->remote};
    error = belay_socket_open(endpoint, belay_address_family(&path.remote), &sock);
    if (error != 0)
        return error;
    path.socket = sock->index;
    error = belay_core_conn_migrate(conn->core, &path);
    saved = errno;
    if (error != 0)
        belay_socket_shut(sock);
    else
        belay_endpoint_mark_work(endpoint);
    errno = saved;
    return error;
}
