/* A program outside of the tree: a message to itself and back, through the installed library.
 */
#include <belay/belay.h>

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>

static struct event_base *base;
static bool is_echoed;

static void echo(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                 void *ctx)
{
    (void)ctx;
    belay_conn_send(conn, channel, data, len);
}

static void accept_peer(struct belay_listener *listener, struct belay_conn *conn,
                        const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)listener, (void)addr, (void)socklen, (void)ctx;
    belay_conn_setcb(conn, echo, NULL, NULL, NULL);
}

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    (void)conn, (void)ctx;
    is_echoed = channel == 3 && len == 5 && memcmp(data, "hello", 5) == 0;
    event_base_loopbreak(base);
}

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    (void)ctx;
    if (what & BELAY_EVENT_ERROR) {
        fprintf(stderr, "consumer: %s\n", belay_conn_get_reason(conn));
        event_base_loopbreak(base);
    }
}

int main(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;

    base = event_base_new();
    struct belay_endpoint *endpoint = belay_endpoint_new(base, NULL, 0);
    if (!endpoint || belay_endpoint_bind(endpoint, (struct sockaddr *)&addr, len) != 0 ||
        !belay_endpoint_listen(endpoint, accept_peer, NULL) ||
        getsockname(belay_endpoint_get_fd(endpoint, 0), (struct sockaddr *)&addr, &len) != 0)
        return perror("consumer"), 1;

    struct belay_conn *conn = belay_connect(base, NULL, 0, (struct sockaddr *)&addr, (int)len);
    if (!conn || belay_conn_send(conn, 3, "hello", 5) != 0)
        return perror("consumer"), 1;
    belay_conn_setcb(conn, on_message, NULL, on_event, NULL);
    event_base_dispatch(base);

    belay_conn_free(conn);
    belay_endpoint_free(endpoint);
    event_base_free(base);
    printf("belay %s: %s\n", belay_version(), is_echoed ? "echoed" : "not echoed");
    return !is_echoed;
}
