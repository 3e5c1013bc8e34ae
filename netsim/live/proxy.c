#include "netsim/live/proxy_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static void on_timer(void *arg)
{
    netsim_proxy_pump_all(arg);
}

static bool init_way(struct netsim_proxy *proxy, struct netsim_proxy_way *way,
                     const struct netsim_plan *plan, uint64_t seed)
{
    way->sending = netsim_udp_batch_new();
    return netsim_direction_init(&way->direction, way == &proxy->back, plan, seed, 0,
                                 &proxy->record) &&
           way->sending != NULL;
}

static bool init(struct netsim_proxy *proxy)
{
    const struct netsim_proxy_config *c = &proxy->config;

    if (c->pcap != NULL && (proxy->captured = malloc(CAPTURED_MAX)) == NULL)
        return false;
    if (!init_way(proxy, &proxy->out, c->out, c->out_seed) ||
        !init_way(proxy, &proxy->back, c->back, c->back_seed) ||
        (proxy->receiving = netsim_udp_batch_new()) == NULL) {
        errno = ENOMEM;
        return false;
    }
    if (netsim_timer_init(&proxy->timer, proxy->base, on_timer, proxy) != 0)
        return false;
    proxy->fd = netsim_udp_listen(&proxy->config.sockets, &proxy->config.listen);
    if (proxy->fd < 0)
        return false;
    proxy->event =
        event_new(proxy->base, proxy->fd, EV_READ | EV_PERSIST, netsim_proxy_on_client, proxy);
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
    proxy->record = (struct netsim_record){.log = config->log, .pcap = config->pcap};
    netsim_clients_init(&proxy->clients, config->clients_max, hash_seed);
    if (!init(proxy)) {
        int error = errno;

        netsim_proxy_free(proxy);
        errno = error;
        return NULL;
    }
    return proxy;
}

static void let_go(void *arg, void *user)
{
    (void)arg;
    free(user);
}

static void free_way(struct netsim_proxy_way *way)
{
    netsim_direction_dispose(&way->direction, let_go, NULL);
    netsim_udp_batch_free(way->sending);
}

void netsim_proxy_free(struct netsim_proxy *proxy)
{
    if (proxy->event != NULL)
        event_free(proxy->event);
    if (proxy->fd >= 0)
        close(proxy->fd);
    netsim_timer_dispose(&proxy->timer);
    netsim_clients_dispose(&proxy->clients);
    free_way(&proxy->out);
    free_way(&proxy->back);
    netsim_udp_batch_free(proxy->receiving);
    free(proxy->captured);
    free(proxy);
}

const struct netsim_address *netsim_proxy_address(const struct netsim_proxy *proxy)
{
    return &proxy->config.listen;
}

void netsim_proxy_counts(const struct netsim_proxy *proxy, struct netsim_proxy_counts *counts)
{
    *counts = (struct netsim_proxy_counts){
        .out = proxy->out.direction.left,
        .back = proxy->back.direction.left,
        .out_in = proxy->out.direction.came,
        .back_in = proxy->back.direction.came,
    };
}

int netsim_proxy_error(const struct netsim_proxy *proxy)
{
    return proxy->record.error;
}

static void report_way(const struct netsim_proxy_way *w, FILE *out)
{
    char note[64];

    snprintf(note, sizeof(note), " (headers, dropped: %" PRIu64 ")", w->corrupt_headers);
    netsim_direction_report(&w->direction, note, out);
    if (w->counts.failed + w->counts.refused + w->no_client + w->no_memory + w->overflowed > 0)
        fprintf(out,
                " outside the link: not taken by the system %" PRIu64 ", ICMP errors %" PRIu64
                ", client gone %" PRIu64 ", no memory %" PRIu64
                ", came faster than read %" PRIu64 "\n",
                w->counts.failed, w->counts.refused, w->no_client, w->no_memory, w->overflowed);
    if (w->unknown_port > 0)
        fprintf(out, " for a port that the NAT forgot: %" PRIu64 "\n", w->unknown_port);
}

void netsim_proxy_report(const struct netsim_proxy *proxy, FILE *out)
{
    report_way(&proxy->out, out);
    report_way(&proxy->back, out);
    fprintf(out, "clients %zu, yielded %" PRIu64 ", ICMP errors received %" PRIu64 "\n",
            proxy->clients.count, proxy->yielded, proxy->icmp_received);
}
