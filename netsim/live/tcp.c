#include "netsim/live/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "base/heap.h"
#include "base/list.h"

#define BUFFER_BYTES (256 << 10) /* one way of one connection */
#define BACKLOG      128

struct connection;

struct end {
    struct connection *connection;
    struct bufferevent *bev;
    struct end *other;
    bool ended; /* it sends no more */
};

struct connection {
    struct belay_list node;
    struct end near, far; /* who connected to us, whom we connected to */
};

struct netsim_tcp {
    struct event_base *base;
    struct netsim_sockets sockets;
    struct netsim_address to;
    struct evconnlistener *listener;
    struct belay_list connections;
};

/* ------------------------------------------------------------------ a connection */

static void close_connection(struct connection *connection)
{
    belay_list_remove(&connection->node);
    if (connection->near.bev != NULL)
        bufferevent_free(connection->near.bev);
    if (connection->far.bev != NULL)
        bufferevent_free(connection->far.bev);
    free(connection);
}

static void reset_on_close(struct end *end)
{
    struct linger at_once = {.l_onoff = 1};

    if (end->bev != NULL)
        (void)setsockopt(bufferevent_getfd(end->bev), SOL_SOCKET, SO_LINGER, &at_once,
                         sizeof(at_once));
}

static void reset_connection(struct connection *connection)
{
    reset_on_close(&connection->near);
    reset_on_close(&connection->far);
    close_connection(connection);
}

/* What end sent has been passed on; its end is passed on with the last byte. */
static void pass_end_on(struct end *end)
{
    if (!end->ended || evbuffer_get_length(bufferevent_get_output(end->other->bev)) > 0)
        return;
    if (end->other->ended && evbuffer_get_length(bufferevent_get_output(end->bev)) == 0) {
        close_connection(end->connection);
        return;
    }
    shutdown(bufferevent_getfd(end->other->bev), SHUT_WR);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct end *end = arg;
    struct evbuffer *out = bufferevent_get_output(end->other->bev);

    bufferevent_read_buffer(bev, out);
    if (evbuffer_get_length(out) >= BUFFER_BYTES)
        bufferevent_disable(bev, EV_READ); /* until the other end has taken some */
}

/* All that was to be written is written. */
static void on_written(struct bufferevent *bev, void *arg)
{
    struct end *end = arg;

    (void)bev;
    if (!end->other->ended)
        bufferevent_enable(end->other->bev, EV_READ);
    pass_end_on(end->other);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct end *end = arg;

    (void)bev;
    if ((what & BEV_EVENT_ERROR) != 0) {
        reset_connection(end->connection);
    } else if ((what & BEV_EVENT_EOF) != 0) {
        end->ended = true;
        pass_end_on(end);
    } else if ((what & BEV_EVENT_CONNECTED) != 0) {
        bufferevent_enable(end->other->bev, EV_READ);
    }
}

/* ------------------------------------------------------------------ begin and end */

static bool open_end(struct netsim_tcp *tcp, struct connection *connection, struct end *end,
                     int fd)
{
    end->connection = connection;
    end->other = end == &connection->near ? &connection->far : &connection->near;
    end->bev =
        bufferevent_socket_new(tcp->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (end->bev == NULL) {
        close(fd);
        return false;
    }
    netsim_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    bufferevent_setwatermark(end->bev, EV_READ, 0, BUFFER_BYTES);
    bufferevent_setcb(end->bev, on_read, on_written, on_event, end);
    return true;
}

/* Reading begins when the far end is connected: bytes and an end before wait in the socket. */
static bool connect_far(struct netsim_tcp *tcp, struct connection *connection)
{
    int fd = netsim_sockets_open(&tcp->sockets, tcp->to.storage.ss_family, SOCK_STREAM);

    if (fd < 0 || !open_end(tcp, connection, &connection->far, fd))
        return false;
    return bufferevent_enable(connection->far.bev, EV_READ | EV_WRITE) == 0 &&
           bufferevent_socket_connect(connection->far.bev,
                                      (const struct sockaddr *)&tcp->to.storage,
                                      (int)tcp->to.len) == 0;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
                      struct sockaddr *address, int len, void *arg)
{
    struct netsim_tcp *tcp = arg;
    struct connection *connection = calloc(1, sizeof(*connection));

    (void)listener;
    (void)address;
    (void)len;
    if (connection == NULL) {
        close(fd);
        return;
    }
    belay_list_append(&tcp->connections, &connection->node);
    if (!open_end(tcp, connection, &connection->near, fd) || !connect_far(tcp, connection))
        reset_connection(connection);
}

static int listen_at(const struct netsim_sockets *sockets, const struct netsim_address *address)
{
    int fd = netsim_sockets_open(sockets, address->storage.ss_family, SOCK_STREAM);

    if (fd < 0)
        return -1;
    netsim_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind(fd, (const struct sockaddr *)&address->storage, address->len) != 0)
        return netsim_socket_close_failed(fd);
    return fd;
}

struct netsim_tcp *netsim_tcp_new(struct event_base *base, const struct netsim_sockets *sockets,
                                  const struct netsim_address *listen,
                                  const struct netsim_address *to)
{
    int fd = listen_at(sockets, listen);
    struct netsim_tcp *tcp;

    if (fd < 0)
        return NULL;
    tcp = calloc(1, sizeof(*tcp));
    if (tcp == NULL) {
        netsim_socket_close_failed(fd);
        return NULL;
    }
    tcp->base = base;
    tcp->sockets = *sockets;
    tcp->to = *to;
    belay_list_init(&tcp->connections);
    tcp->listener = evconnlistener_new(
        base, on_accept, tcp, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
    if (tcp->listener != NULL)
        return tcp;
    netsim_socket_close_failed(fd);
    free(tcp);
    return NULL;
}

void netsim_tcp_free(struct netsim_tcp *tcp)
{
    struct belay_list *node;

    evconnlistener_free(tcp->listener);
    while ((node = belay_list_first(&tcp->connections)) != NULL)
        close_connection(BELAY_CONTAINER(node, struct connection, node));
    free(tcp);
}
