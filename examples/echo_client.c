#include <belay/belay.h>
#include <event2/event.h>
#include <stdio.h>

static void on_message(struct belay_conn *c, unsigned ch, const void *data, size_t n, void *bad)
{
    *(int *)bad = 0;
    printf("received '%.*s'\n", (int)n, (const char *)data);
    belay_conn_close(c);
}
static void on_event(struct belay_conn *c, short what, void *bad)
{
    if (what & BELAY_EVENT_ERROR)
        fprintf(stderr, "%s\n", belay_conn_get_reason(c));
    if (what & BELAY_EVENT_CLOSED)
        belay_conn_free(c);
}
int main(int argc, char **argv)
{
    int bad = 1;
    struct event_base *base = event_base_new();
    struct belay_conn *c = belay_connect_hostname(base, NULL, 0, NULL, AF_UNSPEC,
                                                  argc > 1 ? argv[1] : "localhost", 10000);
    if (c == NULL || belay_conn_send(c, 0, "Hello world!", 12) != 0)
        return perror("echo_client"), 1;
    belay_conn_setcb(c, on_message, NULL, on_event, &bad);
    event_base_dispatch(base);
    event_base_free(base);
    return bad;
}
