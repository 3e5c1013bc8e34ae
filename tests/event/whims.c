#include "whims.h"

#include "life.h"

#include "support/random.h"

#define HOSTS       3
#define WHIMS       400 /* of a seed */
#define MS          UINT64_C(1000000)
#define BURST_MAX   30
#define SHORT_BYTES 300

/* A listening endpoint. */
struct host {
    struct belay_endpoint *endpoint; /* NULL: none now */
    struct belay_listener *listener;
    bool is_ours; /* the endpoint: else it goes with listener and connections */
    bool is_draining;
    unsigned flags;
    unsigned port;
    uint8_t key[32];
};

static struct host hosts[HOSTS];
static struct test_random draws;
static unsigned whims_left, lines;

static unsigned below(unsigned bound)
{
    return (unsigned)test_random_below(&draws, bound);
}

/* ------------------------------------------------------------------ the world */

static void on_log(void *ctx, int level, const struct belay_conn *conn, const char *text)
{
    (void)ctx, (void)level, (void)conn;
    lines += strlen(text) > 0;
}

static void on_trace(void *ctx, const struct belay_conn *conn, const struct belay_trace *packet,
                     uint64_t now_ns)
{
    (void)ctx, (void)conn, (void)now_ns;
    for (size_t i = 0; i < packet->frames_len; i++)
        lines += packet->frames[i];
}

static bool on_authorize(void *ctx, const uint8_t key[32], const struct sockaddr *addr,
                         int socklen)
{
    (void)ctx, (void)key, (void)addr, (void)socklen;
    life_enter(LIFE_AUTHORIZE);
    life_whim(NULL);
    return below(8) > 0;
}

/* Times are short, so that what was left alone ends soon. */
static struct belay_config draw_config(void)
{
    struct belay_config config = test_config();

    config.core.idle_timeout_ns = 400 * MS;
    config.core.keepalive_ns = 100 * MS;
    config.core.connect_timeout_ns = 300 * MS;
    config.core.close_timeout_ns = 400 * MS;
    config.core.message_size_max = LIFE_MESSAGE_SIZE;
    config.core.send_queue_max = below(2) ? 20000 : 1 << 20;
    config.core.window_initial = config.core.window_max = below(2) ? 0 : 1 << 20;
    config.core.window_messages = below(2) ? 16 : 4096;
    config.core.key_update_packets = 3 + below(100);
    config.core.half_open_cookies = below(3);
    config.core.has_private_key = true;
    test_random_fill(&draws, config.core.private_key, 32);
    config.portable_io = below(3) == 0;
    config.mmsg = below(2);
    config.log = on_log;
    return config;
}

static unsigned draw_flags(void)
{
    return below(2) ? BELAY_OPT_CLOSE_ON_FREE : 0;
}

static int loopback(unsigned port, struct sockaddr_storage *out)
{
    return make_address("127.0.0.1", port, out);
}

static struct host *host_of(const struct belay_endpoint *endpoint)
{
    for (struct host *host = hosts; host < hosts + HOSTS; host++)
        if (endpoint != NULL && host->endpoint == endpoint)
            return host;
    return NULL;
}

static void on_accept(struct belay_listener *listener, struct belay_conn *conn,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    struct life *life;

    (void)addr, (void)socklen, (void)ctx;
    life_enter(LIFE_ACCEPT);
    if (!lives_have_room() || below(20) == 0) {
        belay_conn_reject(conn, BELAY_CLOSE_APP, "not you");
        return;
    }
    life = life_begin(conn, host_of(belay_listener_get_endpoint(listener))->flags, false);
    if (below(15) == 0)
        life_leave_alone(life);
    life_whim(life);
}

static void open_host(struct host *host)
{
    struct belay_config config = draw_config();
    struct sockaddr_storage addr;
    int len = loopback(0, &addr);

    config.authorize = below(3) == 0 ? on_authorize : NULL;
    *host = (struct host){.is_ours = below(2), .flags = draw_flags()};
    if (host->is_ours) {
        host->endpoint = belay_endpoint_new(base, &config, host->flags);
        if (belay_endpoint_bind_any(host->endpoint, 0) != 0)
            life_broken(NULL, "no port");
        host->listener = belay_endpoint_listen(host->endpoint, on_accept, NULL);
    } else {
        host->listener = belay_listener_new_bind(base, &config, on_accept, NULL, host->flags,
                                                 (struct sockaddr *)&addr, len);
        host->endpoint = belay_listener_get_endpoint(host->listener);
    }
    host->port = port_of(belay_endpoint_get_fd(host->endpoint, 0));
    memcpy(host->key, belay_endpoint_get_key(host->endpoint), 32);
}

static void free_endpoint(struct belay_endpoint *endpoint)
{
    struct host *host = host_of(endpoint);

    if (host != NULL)
        *host = (struct host){0};
    lives_lose(endpoint);
    belay_endpoint_free(endpoint);
}

/* What is left of it ends with its connections, which are still there. */
static void free_host(struct host *host)
{
    struct belay_listener *listener = host->listener;

    if (host->is_ours) {
        free_endpoint(host->endpoint);
    } else {
        *host = (struct host){0};
        belay_listener_free(listener);
    }
}

static void on_drained(struct belay_endpoint *endpoint, void *ctx)
{
    (void)ctx;
    life_enter(LIFE_DRAINED);
    if (host_of(endpoint) == NULL)
        life_broken(NULL, "an endpoint that was freed is drained");
    free_endpoint(endpoint);
}

/* ------------------------------------------------------------------ whims */

static void send_some(struct life *life)
{
    for (unsigned i = 0, count = 1 + below(BURST_MAX); i < count; i++) {
        size_t len = below(below(3) ? SHORT_BYTES : LIFE_MESSAGE_SIZE + 1);

        if (life_send(life, below(LIFE_CHANNELS), below(3), len, below(4) == 0) != 0)
            break;
    }
}

static void close_it(struct life *life)
{
    life_close(life);
}

static void abort_it(struct life *life)
{
    life_abort(life);
}

static void free_it(struct life *life)
{
    life_free(life, false);
}

/* Everything answers past its end. */
static void free_and_use_it(struct life *life)
{
    struct belay_conn *conn = life->conn;
    struct belay_stats stats;

    if (life->reference != NULL)
        return;
    life_free(life, true);
    belay_conn_free(conn);
    if (belay_conn_send(conn, 0, "x", 1) != BELAY_ENOTCONN)
        life_broken(life, "a freed one sends");
    belay_conn_close(conn);
    belay_conn_rebind(conn);
    belay_conn_enable(conn, EV_READ | EV_WRITE);
    belay_conn_setwatermark(conn, below(1000), below(1000));
    belay_conn_get_stats(conn, &stats, sizeof(stats));
    belay_conn_get_queued(conn);
    lines += strlen(belay_conn_get_reason(conn)) > 0;
}

static void switch_off(struct life *life)
{
    belay_conn_disable(life->conn, below(2) ? EV_READ : EV_WRITE);
}

static void switch_on(struct life *life)
{
    belay_conn_enable(life->conn, below(2) ? EV_READ : EV_WRITE);
}

static void set_callbacks(struct life *life)
{
    life_attend(life, below(4));
}

static void set_watermarks(struct life *life)
{
    belay_conn_setwatermark(life->conn, below(3000), below(2) ? 0 : below(50000));
}

static void rebind_it(struct life *life)
{
    int error = belay_conn_rebind(life->conn);

    if (error != 0 && error != BELAY_ENOTCONN && error != BELAY_EAGAIN)
        life_broken(life, "rebind says: %s", belay_strerror(error));
}

/* Of a host, or for this dial alone; to a host, or where perhaps nobody is; by a name, too. */
static void dial_host(struct life *life)
{
    struct host *to = &hosts[below(HOSTS)], *from = &hosts[below(HOSTS)];
    struct belay_config config = draw_config();
    struct sockaddr_storage addr;
    int len = loopback(to->port != 0 ? to->port : 9, &addr), port = (int)to->port;
    unsigned way = below(4), flags = way < 2 ? draw_flags() : from->flags;
    struct belay_conn *conn = NULL;

    (void)life;
    if (!lives_have_room())
        return;
    config.core.has_server_key = below(4) > 0;
    memcpy(config.core.server_key, to->key, 32);
    if (from->endpoint != NULL)
        belay_endpoint_set_server_key(from->endpoint, below(4) ? to->key : NULL);
    if (way == 0)
        conn = belay_connect(base, &config, flags, (struct sockaddr *)&addr, len);
    else if (way == 1 && port != 0)
        conn = belay_connect_hostname(base, &config, flags, NULL, AF_UNSPEC, "localhost", port);
    else if (way == 2 && from->endpoint != NULL)
        conn = belay_endpoint_connect(from->endpoint, (struct sockaddr *)&addr, len);
    else if (way == 3 && from->endpoint != NULL && port != 0)
        conn =
            belay_endpoint_connect_hostname(from->endpoint, NULL, AF_UNSPEC, "localhost", port);
    life = life_begin(conn, flags, true);
    if (life != NULL && below(2))
        send_some(life);
}

static void change_host(struct life *life)
{
    struct host *host = &hosts[below(HOSTS)];

    (void)life;
    if (host->endpoint == NULL)
        open_host(host);
    else if (below(6) == 0)
        free_host(host);
    else if (host->is_ours && below(6) == 0 && !host->is_draining) {
        host->is_draining = true;
        belay_endpoint_drain(host->endpoint, on_drained, NULL);
    } else if (!host->is_draining && below(2))
        belay_listener_enable(host->listener);
    else
        belay_listener_disable(host->listener);
}

static void free_its_endpoint(struct life *life)
{
    if (below(4) == 0)
        free_endpoint(life->endpoint);
}

static void broadcast(struct life *life)
{
    if (host_of(life->endpoint) != NULL)
        life_broadcast(life->endpoint, below(LIFE_CHANNELS), below(5000));
}

/* The getters agree. */
static void look(struct life *life)
{
    struct belay_endpoint *endpoint = life->endpoint;
    struct belay_endpoint_stats stats;
    struct belay_conn *conn = NULL;
    size_t count = 0;

    while ((conn = belay_endpoint_next_conn(endpoint, conn)) != NULL)
        count++;
    belay_endpoint_get_stats(endpoint, &stats, sizeof(stats));
    if (count != belay_endpoint_conn_count(endpoint) || stats.connections != count ||
        belay_conn_get_endpoint(life->conn) != endpoint)
        life_broken(life, "the getters do not agree");
    belay_endpoint_set_trace_cb(endpoint, below(2) ? on_trace : NULL, NULL);
}

static const struct {
    void (*act)(struct life *life);
    unsigned weight;
    bool is_of_a_life;
} whims[] = {
    {send_some, 14, true},        {close_it, 3, true},        {abort_it, 1, true},
    {free_it, 2, true},           {free_and_use_it, 1, true}, {switch_off, 6, true},
    {switch_on, 6, true},         {set_callbacks, 3, true},   {set_watermarks, 2, true},
    {rebind_it, 2, true},         {dial_host, 4, false},      {change_host, 3, false},
    {free_its_endpoint, 1, true}, {broadcast, 2, true},       {look, 2, true},
};

static struct life *draw_life(void)
{
    for (unsigned i = 0, at = below(LIVES); i < LIVES; i++, at = (at + 1) % LIVES)
        if (lives[at].conn != NULL)
            return &lives[at];
    return NULL;
}

static void act(struct life *life)
{
    unsigned total = 0, draw, i = 0;

    for (size_t k = 0; k < sizeof(whims) / sizeof(whims[0]); k++)
        total += whims[k].weight;
    for (draw = below(total); draw >= whims[i].weight; i++)
        draw -= whims[i].weight;
    if (life == NULL || life->conn == NULL || below(3) == 0)
        life = draw_life();
    if (whims[i].is_of_a_life && life == NULL)
        return;
    life_in_call = true;
    whims[i].act(life);
    life_in_call = false;
}

void life_whim(struct life *life)
{
    for (unsigned count = below(below(4) ? 3 : 8); count > 0 && whims_left > 0; count--) {
        whims_left--;
        act(life);
    }
    if (whims_left == 0 && life != NULL && life->conn != NULL && life->has_eof)
        life_close(life);
}

void life_on_end(struct life *life)
{
    life_whim(life);
    if (life->conn != NULL && below(4) > 0)
        life_free(life, false);
}

/* ------------------------------------------------------------------ beginning and end */

void whims_begin(uint64_t seed)
{
    draws = (struct test_random){seed};
    whims_left = WHIMS;
    for (struct host *host = hosts; host < hosts + HOSTS; host++)
        open_host(host);
}

bool whims_are_left(void)
{
    return whims_left > 0;
}

bool whims_drain(void)
{
    for (const struct host *host = hosts; host < hosts + HOSTS; host++)
        if (host->is_draining)
            return true;
    return false;
}

void whims_end(void)
{
    for (struct host *host = hosts; host < hosts + HOSTS; host++)
        if (host->endpoint != NULL)
            free_host(host);
}
