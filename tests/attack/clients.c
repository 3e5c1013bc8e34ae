/*
 * clients.c - honest clients, many in one process: each sends a message every so often, and
 * wants it back, whole and in order.
 *
 *     attack_clients ADDRESS PORT COUNT INTERVAL_MS
 *
 * Prints "ports ..." when all are connected. Lines on standard input:
 *     mark NAME   what was since the last mark: echoes, and how long they took
 *     end         no more is sent; waits for the last echo of each, closes, and says how it was
 */
#include <belay/belay.h>

#include <arpa/inet.h>
#include <err.h>
#include <event2/event.h>
#include <event2/util.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE   100
#define GIVE_UP_S 60 /* after "end" */

struct clients;

struct client {
    struct clients *all;
    struct belay_conn *conn;
    unsigned number;
    uint64_t sent, echoed; /* messages */
    struct event *timer;
};

struct clients {
    struct event_base *base;
    struct client *items;
    unsigned count, connected, closed, broken;
    uint64_t sent, echoed, damaged;
    uint64_t *latencies_ns; /* since the last mark */
    size_t latency_count, latency_capacity;
    uint64_t sent_before;
    bool ending;
    struct timeval interval;
};

/* ------------------------------------------------------------------ messages */

struct letter {
    uint64_t number, sent_ns;
    uint32_t client;
    uint8_t rest[MESSAGE - 20];
};

static void fill_rest(struct letter *letter)
{
    for (size_t i = 0; i < sizeof(letter->rest); i++)
        letter->rest[i] = (uint8_t)(letter->number * 31 + letter->client * 7 + i);
}

static void send_one(struct client *client)
{
    struct letter letter = {
        .number = client->sent, .sent_ns = belay_now_ns(), .client = client->number};

    fill_rest(&letter);
    if (belay_conn_send(client->conn, 0, &letter, MESSAGE) != 0)
        return; /* the queue is full: this tick says nothing */
    client->sent++;
    client->all->sent++;
}

static void note(struct clients *all, uint64_t latency_ns)
{
    if (all->latency_count == all->latency_capacity) {
        all->latency_capacity = all->latency_capacity > 0 ? 2 * all->latency_capacity : 4096;
        all->latencies_ns =
            realloc(all->latencies_ns, all->latency_capacity * sizeof(*all->latencies_ns));
        if (all->latencies_ns == NULL)
            errx(1, "out of memory");
    }
    all->latencies_ns[all->latency_count++] = latency_ns;
}

static void leave_when_done(struct clients *all)
{
    if (!all->ending || all->echoed + all->damaged < all->sent)
        return;
    for (unsigned i = 0; i < all->count; i++)
        if (all->items[i].conn != NULL)
            belay_conn_close(all->items[i].conn);
}

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    struct client *client = ctx;
    struct clients *all = client->all;
    struct letter got, expected;

    (void)conn;
    if (len == MESSAGE) {
        memcpy(&got, data, MESSAGE);
        expected = got;
        expected.number = client->echoed;
        expected.client = client->number;
        fill_rest(&expected);
    }
    client->echoed++;
    if (channel != 0 || len != MESSAGE || memcmp(&got, &expected, MESSAGE) != 0) {
        all->damaged++;
    } else {
        all->echoed++;
        note(all, belay_now_ns() - got.sent_ns);
    }
    leave_when_done(all);
}

/* ------------------------------------------------------------------ connections */

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct client *client = ctx;

    (void)fd;
    (void)what;
    if (client->conn != NULL && !client->all->ending)
        send_one(client);
}

static unsigned port_of(struct belay_conn *conn)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    evutil_socket_t fd = belay_endpoint_get_fd(belay_conn_get_endpoint(conn), 0);

    if (getsockname(fd, (struct sockaddr *)&name, &len) != 0)
        return 0;
    return ntohs(name.ss_family == AF_INET ? ((struct sockaddr_in *)&name)->sin_port
                                           : ((struct sockaddr_in6 *)&name)->sin6_port);
}

/* At different times of the interval, so that they are no train. */
static void begin(struct clients *all)
{
    printf("ports");
    for (unsigned i = 0; i < all->count; i++) {
        struct client *client = &all->items[i];

        printf(" %u", port_of(client->conn));
        client->timer = event_new(all->base, -1, EV_PERSIST, on_tick, client);
        if (client->timer == NULL || event_add(client->timer, &all->interval) != 0)
            errx(1, "out of memory");
    }
    printf("\n");
    fflush(stdout);
}

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    struct client *client = ctx;
    struct clients *all = client->all;

    if ((what & BELAY_EVENT_CONNECTED) != 0 && ++all->connected == all->count)
        begin(all);
    if ((what & BELAY_EVENT_CLOSED) == 0)
        return;
    if ((what & BELAY_EVENT_ERROR) != 0) {
        all->broken++;
        printf("broken %u %s\n", client->number, belay_conn_get_reason(conn));
        fflush(stdout);
    }
    belay_conn_free(conn);
    client->conn = NULL;
    if (++all->closed == all->count)
        event_base_loopbreak(all->base);
}

/* ------------------------------------------------------------------ commands */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static double part_us(const struct clients *all, double part)
{
    size_t i = (size_t)((double)all->latency_count * part);

    if (all->latency_count == 0)
        return 0;
    return (double)all->latencies_ns[i < all->latency_count ? i : i - 1] / 1e3;
}

static void mark(struct clients *all, const char *name)
{
    if (all->latency_count > 0)
        qsort(all->latencies_ns, all->latency_count, sizeof(*all->latencies_ns), by_size);
    printf("mark %s sent %llu echoed %zu p50_us %.0f p99_us %.0f max_us %.0f open %u\n", name,
           (unsigned long long)(all->sent - all->sent_before), all->latency_count,
           part_us(all, 0.5), part_us(all, 0.99), part_us(all, 1), all->count - all->closed);
    fflush(stdout);
    all->latency_count = 0;
    all->sent_before = all->sent;
}

static void end(struct clients *all)
{
    const struct timeval most = {GIVE_UP_S, 0};

    if (all->ending)
        return;
    all->ending = true;
    event_base_loopexit(all->base, &most);
    leave_when_done(all);
}

static void on_command(evutil_socket_t fd, short what, void *ctx)
{
    struct clients *all = ctx;
    char text[256], *line, *rest = text;
    ssize_t len = read((int)fd, text, sizeof(text) - 1);

    (void)what;
    if (len <= 0) {
        end(all);
        return;
    }
    text[len] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (strncmp(line, "mark ", 5) == 0)
            mark(all, line + 5);
        else if (strcmp(line, "end") == 0)
            end(all);
    }
}

static void dispose(struct clients *all)
{
    for (unsigned i = 0; i < all->count; i++) {
        if (all->items[i].timer != NULL)
            event_free(all->items[i].timer);
        if (all->items[i].conn != NULL)
            belay_conn_free(all->items[i].conn);
    }
    event_base_free(all->base);
    free(all->items);
    free(all->latencies_ns);
}

int main(int argc, char **argv)
{
    struct clients all = {0};
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct event *command;
    int interval_ms;

    if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
        errx(2, "ADDRESS PORT COUNT INTERVAL_MS");
    signal(SIGPIPE, SIG_IGN);
    to.sin_port = htons((uint16_t)atoi(argv[2]));
    all.count = (unsigned)atoi(argv[3]);
    interval_ms = atoi(argv[4]);
    all.interval = (struct timeval){interval_ms / 1000, interval_ms % 1000 * 1000};
    all.base = event_base_new();
    all.items = calloc(all.count, sizeof(*all.items));
    command = event_new(all.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_command, &all);
    if (all.items == NULL || command == NULL || event_add(command, NULL) != 0)
        errx(1, "out of memory, or no input to read");
    for (unsigned i = 0; i < all.count; i++) {
        struct client *client = &all.items[i];

        client->all = &all;
        client->number = i;
        client->conn = belay_connect(all.base, NULL, 0, (struct sockaddr *)&to, sizeof(to));
        if (client->conn == NULL)
            err(1, "belay_connect");
        belay_conn_setcb(client->conn, on_message, NULL, on_event, client);
    }
    event_base_dispatch(all.base);
    printf("end sent %llu echoed %llu damaged %llu broken %u\n", (unsigned long long)all.sent,
           (unsigned long long)all.echoed, (unsigned long long)all.damaged, all.broken);
    event_free(command);
    dispose(&all);
    return all.sent == all.echoed && all.damaged == 0 && all.broken == 0 ? 0 : 1;
}
