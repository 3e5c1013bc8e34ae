#include "event/resolver.h"

#include "event/conn.h"
#include "event/dial.h"
#include "event/endpoint.h"

#include <event2/dns.h>
#include <event2/event.h>

#include <stdlib.h>
#include <string.h>

struct belay_resolver {
    struct event_base *base;
    struct evdns_base *dns;
    unsigned lookups; /* whose callback has not come yet */
    bool freed;
};

struct belay_lookup {
    struct belay_dial *dial;         /* NULL: cancelled */
    unsigned index;                  /* of dial->lookups */
    struct belay_resolver *resolver; /* NULL: the app's evdns_base */
    struct evdns_getaddrinfo_request *request;
};

/* Inactive, so that a loop with nothing else to do can end. Without resolv.conf (a container,
 * a lone host) evdns falls back to 127.0.0.1, and the hosts file is read all the same. */
struct belay_resolver *belay_resolver_new(struct event_base *base)
{
    struct belay_resolver *resolver = calloc(1, sizeof(*resolver));

    if (resolver == NULL)
        return NULL;
    resolver->base = base;
    resolver->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (resolver->dns == NULL) {
        free(resolver);
        return NULL;
    }
    evdns_base_resolv_conf_parse(resolver->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
    return resolver;
}

static void destroy(struct belay_resolver *resolver)
{
    evdns_base_free(resolver->dns, 0);
    free(resolver);
}

static void on_destroy(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    destroy(ctx);
}

void belay_resolver_free(struct belay_resolver *resolver)
{
    if (resolver == NULL)
        return;
    resolver->freed = true;
    if (resolver->lookups == 0)
        destroy(resolver);
}

/* We are inside evdns: it goes later. */
static void release(struct belay_resolver *resolver)
{
    struct timeval now = {0, 0};

    if (resolver == NULL || --resolver->lookups > 0 || !resolver->freed)
        return;
    event_base_once(resolver->base, -1, EV_TIMEOUT, on_destroy, resolver, &now);
}

static void on_answer(int error, struct evutil_addrinfo *list, void *ctx)
{
    struct belay_lookup *lookup = ctx;
    struct belay_dial *dial = lookup->dial;

    if (dial != NULL) {
        struct belay_endpoint *endpoint = dial->conn->endpoint;

        dial->lookups[lookup->index] = NULL;
        belay_endpoint_enter(endpoint);
        belay_dial_on_addresses(dial, lookup->index == 0 ? AF_INET6 : AF_INET, error, list);
        belay_endpoint_mark_work(endpoint);
        belay_endpoint_leave(endpoint);
    }
    if (list != NULL)
        evutil_freeaddrinfo(list);
    release(lookup->resolver);
    free(lookup);
}

int belay_lookup_start(struct belay_dial *dial, unsigned i, struct evdns_base *dns)
{
    struct belay_endpoint *endpoint = dial->conn->endpoint;
    struct evutil_addrinfo hints;
    struct evdns_getaddrinfo_request *request;
    struct belay_lookup *lookup;

    if (dns == NULL && endpoint->resolver == NULL) {
        endpoint->resolver = belay_resolver_new(endpoint->base);
        if (endpoint->resolver == NULL)
            return BELAY_ENOMEM;
    }
    lookup = calloc(1, sizeof(*lookup));
    if (lookup == NULL)
        return BELAY_ENOMEM;
    lookup->dial = dial;
    lookup->index = i;
    dial->lookups[i] = lookup;
    if (dns == NULL) {
        lookup->resolver = endpoint->resolver;
        lookup->resolver->lookups++;
        dns = endpoint->resolver->dns;
    }
    memset(&hints, 0, sizeof(hints));
    hints.ai_family = i == 0 ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_protocol = IPPROTO_UDP;
    request = evdns_getaddrinfo(dns, dial->host, NULL, &hints, on_answer, lookup);
    /* NULL: answered already, lookup is gone. */
    if (request != NULL && dial->lookups[i] == lookup)
        lookup->request = request;
    return 0;
}

void belay_lookup_cancel(struct belay_lookup *lookup)
{
    lookup->dial = NULL;
    if (lookup->request != NULL)
        evdns_getaddrinfo_cancel(lookup->request);
}
