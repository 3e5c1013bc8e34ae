#include "netsim/live/proxy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netsim/cli.h"
#include "netsim/live/clients.h"
#include "netsim/report/log.h"
#include "netsim/model/random.h"
#include "netsim/live/timer.h"
#include "netsim/live/udp.h"

#define HEADERS_V4  28 /* IPv4 20, UDP 8 */
#define HEADERS_V6  48 /* IPv6 40, UDP 8 */
#define BATCHES_MAX 16 /* of one socket in one turn of the loop, so that others have theirs */

/* One datagram inside a link; freed when its last copy is out. */
struct packet {
    uint64_t client; /* its serial */
    uint32_t len, headers;
    uint8_t ecn;
    uint8_t data[];
};

struct direction {
    const char *name;
    struct netsim_link *link;
    uint64_t next_id;
    struct netsim_udp_batch *sending;
    struct netsim_udp_counts counts;
    uint64_t corrupt_headers, no_client, no_memory, overflowed;
};

struct netsim_proxy {
    struct netsim_proxy_config config;
    struct event_base *base;
    uint64_t start_ns;
    int fd;
    uint32_t overflowed; /* of fd, when last told */
    struct event *event;
    struct netsim_timer timer;
    struct netsim_udp_batch *receiving;
    struct netsim_clients clients;
    uint64_t yielded, icmp_received;
    bool log_failed;
    struct direction out, back;
};

static uint64_t clock_ns(const struct netsim_proxy *proxy)
{
    return netsim_now_ns() - proxy->start_ns;
}

static void write_log(struct netsim_proxy *proxy, const struct direction *direction,
                      struct netsim_event event)
{
    event.link = direction->name;
    if (proxy->config.log == NULL || proxy->log_failed)
        return;
    if (netsim_log_write(proxy->config.log, &event) != 0) {
        proxy->log_failed = true;
        netsim_cli_fail("the log can't be written: %s", strerror(errno));
    }
}

/* ------------------------------------------------------------------ out of a link */

static void log_lost(struct netsim_proxy *proxy, struct direction *direction,
                     const struct netsim_delivery *delivery, const char *why, uint64_t now)
{
    struct netsim_event event = netsim_event_rx(delivery, now);

    event.event = "drop";
    event.why = why;
    write_log(proxy, direction, event);
}

/* A datagram left its link: to the server by its client's socket, or back to the client. */
static void deliver(struct netsim_proxy *proxy, struct direction *direction,
                    const struct netsim_delivery *delivery, uint64_t now)
{
    const struct packet *packet = delivery->user;
    struct netsim_client *client = netsim_clients_find_serial(&proxy->clients, packet->client);
    struct netsim_datagram datagram = {.data = (uint8_t *)packet->data,
                                       .len = packet->len,
                                       .ecn = delivery->ce ? 3 : packet->ecn};
    bool back = direction == &proxy->back;
    int64_t bit = delivery->corrupt_bit - 8 * (int64_t)packet->headers; /* of the payload */
    struct netsim_datagram *copy;

    if (client == NULL) {
        direction->no_client++;
        log_lost(proxy, direction, delivery, "client gone", now);
        return;
    }
    if (delivery->corrupt_bit >= 0 && bit < 0) {
        direction->corrupt_headers++;
        log_lost(proxy, direction, delivery, "corrupt header", now);
        return;
    }
    if (back)
        datagram.peer = client->address;
    datagram.v4 = netsim_address_is_v4(back ? &client->address : &proxy->config.to);
    copy = netsim_udp_put(direction->sending, back ? proxy->fd : client->fd, &datagram,
                          &direction->counts);
    if (delivery->corrupt_bit >= 0)
        copy->data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    write_log(proxy, direction, netsim_event_rx(delivery, now));
}

static void pump(struct netsim_proxy *proxy, struct direction *direction, uint64_t now)
{
    struct netsim_delivery delivery;

    while (netsim_link_receive(direction->link, now, &delivery)) {
        deliver(proxy, direction, &delivery, now);
        if (delivery.last)
            free(delivery.user);
    }
}

/* Everything that is due leaves, and the timer is set for what comes next. */
static void pump_all(struct netsim_proxy *proxy)
{
    uint64_t now = clock_ns(proxy), out, back, next;

    pump(proxy, &proxy->out, now);
    pump(proxy, &proxy->back, now);
    netsim_udp_flush(proxy->out.sending, &proxy->out.counts);
    netsim_udp_flush(proxy->back.sending, &proxy->back.counts);
    out = netsim_link_deadline(proxy->out.link);
    back = netsim_link_deadline(proxy->back.link);
    next = out < back ? out : back;
    netsim_timer_set(&proxy->timer, next == BELAY_NEVER ? next : proxy->start_ns + next);
}

static void on_timer(void *arg)
{
    pump_all(arg);
}

/* ------------------------------------------------------------------ into a link */

static struct packet *new_packet(const struct netsim_client *client,
                                 const struct netsim_datagram *datagram)
{
    struct packet *packet = malloc(sizeof(*packet) + datagram->len);

    if (packet == NULL)
        return NULL;
    packet->client = client->serial;
    packet->len = datagram->len;
    packet->headers = netsim_address_is_v4(&client->address) ? HEADERS_V4 : HEADERS_V6;
    packet->ecn = datagram->ecn;
    memcpy(packet->data, datagram->data, datagram->len);
    return packet;
}

static void enter(struct netsim_proxy *proxy, struct direction *direction,
                  const struct netsim_client *client, const struct netsim_datagram *datagram,
                  uint64_t now)
{
    struct packet *packet = new_packet(client, datagram);
    struct netsim_packet in = {.id = direction->next_id++, .ect = datagram->ecn != 0};
    struct netsim_fate fate;

    if (packet == NULL) {
        direction->no_memory++;
        return;
    }
    in.len = packet->len + packet->headers;
    in.user = packet;
    write_log(proxy, direction,
              (struct netsim_event){.t_ns = now, .id = in.id, .event = "tx", .len = in.len});
    pump(proxy, direction, now);
    fate = netsim_link_send(direction->link, &in, now);
    for (unsigned i = 0; i < fate.dropped; i++)
        write_log(proxy, direction, netsim_event_drop(&fate.drops[i], in.id, in.len, now));
    if (fate.queued == 0)
        free(packet);
}

/* The system tells how many datagrams a socket lost in all, with one that it did not lose. */
static void count_overflow(struct direction *direction, uint32_t *seen,
                           const struct netsim_datagram *datagram)
{
    if (datagram->overflowed == 0)
        return;
    direction->overflowed += (uint32_t)(datagram->overflowed - *seen);
    *seen = datagram->overflowed;
}

static void on_server(evutil_socket_t fd, short what, void *arg)
{
    struct netsim_client *client = arg;
    struct netsim_proxy *proxy = client->owner;

    (void)what;
    for (int turn = 0; turn < BATCHES_MAX; turn++) {
        int count = netsim_udp_receive(fd, proxy->receiving);
        uint64_t now = clock_ns(proxy);

        if (count == 0)
            break;
        if (count < 0)
            proxy->icmp_received++;
        for (int i = 0; i < count; i++) {
            struct netsim_datagram *datagram = netsim_udp_at(proxy->receiving, i);

            count_overflow(&proxy->back, &client->overflowed, datagram);
            enter(proxy, &proxy->back, client, datagram, now);
        }
        if (count > 0 && count < NETSIM_UDP_BATCH)
            break;
    }
    pump_all(proxy);
}

static void yield(struct netsim_proxy *proxy, struct netsim_client *client, const char *reason)
{
    char name[NETSIM_ADDRESS_TEXT_SIZE];

    proxy->yielded++;
    netsim_address_format(&client->address, name);
    if (!proxy->config.quiet)
        fprintf(stderr, "belay-netsim: client %s yields: %s\n", name, reason);
    netsim_udp_flush(proxy->out.sending, &proxy->out.counts); /* may hold its socket */
    netsim_clients_remove(&proxy->clients, client);
}

static int connect_server(struct netsim_proxy *proxy)
{
    struct netsim_client *oldest = netsim_clients_oldest(&proxy->clients);
    int fd = netsim_udp_connect(&proxy->config.to);

    if (fd >= 0 || oldest == NULL || (errno != EMFILE && errno != ENFILE))
        return fd;
    yield(proxy, oldest, "the system gives no more sockets");
    return netsim_udp_connect(&proxy->config.to);
}

static struct netsim_client *add_client(struct netsim_proxy *proxy,
                                        const struct netsim_address *address)
{
    struct netsim_client *client;
    int fd;

    if (proxy->clients.count >= proxy->clients.max)
        yield(proxy, netsim_clients_oldest(&proxy->clients),
              "another one came, and there is room for no more");
    fd = connect_server(proxy);
    if (fd < 0)
        return NULL;
    client = netsim_clients_add(&proxy->clients, address, fd);
    if (client == NULL) {
        close(fd);
        return NULL;
    }
    client->owner = proxy;
    client->event = event_new(proxy->base, fd, EV_READ | EV_PERSIST, on_server, client);
    if (client->event == NULL || event_add(client->event, NULL) != 0) {
        netsim_clients_remove(&proxy->clients, client);
        return NULL;
    }
    return client;
}

static void on_client(evutil_socket_t fd, short what, void *arg)
{
    struct netsim_proxy *proxy = arg;

    (void)what;
    for (int turn = 0; turn < BATCHES_MAX; turn++) {
        int count = netsim_udp_receive(fd, proxy->receiving);
        uint64_t now = clock_ns(proxy);

        if (count == 0)
            break;
        if (count < 0)
            proxy->icmp_received++;
        for (int i = 0; i < count; i++) {
            struct netsim_datagram *datagram = netsim_udp_at(proxy->receiving, i);
            struct netsim_client *client =
                netsim_clients_find(&proxy->clients, &datagram->peer);

            count_overflow(&proxy->out, &proxy->overflowed, datagram);
            if (client == NULL)
                client = add_client(proxy, &datagram->peer);
            if (client == NULL) {
                proxy->out.no_client++;
                continue;
            }
            netsim_clients_touch(&proxy->clients, client);
            enter(proxy, &proxy->out, client, datagram, now);
        }
        if (count > 0 && count < NETSIM_UDP_BATCH)
            break;
    }
    pump_all(proxy);
}

/* ------------------------------------------------------------------ begin and end */

static bool init_direction(struct direction *direction, const char *name,
                           const struct netsim_words *words, uint64_t seed)
{
    direction->name = name;
    direction->link = netsim_link_new(words, seed, &netsim_cli_memory);
    direction->sending = netsim_udp_batch_new();
    return direction->link != NULL && direction->sending != NULL;
}

static bool init(struct netsim_proxy *proxy)
{
    const struct netsim_proxy_config *c = &proxy->config;

    if (!init_direction(&proxy->out, "out", &c->out, c->out_seed) ||
        !init_direction(&proxy->back, "back", &c->back, c->back_seed) ||
        (proxy->receiving = netsim_udp_batch_new()) == NULL) {
        errno = ENOMEM;
        return false;
    }
    if (netsim_timer_init(&proxy->timer, proxy->base, on_timer, proxy) != 0)
        return false;
    proxy->fd = netsim_udp_listen(&proxy->config.listen);
    if (proxy->fd < 0)
        return false;
    proxy->event = event_new(proxy->base, proxy->fd, EV_READ | EV_PERSIST, on_client, proxy);
    return proxy->event != NULL && event_add(proxy->event, NULL) == 0;
}

struct netsim_proxy *netsim_proxy_new(struct event_base *base,
                                      const struct netsim_proxy_config *config)
{
    struct netsim_proxy *proxy = calloc(1, sizeof(*proxy));
    uint64_t hash_seed[2] = {0, 0};

    if (proxy == NULL)
        return NULL;
    evutil_secure_rng_get_bytes(hash_seed, sizeof(hash_seed));
    proxy->config = *config;
    proxy->base = base;
    proxy->fd = proxy->timer.fd = -1;
    proxy->start_ns = netsim_now_ns();
    netsim_clients_init(&proxy->clients, config->clients_max, hash_seed);
    if (!init(proxy)) {
        int error = errno;

        netsim_proxy_free(proxy);
        errno = error;
        return NULL;
    }
    return proxy;
}

static void free_direction(struct direction *direction)
{
    struct netsim_delivery delivery;

    while (direction->link != NULL &&
           netsim_link_receive(direction->link, BELAY_NEVER, &delivery))
        if (delivery.last)
            free(delivery.user);
    netsim_link_free(direction->link);
    netsim_udp_batch_free(direction->sending);
}

void netsim_proxy_free(struct netsim_proxy *proxy)
{
    if (proxy->event != NULL)
        event_free(proxy->event);
    if (proxy->fd >= 0)
        close(proxy->fd);
    netsim_timer_dispose(&proxy->timer);
    netsim_clients_dispose(&proxy->clients);
    free_direction(&proxy->out);
    free_direction(&proxy->back);
    netsim_udp_batch_free(proxy->receiving);
    free(proxy);
}

const struct netsim_address *netsim_proxy_address(const struct netsim_proxy *proxy)
{
    return &proxy->config.listen;
}

static void report_direction(const struct direction *d, const struct netsim_words *words,
                             FILE *out)
{
    char text[512];
    struct netsim_stats s;

    netsim_words_format(words, text, sizeof(text));
    netsim_link_stats(d->link, &s);
    fprintf(out, "%s: %s\n", d->name, text[0] != '\0' ? text : "clean");
    fprintf(out,
            " Sent %" PRIu64 " bytes %" PRIu64 " pkt (dropped %" PRIu64 ", overlimits %" PRIu64
            " requeues %" PRIu64 ")\n",
            s.delivered_bytes, s.delivered, s.dropped, s.overlimits, s.requeues);
    fprintf(out,
            " came in %" PRIu64 ", lost %" PRIu64 ", limit %" PRIu64 ", marked %" PRIu64
            ", duplicated %" PRIu64 ", corrupted %" PRIu64 " (headers, dropped: %" PRIu64
            "), still inside %zu\n",
            s.packets, s.dropped_loss, s.dropped_limit, s.marked, s.duplicated, s.corrupted,
            d->corrupt_headers, netsim_link_queued(d->link));
    if (d->counts.failed + d->counts.refused + d->no_client + d->no_memory + d->overflowed > 0)
        fprintf(out,
                " outside the link: not taken by the system %" PRIu64 ", ICMP errors %" PRIu64
                ", client gone %" PRIu64 ", no memory %" PRIu64
                ", came faster than read %" PRIu64 "\n",
                d->counts.failed, d->counts.refused, d->no_client, d->no_memory, d->overflowed);
}

void netsim_proxy_report(const struct netsim_proxy *proxy, FILE *out)
{
    report_direction(&proxy->out, &proxy->config.out, out);
    report_direction(&proxy->back, &proxy->config.back, out);
    fprintf(out, "clients %zu, yielded %" PRIu64 ", ICMP errors received %" PRIu64 "\n",
            proxy->clients.count, proxy->yielded, proxy->icmp_received);
}
