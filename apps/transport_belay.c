/* Belay: every message comes back, or the connection ends and says why. */
#include "transport.h"

#include "keylog.h"
#include "quote.h"
#include "tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/belay.h>
#include <event2/event.h>
#include <openssl/crypto.h>

/* Messages queue here and not in the caller, so that the pipe stays full; but no more than
 * that, so that a measured RTT is the link's and not the queue's. */
#define QUEUE_HIGH (1024 * 1024)
#define QUEUE_LOW  (QUEUE_HIGH / 2)

struct transport {
    const struct transport_options *options;
    const struct transport_callbacks *callbacks;
    void *ctx;
    struct belay_conn *conn;
    enum belay_mode mode;
    bool connected, closing;
    struct keylog keylog;
    char peer[ADDRESS_TEXT_MAX];
    char own_key[KEYTEXT_MAX]; /* the public one */
    char failure[512];
};

/* ------------------------------------------------------------------ failures */

static void describe_size(struct transport *t)
{
    snprintf(t->failure, sizeof t->failure,
             "a message of %zu bytes is too large: %zu bytes is the most that both sides take",
             t->options->message_size, belay_conn_get_message_size_max(t->conn));
}

/* The options for what a server asked for, which the library can only tell in its own words. */
static const char *option_hint(const struct security_options *security, const char *reason)
{
    bool has_key = security->has_server_key || security->server_key_file;
    if (strstr(reason, "the server asks for a shared secret"))
        return ": --psk FILE";
    if (strstr(reason, "the server has no shared secret"))
        return ": leave out --psk";
    if (strstr(reason, "the server lets in only known clients"))
        return has_key ? ": --key FILE" : ": --key FILE and --server-key TEXT";
    return "";
}

/* What to do when a dial failed. */
static void add_hint(struct transport *t, int error)
{
    const struct security_options *security = &t->options->security;
    uint64_t code = belay_conn_get_close_code(t->conn);
    const char *hint = "", *word = "";
    if (error == BELAY_ETIMEDOUT) {
        hint = ": check host, port and firewall";
    } else if (error == BELAY_EKEY) {
        bool has_key = security->has_server_key || security->server_key_file;
        if (!security->psk || !has_key) /* else the reason tells which */
            hint = has_key ? ": check --server-key" : ": check --psk";
    } else if (error == BELAY_EREFUSED && code == BELAY_CLOSE_HANDSHAKE) {
        hint = option_hint(security, t->failure);
    } else if (error == BELAY_EREFUSED && code == BELAY_CLOSE_UNAUTHORIZED) {
        hint = ": whoever runs it adds this to --authorized: ";
        word = t->own_key;
    }
    size_t len = strlen(t->failure);
    snprintf(t->failure + len, sizeof t->failure - len, "%s%s", hint, word);
}

/* Why the connection ended, as one sentence; a failed dial's reason has the address in it. The
 * peer, or who pretends to be it, may have worded it. */
static void describe_end(struct transport *t)
{
    int error = belay_conn_get_error(t->conn);
    char reason[320];
    quote_clean(belay_conn_get_reason(t->conn), reason, sizeof reason);
    const char *name = belay_strerror(error);
    if (error == BELAY_EMSGSIZE)
        describe_size(t);
    else if (error == BELAY_EHOST)
        snprintf(t->failure, sizeof t->failure, "unknown host: %s", reason);
    else if (t->connected)
        snprintf(t->failure, sizeof t->failure, "%s: %s%s%s", t->options->target, name,
                 strcmp(name, reason) ? ": " : "", strcmp(name, reason) ? reason : "");
    else {
        snprintf(t->failure, sizeof t->failure, "%s", reason);
        add_hint(t, error);
    }
}

/* ------------------------------------------------------------------ events */

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    (void)conn;
    struct transport *t = ctx;
    t->callbacks->received(t->ctx, channel, data, len);
}

static void on_write(struct belay_conn *conn, void *ctx)
{
    (void)conn;
    struct transport *t = ctx;
    if (t->connected && !t->closing)
        t->callbacks->writable(t->ctx);
}

static void on_connected(struct transport *t)
{
    struct sockaddr_storage addr;
    int len = sizeof addr;
    t->connected = true;
    if (belay_conn_get_peer(t->conn, (struct sockaddr *)&addr, &len) == 0)
        address_format((struct sockaddr *)&addr, (socklen_t)len, t->peer);
    t->callbacks->ready(t->ctx);
}

static void on_eof(struct transport *t)
{
    if (t->closing)
        return;
    snprintf(t->failure, sizeof t->failure, "%s closed the connection", t->options->target);
    belay_conn_close(t->conn);
}

static void on_closed(struct transport *t, bool error)
{
    if (t->failure[0] == '\0' && error)
        describe_end(t);
    t->callbacks->ended(t->ctx, t->failure[0] ? t->failure : NULL);
}

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    (void)conn;
    struct transport *t = ctx;
    if (what & BELAY_EVENT_CONNECTED)
        on_connected(t);
    if (what & BELAY_EVENT_EOF)
        on_eof(t);
    if (what & BELAY_EVENT_CLOSED)
        on_closed(t, what & BELAY_EVENT_ERROR);
}

/* ------------------------------------------------------------------ operations */

static int transport_send(struct transport *t, unsigned channel, const void *data, size_t len)
{
    int error =
        belay_conn_send_message(t->conn, channel, t->mode, data, len, 0, BELAY_NEVER, NULL);
    if (error == 0)
        return TRANSPORT_SENT;
    if (error != BELAY_EAGAIN && t->failure[0] == '\0') {
        if (error == BELAY_EMSGSIZE)
            describe_size(t);
        else
            snprintf(t->failure, sizeof t->failure, "%s", belay_strerror(error));
        belay_conn_abort(t->conn, BELAY_CLOSE_APP, t->failure); /* CLOSED comes */
    }
    return TRANSPORT_WAIT;
}

static void transport_close(struct transport *t)
{
    t->closing = true;
    belay_conn_close(t->conn);
}

static void transport_wire(struct transport *t, uint64_t *bytes, uint64_t *retransmitted)
{
    struct belay_stats stats = {.wire_bytes_sent = 0};
    belay_conn_get_stats(t->conn, &stats, sizeof stats);
    *bytes = stats.wire_bytes_sent + stats.wire_bytes_received;
    *retransmitted = stats.packets_retransmitted;
}

static bool transport_path(struct transport *t, struct summary_path *path)
{
    struct belay_stats stats = {.datagram_size = 0};
    if (!t->connected || belay_conn_get_stats(t->conn, &stats, sizeof stats) != 0)
        return false;
    *path = (struct summary_path){
        .datagram_bytes = stats.datagram_size,
        .packets_lost = stats.packets_lost,
        .packets_spurious = stats.packets_spurious,
        .changes = stats.path_changes,
        .is_ecn_capable = stats.is_ecn_capable,
    };
    return true;
}

static uint64_t transport_heard_bytes(struct transport *t)
{
    struct belay_stats stats = {.wire_bytes_received = 0};
    belay_conn_get_stats(t->conn, &stats, sizeof stats);
    return stats.wire_bytes_received;
}

static const char *transport_peer(struct transport *t)
{
    return t->connected ? t->peer : t->options->target;
}

static void transport_free(struct transport *t)
{
    if (t->conn)
        belay_conn_free(t->conn);
    keylog_close(&t->keylog);
    free(t);
}

static void transport_security(struct transport *t, struct transport_security *security)
{
    const struct security_options *options = &t->options->security;
    *security = (struct transport_security){
        .cipher = belay_conn_get_cipher(t->conn),
        .is_authenticated = t->connected && security_knows_server(options),
        .warning = security_warning(options),
    };
}

static void on_log(void *ctx, int level, const struct belay_conn *conn, const char *text)
{
    (void)conn;
    if (level <= 1)
        fprintf(stderr, "%s: %s\n", (const char *)ctx, text);
}

/* With its own endpoint, whose config is wiped here: the library has copied it. */
static bool dial(struct transport *t, struct event_base *base, struct belay_config *config)
{
    const struct transport_options *options = t->options;
    const char *key_log = options->security.key_log;
    if (!security_load(options->program, &options->security, &config->core) ||
        (key_log && !keylog_open(&t->keylog, options->program, key_log)))
        return false;
    config->log = on_log;
    config->log_ctx = (void *)(uintptr_t)options->program;
    if (options->timeout_ns)
        config->core.connect_timeout_ns = options->timeout_ns;
    if (options->congestion)
        config->core.congestion = options->congestion;
    t->conn = belay_connect_hostname(base, config, 0, NULL, options->family,
                                     options->address.host, (int)options->address.port);
    if (t->conn == NULL) {
        fprintf(stderr, "%s: %s: %s\n", options->program, options->target, strerror(errno));
        return false;
    }
    struct belay_endpoint *endpoint = belay_conn_get_endpoint(t->conn);
    keytext_write(KEY_PUBLIC, belay_endpoint_get_key(endpoint), t->own_key);
    if (key_log)
        belay_endpoint_set_keylog_cb(endpoint, keylog_line, &t->keylog);
    return true;
}

static struct transport *transport_open(struct event_base *base,
                                        const struct transport_options *options,
                                        const struct transport_callbacks *callbacks, void *ctx)
{
    struct transport *t = calloc(1, sizeof *t);
    struct belay_config config;
    if (t == NULL) {
        fprintf(stderr, "%s: out of memory\n", options->program);
        return NULL;
    }
    *t = (struct transport){
        .options = options, .callbacks = callbacks, .ctx = ctx, .keylog = {.fd = -1}};
    t->mode = options->unordered ? BELAY_RELIABLE_UNORDERED : BELAY_RELIABLE_ORDERED;
    belay_config_init(&config);
    bool is_dialing = dial(t, base, &config);
    OPENSSL_cleanse(&config, sizeof config);
    if (!is_dialing) {
        transport_free(t);
        return NULL;
    }
    belay_conn_setcb(t->conn, on_message, on_write, on_event, t);
    belay_conn_setwatermark(t->conn, QUEUE_LOW, QUEUE_HIGH);
    return t;
}

const struct transport_kind transport_belay = {
    .name = "Belay",
    .reliable = true,
    .open = transport_open,
    .send = transport_send,
    .close = transport_close,
    .wire = transport_wire,
    .path = transport_path,
    .heard_bytes = transport_heard_bytes,
    .peer = transport_peer,
    .security = transport_security,
    .free = transport_free,
};
