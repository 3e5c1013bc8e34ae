/*
 * A peer whose close reason would clear a terminal and ring its bell. Usage: rude_peer, which
 * listens and prints its port; rude_peer PORT, which connects. Either ends with its first
 * connection.
 */
#include <stdio.h>
#include <stdlib.h>

#include <belay/belay.h>
#include <event2/event.h>

#include "address.h"

#define REASON "\x1b[2Jgone\x07"

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    (void)ctx;
    if (what & BELAY_EVENT_CONNECTED)
        belay_conn_abort(conn, BELAY_CLOSE_APP, REASON);
    if (what & BELAY_EVENT_CLOSED)
        event_base_loopbreak(belay_conn_get_base(conn));
}

static void on_accept(struct belay_listener *listener, struct belay_conn *conn,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)listener, (void)addr, (void)socklen, (void)ctx;
    belay_conn_setcb(conn, NULL, NULL, on_event, NULL);
    belay_conn_abort(conn, BELAY_CLOSE_APP, REASON);
}

static int listening(struct belay_endpoint *endpoint)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    if (belay_endpoint_bind(endpoint, (struct sockaddr *)&addr, sizeof addr) != 0 ||
        !belay_endpoint_listen(endpoint, on_accept, NULL) ||
        getsockname(belay_endpoint_get_fd(endpoint, 0), (struct sockaddr *)&addr, &len) != 0)
        return -1;
    printf("%u\n", address_port((struct sockaddr *)&addr));
    return fflush(stdout);
}

static int connecting(struct belay_endpoint *endpoint, int port)
{
    struct belay_conn *conn =
        belay_endpoint_connect_hostname(endpoint, NULL, AF_INET, "127.0.0.1", port);
    if (conn == NULL)
        return -1;
    belay_conn_setcb(conn, NULL, NULL, on_event, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct belay_endpoint *endpoint = base ? belay_endpoint_new(base, NULL, 0) : NULL;
    if (endpoint == NULL ||
        (argc > 1 ? connecting(endpoint, atoi(argv[1])) : listening(endpoint)) != 0) {
        perror("rude_peer");
        return EXIT_FAILURE;
    }
    event_base_dispatch(base);
    belay_endpoint_free(endpoint);
    event_base_free(base);
    return EXIT_SUCCESS;
}
