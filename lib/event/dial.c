#include "event/dial.h"

#include "event/conn.h"
#include "event/endpoint.h"
#include "event/resolver.h"
#include "event/socket.h"

#include <event2/event.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

/* RFC 8305 section 8. */
#define RESOLUTION_DELAY_NS (50 * NS_PER_MS)
#define ATTEMPT_DELAY_NS    (250 * NS_PER_MS)

static bool is_looking(const struct belay_dial *dial)
{
    return dial->asking || dial->lookups[0] != NULL || dial->lookups[1] != NULL;
}

static void set_timer(struct belay_dial *dial, uint64_t delay_ns)
{
    struct timeval delay = {(time_t)(delay_ns / (1000 * NS_PER_MS)),
                            (suseconds_t)(delay_ns / 1000 % 1000000)};

    event_add(dial->timer, &delay);
}

static void add_address(struct belay_dial *dial, const struct belay_address *remote)
{
    int family = belay_address_family(remote);
    unsigned same = 0;

    for (unsigned i = 0; i < dial->known; i++) {
        if (belay_address_is_equal(&dial->attempts[i].remote, remote))
            return;
        same += belay_address_family(&dial->attempts[i].remote) == family;
    }
    /* Half for each family: one with many addresses must not shut out the other. */
    if (same < BELAY_DIAL_ADDRESSES_MAX / 2)
        dial->attempts[dial->known++].remote = *remote;
}

/* ------------------------------------------------------------------ failing */

/* The more a failure says about the peer, the more it tells the user. */
static int telling(int error)
{
    switch (error) {
    case 0:
        return 0;
    case BELAY_ESYS:
        return 1;
    case BELAY_EUNREACH:
        return 2;
    case BELAY_ETIMEDOUT:
        return 3;
    default:
        return 4;
    }
}

static void note_failure(struct belay_dial *dial, int error, int system_error,
                         const char *reason)
{
    if (telling(error) < telling(dial->error))
        return;
    dial->error = error;
    dial->system_error = system_error;
    snprintf(dial->reason, sizeof(dial->reason), "%s", reason);
}

/* dial is gone after it. */
static void fail(struct belay_dial *dial)
{
    struct belay_conn *conn = dial->conn;
    char reason[BELAY_REASON_MAX];

    snprintf(reason, sizeof(reason), "%s", dial->reason);
    belay_conn_fail(conn, dial->error, dial->system_error, "%s", reason);
}

/* ------------------------------------------------------------------ attempts */

/* Moves the address to try next to the first place after those tried: the other family than
 * last time, IPv6 at first, else the first in line. */
static void pick_next(struct belay_dial *dial)
{
    int wanted = AF_INET6;
    unsigned i = dial->started;

    if (dial->started > 0 &&
        belay_address_family(&dial->attempts[dial->started - 1].remote) == AF_INET6)
        wanted = AF_INET;
    while (i < dial->known && belay_address_family(&dial->attempts[i].remote) != wanted)
        i++;
    if (i == dial->known)
        return;
    for (struct belay_attempt next = dial->attempts[i]; i > dial->started; i--) {
        dial->attempts[i] = dial->attempts[i - 1];
        dial->attempts[i - 1] = next;
    }
}

static bool start_one(struct belay_dial *dial)
{
    struct belay_endpoint *endpoint = dial->conn->endpoint;
    struct belay_attempt *attempt = &dial->attempts[dial->started++];
    char text[BELAY_ADDRESS_TEXT], reason[BELAY_REASON_MAX];
    int error = belay_endpoint_dial(endpoint, &attempt->remote, dial->conn, &attempt->core);

    if (error == 0) {
        dial->alive++;
        dial->last_attempt_ns = belay_now_ns();
        return true;
    }
    snprintf(reason, sizeof(reason), "cannot send to %s: %s",
             belay_address_format(&attempt->remote, text),
             error == BELAY_ESYS ? strerror(errno) : belay_strerror(error));
    note_failure(dial, error, error == BELAY_ESYS ? errno : 0, reason);
    return false;
}

/* The next attempt that can start; when nothing is left to wait for, the dial has failed and
 * is gone. */
static void start_next(struct belay_dial *dial)
{
    bool started = false;

    while (!started && dial->started < dial->known) {
        pick_next(dial);
        started = start_one(dial);
    }
    if (dial->started < dial->known)
        set_timer(dial, ATTEMPT_DELAY_NS);
    else if (dial->known > 0)
        event_del(dial->timer);
    if (dial->alive == 0 && !is_looking(dial))
        fail(dial);
    else
        belay_endpoint_mark_work(dial->conn->endpoint);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct belay_dial *dial = ctx;
    struct belay_endpoint *endpoint = dial->conn->endpoint;
    char reason[BELAY_REASON_MAX];

    (void)fd;
    (void)what;
    belay_endpoint_enter(endpoint);
    if (dial->known == 0) {
        snprintf(reason, sizeof(reason), "no name server answers about %s (tried for %.1f s)",
                 dial->host, (double)endpoint->config.core.connect_timeout_ns / 1e9);
        note_failure(dial, BELAY_EHOST, 0, reason);
        fail(dial);
    } else {
        start_next(dial);
    }
    belay_endpoint_leave(endpoint);
}

static void win(struct belay_dial *dial, struct belay_attempt *winner)
{
    struct belay_conn *conn = dial->conn;
    struct belay_core_conn *core = winner->core;

    winner->core = NULL;
    belay_conn_attach(conn, core);
    /* What was taken under a higher mark than the present one is taken. */
    belay_core_conn_set_watermarks(core, conn->low, 0);
    belay_hold_hand_over(&dial->hold, conn);
    belay_core_conn_set_watermarks(core, conn->low, conn->high);
    if (dial->hold.was_full && belay_core_conn_queued_bytes(core) <= conn->low)
        belay_conn_write_later(conn);
    if (dial->close_asked)
        belay_core_conn_close(core);
    belay_dial_free(dial);
}

static void lose(struct belay_dial *dial, struct belay_attempt *loser,
                 const struct belay_core_event *event)
{
    char reason[BELAY_REASON_MAX];

    belay_reason_format(reason, event, false, &loser->remote,
                        belay_now_ns() - dial->conn->born_ns);
    note_failure(dial, event->error, 0, reason);
    dial->conn->close_code = event->close_code;
    belay_core_conn_set_user(loser->core, NULL);
    belay_core_conn_free(loser->core);
    loser->core = NULL;
    dial->alive--;
    start_next(dial);
}

void belay_dial_on_event(struct belay_dial *dial, const struct belay_core_event *event)
{
    for (unsigned i = 0; i < dial->started; i++) {
        if (dial->attempts[i].core != event->conn)
            continue;
        if (event->type == BELAY_CORE_CONNECTED)
            win(dial, &dial->attempts[i]);
        else if (event->type == BELAY_CORE_CLOSED)
            lose(dial, &dial->attempts[i], event);
        return;
    }
}

void belay_dial_hurry(struct belay_endpoint *endpoint, const struct belay_address *remote)
{
    struct belay_list *node, *next;

    for (node = endpoint->dials.next; node != &endpoint->dials; node = next) {
        struct belay_dial *dial = (struct belay_dial *)(void *)node;

        next = node->next;
        if (dial->started > 0 && dial->started < dial->known &&
            belay_address_is_equal(&dial->attempts[dial->started - 1].remote, remote))
            start_next(dial);
    }
}

/* ------------------------------------------------------------------ addresses */

static void note_lookup_failure(struct belay_dial *dial, int error)
{
    char reason[BELAY_REASON_MAX];

    snprintf(reason, sizeof(reason), "no address for host %s: %s", dial->host,
             error == 0 ? "it has none" : evutil_gai_strerror(error));
    /* Whatever an attempt found out tells more. */
    if (dial->error == 0)
        note_failure(dial, BELAY_EHOST, 0, reason);
}

void belay_dial_on_addresses(struct belay_dial *dial, int family, int error,
                             const struct evutil_addrinfo *list)
{
    unsigned known_before = dial->known;

    for (; error == 0 && list != NULL; list = list->ai_next) {
        union belay_sockaddr u;
        struct belay_address remote;

        memset(&u, 0, sizeof(u));
        memcpy(&u, list->ai_addr, list->ai_addrlen < sizeof(u) ? list->ai_addrlen : sizeof(u));
        if (u.sa.sa_family == AF_INET)
            u.in.sin_port = htons((uint16_t)dial->port);
        else
            u.in6.sin6_port = htons((uint16_t)dial->port);
        if (belay_address_set(&remote, &u.sa, list->ai_addrlen))
            add_address(dial, &remote);
    }
    if (dial->known == known_before)
        note_lookup_failure(dial, error);
    if (dial->started == 0 && dial->known > 0 && family == AF_INET && is_looking(dial))
        set_timer(dial, RESOLUTION_DELAY_NS);
    else if (dial->started == 0 || dial->alive == 0)
        start_next(dial);
    else if (dial->started < dial->known && !event_pending(dial->timer, EV_TIMEOUT, NULL))
        set_timer(dial, ATTEMPT_DELAY_NS);
}

/* RFC 6761 section 6.3: never asked of a name server. */
static bool is_localhost(const char *host)
{
    size_t len = strlen(host);

    if (len > 0 && host[len - 1] == '.')
        len--;
    if (len < 9 || evutil_ascii_strncasecmp(host + len - 9, "localhost", 9) != 0)
        return false;
    return len == 9 || host[len - 10] == '.';
}

static void add_loopback(struct belay_dial *dial)
{
    struct in_addr v4 = {.s_addr = htonl(INADDR_LOOPBACK)};
    struct in6_addr v6 = IN6ADDR_LOOPBACK_INIT;
    in_port_t port = htons((uint16_t)dial->port);
    struct belay_address remote;

    if (dial->family != AF_INET) {
        belay_address_set_in6(&remote, &v6, port, 0);
        add_address(dial, &remote);
    }
    if (dial->family != AF_INET6) {
        belay_address_set_in(&remote, v4, port);
        add_address(dial, &remote);
    }
    start_next(dial);
}

/* ------------------------------------------------------------------ life */

/* Answers may come from inside, one before the other is asked for: `asking` keeps the first
 * from ending the dial. */
static int look_up(struct belay_dial *dial, struct evdns_base *dns)
{
    uint64_t timeout_ns = dial->conn->endpoint->config.core.connect_timeout_ns;
    int error = 0;

    if (timeout_ns != 0)
        set_timer(dial, timeout_ns);
    dial->asking = true;
    if (dial->family != AF_INET)
        error = belay_lookup_start(dial, 0, dns);
    if (error == 0 && dial->family != AF_INET6)
        error = belay_lookup_start(dial, 1, dns);
    dial->asking = false;
    if (error == 0 && dial->alive == 0 && !is_looking(dial))
        start_next(dial);
    return error;
}

int belay_dial_new(struct belay_conn *conn, struct evdns_base *dns, int family,
                   const char *host, int port)
{
    struct belay_dial *dial = calloc(1, sizeof(*dial));

    if (dial == NULL)
        return BELAY_ENOMEM;
    dial->conn = conn;
    dial->family = family;
    dial->port = port;
    snprintf(dial->host, sizeof(dial->host), "%s", host);
    belay_hold_init(&dial->hold);
    belay_list_append(&conn->endpoint->dials, &dial->node);
    conn->dial = dial;
    dial->timer = evtimer_new(conn->endpoint->base, on_timer, dial);
    if (dial->timer == NULL)
        return BELAY_ENOMEM;
    if (is_localhost(host)) {
        add_loopback(dial);
        return 0;
    }
    return look_up(dial, dns);
}

void belay_dial_free(struct belay_dial *dial)
{
    for (unsigned i = 0; i < 2; i++) {
        if (dial->lookups[i] != NULL)
            belay_lookup_cancel(dial->lookups[i]);
    }
    for (unsigned i = 0; i < dial->started; i++) {
        if (dial->attempts[i].core == NULL)
            continue;
        belay_core_conn_set_user(dial->attempts[i].core, NULL);
        belay_core_conn_free(dial->attempts[i].core);
    }
    if (dial->timer != NULL)
        event_free(dial->timer);
    belay_hold_dispose(&dial->hold);
    belay_list_remove(&dial->node);
    dial->conn->dial = NULL;
    free(dial);
}

/* ------------------------------------------------------------------ sending meanwhile */

static int check(const struct belay_dial *dial, uint32_t channel, enum belay_mode mode,
                 size_t len, uint64_t deadline_ns)
{
    const struct belay_core_config *config = &dial->conn->endpoint->config.core;
    uint64_t high = config->send_queue_max;

    if (dial->conn->high != 0 && dial->conn->high < high)
        high = dial->conn->high;
    if (dial->close_asked)
        return BELAY_ECLOSED;
    if (channel >= config->channels_max || deadline_ns != BELAY_NEVER ||
        (mode != BELAY_RELIABLE_ORDERED && mode != BELAY_RELIABLE_UNORDERED))
        return BELAY_EINVAL;
    if (len > config->message_size_max)
        return BELAY_EMSGSIZE;
    /* One message always fits an empty queue. */
    if (dial->hold.first != NULL &&
        (dial->hold.bytes >= high || len + BELAY_HELD_COST > high - dial->hold.bytes))
        return BELAY_EAGAIN;
    return 0;
}

int belay_dial_send(struct belay_dial *dial, uint32_t channel, enum belay_mode mode,
                    const struct belay_source *source, size_t len, unsigned flags,
                    uint64_t deadline_ns, uint64_t *message)
{
    struct belay_held held = {
        .source = *source, .len = len, .channel = channel, .mode = mode, .flags = flags};
    int error = check(dial, channel, mode, len, deadline_ns);

    if (error == 0)
        error = belay_hold_add(&dial->hold, &held);
    if (error == BELAY_EAGAIN)
        dial->hold.was_full = true;
    if (error != 0) {
        if (source->release != NULL)
            source->release(source->ctx);
        return error;
    }
    if (message != NULL)
        *message = dial->hold.count;
    return 0;
}
