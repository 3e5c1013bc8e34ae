#include "event/endpoint.h"

#include "event/conn.h"
#include "event/dial.h"
#include "event/hooks.h"
#include "event/io.h"
#include "event/listener.h"
#include "event/resolver.h"
#include "event/shards.h"
#include "event/socket.h"

#include <event2/event.h>
#include <openssl/crypto.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* While the system takes no datagrams the core's overdue timers wait this long at most. */
#define BLOCKED_WAIT_NS UINT64_C(10000000)
#define EARLY_BYTES     ((size_t)2 * 65507) /* two trains, or two of the largest datagrams */

/* ------------------------------------------------------------------ a turn of the loop */

void belay_endpoint_mark_work(struct belay_endpoint *endpoint)
{
    if (endpoint->flush_marked || endpoint->freed)
        return;
    endpoint->flush_marked = true;
    event_active(endpoint->flush, EV_TIMEOUT, 1);
}

/*
 * A long turn sends early, in shares of what is under way: at least two trains, so that none
 * leaves half empty, and at least an eighth of the queue, so that system calls stay few.
 */
void belay_endpoint_mark_queued(struct belay_endpoint *endpoint,
                                const struct belay_core_conn *core, size_t len)
{
    size_t share = belay_core_conn_queued_bytes(core) / 8;

    endpoint->turn_bytes += len;
    if (endpoint->turn_bytes >= (share > EARLY_BYTES ? share : EARLY_BYTES)) {
        endpoint->turn_bytes = 0;
        belay_sender_flush(endpoint, belay_now_ns());
    }
    belay_endpoint_mark_work(endpoint);
}

static bool is_drained(const struct belay_endpoint *endpoint)
{
    return endpoint->drained != NULL && !endpoint->freed && endpoint->conn_count == 0 &&
           belay_list_is_empty(&endpoint->closing) &&
           belay_core_conn_count(endpoint->core) == 0;
}

static void report_drained(struct belay_endpoint *endpoint)
{
    void (*drained)(struct belay_endpoint *, void *) = endpoint->drained;

    if (!is_drained(endpoint))
        return;
    endpoint->drained = NULL;
    drained(endpoint, endpoint->drained_ctx);
}

static void arm_timer(struct belay_endpoint *endpoint, uint64_t now_ns)
{
    uint64_t deadline_ns = belay_core_deadline(endpoint->core);

    if (belay_sender_is_blocked(endpoint) && deadline_ns < now_ns + BLOCKED_WAIT_NS)
        deadline_ns = now_ns + BLOCKED_WAIT_NS;
    if (endpoint->linger_end_ns != 0 && deadline_ns > endpoint->linger_end_ns)
        deadline_ns = endpoint->linger_end_ns;
    if (deadline_ns != BELAY_NEVER)
        belay_timer_arm(&endpoint->timer, deadline_ns, now_ns);
}

/* What is due is done, what is marked is sent, and the timer stands for the rest. Sending can
 * end connections, so events are looked for after it, too. */
static void run(struct belay_endpoint *endpoint)
{
    uint64_t now_ns = belay_now_ns();

    if (belay_core_deadline(endpoint->core) <= now_ns)
        belay_core_timeout(endpoint->core, now_ns);
    belay_dispatch(endpoint);
    if (endpoint->freed)
        return;
    endpoint->turn_bytes = 0;
    belay_sender_flush(endpoint, now_ns);
    belay_dispatch(endpoint);
    if (endpoint->freed)
        return;
    report_drained(endpoint);
    if (!endpoint->freed)
        arm_timer(endpoint, now_ns);
}

static void on_flush(evutil_socket_t fd, short what, void *ctx)
{
    struct belay_endpoint *endpoint = ctx;

    (void)fd;
    (void)what;
    endpoint->flush_marked = false;
    belay_endpoint_enter(endpoint);
    run(endpoint);
    belay_endpoint_leave(endpoint);
}

static void on_timer(void *ctx)
{
    struct belay_endpoint *endpoint = ctx;

    /* Packets that came in the same turn may be what the timer waits for: they go first. */
    belay_endpoint_mark_work(endpoint);
}

/* ------------------------------------------------------------------ beginning */

/* What is compiled in and not switched off; whether the system has it is found out later. */
static void choose_paths(struct belay_config *config)
{
    bool fast = BELAY_FAST_IO && !config->portable_io;

    config->gso &= fast;
    config->gro &= fast;
    config->mmsg &= fast;
}

static int set_up(struct belay_endpoint *endpoint)
{
    struct belay_log log = belay_hooks_log(endpoint);
    bool portable = endpoint->config.portable_io;
    int error = 0;

    choose_paths(&endpoint->config);
    endpoint->config.core.authorize |= endpoint->config.authorize != NULL;
    endpoint->core = belay_core_new(&endpoint->config.core, &belay_hooks_memory,
                                    &belay_hooks_random, &log, &error);
    if (endpoint->core == NULL)
        return error;
    endpoint->flush = event_new(endpoint->base, -1, 0, on_flush, endpoint);
    endpoint->receiver = belay_receiver_new(endpoint->config.mmsg);
    endpoint->sender = belay_sender_new(endpoint);
    if (endpoint->flush == NULL || endpoint->receiver == NULL || endpoint->sender == NULL ||
        belay_timer_init(&endpoint->timer, endpoint->base, portable, on_timer, endpoint) != 0)
        return BELAY_ENOMEM;
    return 0;
}

static void destroy(struct belay_endpoint *endpoint)
{
    for (unsigned i = 0; i < endpoint->socket_count; i++) {
        belay_socket_shut(endpoint->sockets[i]);
        free(endpoint->sockets[i]);
    }
    free(endpoint->sockets);
    belay_timer_dispose(&endpoint->timer);
    belay_sender_free(endpoint->sender);
    belay_receiver_free(endpoint->receiver);
    belay_resolver_free(endpoint->resolver);
    if (endpoint->flush != NULL)
        event_free(endpoint->flush);
    if (endpoint->core != NULL)
        belay_core_free(endpoint->core);
    free(endpoint->listener);
    OPENSSL_cleanse(&endpoint->config, sizeof(endpoint->config)); /* keys */
    free(endpoint);
}

struct belay_endpoint *belay_endpoint_new_for(struct event_base *base,
                                              const struct belay_config *config, unsigned flags,
                                              enum belay_owner owner)
{
    unsigned known = BELAY_OPT_CLOSE_ON_FREE | BELAY_OPT_REUSEABLE_PORT | BELAY_OPT_V6ONLY;
    struct belay_endpoint *endpoint;
    int error;

    if (base == NULL || (flags & ~known) != 0) {
        errno = EINVAL;
        return NULL;
    }
    endpoint = calloc(1, sizeof(*endpoint));
    if (endpoint == NULL)
        return NULL;
    if (config != NULL)
        endpoint->config = *config;
    else
        belay_config_init(&endpoint->config);
    endpoint->base = base;
    endpoint->flags = flags;
    endpoint->owner = owner;
    endpoint->timer.fd = -1;
    belay_list_init(&endpoint->conns);
    belay_list_init(&endpoint->closing);
    belay_list_init(&endpoint->dead);
    belay_list_init(&endpoint->ready);
    belay_list_init(&endpoint->dials);
    error = set_up(endpoint);
    if (error == 0)
        return endpoint;
    destroy(endpoint);
    errno = error == BELAY_EINVAL ? EINVAL : ENOMEM;
    return NULL;
}

struct belay_endpoint *belay_endpoint_new(struct event_base *base,
                                          const struct belay_config *config, unsigned flags)
{
    return belay_endpoint_new_for(base, config, flags, BELAY_OWNER_APP);
}

/* ------------------------------------------------------------------ end */

/* Tells the peers, once. What cannot be sent now never is: they will notice. */
static void say_goodbye(struct belay_endpoint *endpoint)
{
    struct belay_core_conn *core = NULL;

    while ((core = belay_core_next_conn(endpoint->core, core)) != NULL)
        belay_core_conn_abort(core, BELAY_CLOSE_ABORTED, NULL);
    belay_sender_flush(endpoint, belay_now_ns());
}

static void bury_all(struct belay_list *conns)
{
    struct belay_list *node;

    while ((node = belay_list_first(conns)) != NULL) {
        struct belay_conn *conn = (struct belay_conn *)(void *)node;

        conn->freed = true;
        belay_conn_bury(conn);
    }
}

/* Not busy: nobody looks at anything of it any more. */
static void finish(struct belay_endpoint *endpoint)
{
    belay_reap(endpoint);
    destroy(endpoint);
}

/* The sockets close at once, so that the app can use their port again in the same callback. */
void belay_endpoint_free(struct belay_endpoint *endpoint)
{
    if (endpoint == NULL || endpoint->freed)
        return;
    if (endpoint->socket_count > 0)
        say_goodbye(endpoint);
    endpoint->freed = true;
    bury_all(&endpoint->conns);
    bury_all(&endpoint->closing);
    for (unsigned i = 0; i < endpoint->socket_count; i++)
        belay_socket_shut(endpoint->sockets[i]);
    event_del(endpoint->flush);
    belay_shards_leave(endpoint);
    if (endpoint->busy == 0)
        finish(endpoint);
}

void belay_endpoint_enter(struct belay_endpoint *endpoint)
{
    endpoint->busy++;
}

void belay_endpoint_leave(struct belay_endpoint *endpoint)
{
    if (--endpoint->busy > 0)
        return;
    if (endpoint->freed) {
        finish(endpoint);
        return;
    }
    belay_reap(endpoint);
    belay_endpoint_release_unused(endpoint);
}

void belay_endpoint_release_unused(struct belay_endpoint *endpoint)
{
    if (endpoint->busy > 0 || endpoint->freed || endpoint->owner == BELAY_OWNER_APP ||
        endpoint->listener != NULL || !belay_list_is_empty(&endpoint->conns) ||
        !belay_list_is_empty(&endpoint->closing))
        return;
    belay_endpoint_free(endpoint);
}

void belay_endpoint_drain(struct belay_endpoint *endpoint,
                          void (*done)(struct belay_endpoint *endpoint, void *ctx), void *ctx)
{
    belay_core_listen(endpoint->core, false);
    endpoint->drained = done;
    endpoint->drained_ctx = ctx;
    belay_endpoint_mark_work(endpoint);
}

/* ------------------------------------------------------------------ sockets */

int belay_endpoint_bind(struct belay_endpoint *endpoint, const struct sockaddr *addr,
                        int socklen)
{
    struct belay_address address;

    if (socklen < 0 || !belay_address_set(&address, addr, (size_t)socklen))
        return BELAY_EINVAL;
    return belay_socket_bind(endpoint, &address, (endpoint->flags & BELAY_OPT_V6ONLY) != 0,
                             NULL);
}

static int bind_any_v4(struct belay_endpoint *endpoint, in_port_t net_port)
{
    struct in_addr any = {.s_addr = htonl(INADDR_ANY)};
    struct belay_address address;

    belay_address_set_in(&address, any, net_port);
    return belay_socket_bind(endpoint, &address, false, NULL);
}

/* One dual-stack socket where there is such a thing, else one of each family. */
int belay_endpoint_bind_any(struct belay_endpoint *endpoint, unsigned port)
{
    struct in6_addr any = IN6ADDR_ANY_INIT;
    bool v6only = (endpoint->flags & BELAY_OPT_V6ONLY) != 0;
    struct belay_socket *sock = NULL;
    struct belay_address address;
    int error;

    if (port > UINT16_MAX)
        return BELAY_EINVAL;
    belay_address_set_in6(&address, &any, htons((uint16_t)port), 0);
    error = belay_socket_bind(endpoint, &address, v6only, &sock);
    if (error == BELAY_ESYS && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        return bind_any_v4(endpoint, htons((uint16_t)port));
    if (error != 0 || !sock->v6only)
        return error;
    return bind_any_v4(endpoint, belay_address_net_port(&sock->local));
}

int belay_endpoint_add_socket(struct belay_endpoint *endpoint, evutil_socket_t fd)
{
    return belay_socket_adopt(endpoint, fd, (endpoint->flags & BELAY_OPT_CLOSE_ON_FREE) != 0);
}

/* ------------------------------------------------------------------ looking */

struct event_base *belay_endpoint_get_base(struct belay_endpoint *endpoint)
{
    return endpoint->base;
}

evutil_socket_t belay_endpoint_get_fd(struct belay_endpoint *endpoint, unsigned i)
{
    return i < endpoint->socket_count ? endpoint->sockets[i]->fd : -1;
}

void belay_endpoint_set_server_key(struct belay_endpoint *endpoint, const uint8_t key[32])
{
    belay_core_set_server_key(endpoint->core, key);
}

const uint8_t *belay_endpoint_get_key(const struct belay_endpoint *endpoint)
{
    return belay_core_key(endpoint->core);
}

void belay_endpoint_set_keylog_cb(struct belay_endpoint *endpoint,
                                  void (*line)(void *ctx, const char *text), void *ctx)
{
    belay_core_set_keylog(endpoint->core, line, ctx);
}

size_t belay_endpoint_conn_count(struct belay_endpoint *endpoint)
{
    return endpoint->conn_count;
}

struct belay_conn *belay_endpoint_next_conn(struct belay_endpoint *endpoint,
                                            struct belay_conn *conn)
{
    struct belay_list *next = conn == NULL ? endpoint->conns.next : conn->node.next;

    return next == &endpoint->conns ? NULL : (struct belay_conn *)(void *)next;
}

void belay_endpoint_get_stats(struct belay_endpoint *endpoint,
                              struct belay_endpoint_stats *stats, size_t size)
{
    struct belay_endpoint_stats now = endpoint->stats;
    struct belay_core_stats core;

    belay_core_get_stats(endpoint->core, &core, sizeof(core));
    now.memory_bytes = belay_core_memory_bytes(endpoint->core);
    now.memory_peak_bytes = belay_core_memory_peak_bytes(endpoint->core);
    now.connections = endpoint->conn_count;
    now.half_open = core.half_open;
    now.half_open_evicted = core.half_open_evicted;
    now.cookies_accepted = core.cookies_accepted;
    now.cookies_refused = core.cookies_refused;
    now.retries_sent = core.retries_sent;
    now.retries_dropped = core.retries_dropped;
    now.answers_sent = core.answers_sent;
    now.answers_dropped = core.answers_dropped;
    memcpy(stats, &now, size < sizeof(now) ? size : sizeof(now));
}

void belay_endpoint_set_trace_cb(struct belay_endpoint *endpoint,
                                 void (*trace)(void *ctx, const struct belay_conn *conn,
                                               const struct belay_trace *packet,
                                               uint64_t now_ns),
                                 void *ctx)
{
    endpoint->trace = trace;
    endpoint->trace_ctx = ctx;
    belay_core_set_trace(endpoint->core, trace != NULL ? belay_hooks_trace : NULL, endpoint);
}
