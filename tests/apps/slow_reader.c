/*
 * A client that sends far more than all queues hold and does not read, until nothing moves any
 * more; then it reads. Everything must come back, once and in order: the server's reply that
 * did not fit, too. Usage: slow_reader PORT. Prints how much was accepted at the standstill.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/belay.h>
#include <event2/event.h>

#define MESSAGES     400
#define MESSAGE_SIZE (1024 * 1024)
#define STANDSTILL_S 1 /* without progress */

struct run {
    struct event_base *base;
    struct belay_conn *conn;
    struct event *standstill;
    uint32_t sent, received;
    bool wrong;
    uint8_t message[MESSAGE_SIZE];
};

static void fill(uint8_t *message, uint32_t number)
{
    memset(message, (int)(number % 251), MESSAGE_SIZE);
    memcpy(message, &number, sizeof number);
}

static void progress(struct run *run)
{
    struct timeval wait = {.tv_sec = STANDSTILL_S};
    if (run->standstill)
        evtimer_add(run->standstill, &wait);
}

static void on_writable(struct belay_conn *conn, void *ctx)
{
    struct run *run = ctx;
    progress(run);
    while (run->sent < MESSAGES) {
        fill(run->message, run->sent);
        int error = belay_conn_send(conn, 0, run->message, MESSAGE_SIZE);
        if (error == BELAY_EAGAIN)
            return;
        if (error != 0) {
            fprintf(stderr, "send: %s\n", belay_strerror(error));
            belay_conn_abort(conn, BELAY_CLOSE_APP, "send failed");
            return;
        }
        run->sent++;
    }
}

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    (void)channel;
    struct run *run = ctx;
    fill(run->message, run->received);
    if (len != MESSAGE_SIZE || memcmp(data, run->message, len) != 0)
        run->wrong = true;
    if (++run->received == MESSAGES)
        belay_conn_close(conn);
}

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    struct run *run = ctx;
    if (what & BELAY_EVENT_CONNECTED)
        on_writable(conn, run);
    if (what & BELAY_EVENT_ERROR)
        fprintf(stderr, "%s\n", belay_conn_get_reason(conn));
    if (what & BELAY_EVENT_CLOSED)
        event_base_loopbreak(run->base);
}

static void on_standstill(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct run *run = ctx;
    printf("standstill after %u of %u messages\n", (unsigned)run->sent, MESSAGES);
    event_free(run->standstill);
    run->standstill = NULL;
    belay_conn_enable(run->conn, EV_READ);
}

int main(int argc, char **argv)
{
    static struct run run;
    if (argc != 2)
        return EXIT_FAILURE;
    run.base = event_base_new();
    run.standstill = evtimer_new(run.base, on_standstill, &run);
    run.conn =
        belay_connect_hostname(run.base, NULL, 0, NULL, AF_UNSPEC, "127.0.0.1", atoi(argv[1]));
    if (run.conn == NULL)
        return EXIT_FAILURE;
    belay_conn_setcb(run.conn, on_message, on_writable, on_event, &run);
    belay_conn_disable(run.conn, EV_READ);
    event_base_dispatch(run.base);
    printf("%u sent, %u received%s\n", (unsigned)run.sent, (unsigned)run.received,
           run.wrong ? ", WRONG" : "");
    belay_conn_free(run.conn);
    event_base_free(run.base);
    return run.received == MESSAGES && !run.wrong ? EXIT_SUCCESS : EXIT_FAILURE;
}
