#include <belay/belay.h>
#include <event2/event.h>
#include <stdio.h>

static void on_message(struct belay_conn *c, unsigned ch, const void *data, size_t n, void *ctx)
{
    if (belay_conn_send(c, ch, data, n) != 0)
        belay_conn_abort(c, BELAY_CLOSE_APP, "32 MiB of replies wait to be read");
}

static void on_accept(struct belay_listener *listener, struct belay_conn *c,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    belay_conn_setcb(c, on_message, NULL, NULL, NULL);
}

int main(void)
{
    struct event_base *base = event_base_new();
    if (!belay_listener_new_any(base, NULL, on_accept, NULL, 0, 10000))
        return perror("echo_server"), 1;
    return event_base_dispatch(base);
}
