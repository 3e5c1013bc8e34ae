/*
 * handshake.c - the course of a handshake: when an INIT or its answer is sent, what a client
 * takes as an answer or as a hint, and when either gives up. What is in them: exchange.c.
 */
#include "conn/hellotag.h"
#include "conn/private.h"

#include <stdio.h>
#include <string.h>

#define MS            UINT64_C(1000000)
#define RETRIES_MAX   3 /* followed in one dial */
#define HINT_ATTEMPTS 3 /* INITs still to send after a hint */

/* The first flight: six INITs 50 ms apart, then doubling gaps up to the cap. A RETRY begins it
 * anew. */
static uint64_t init_gap_ns(unsigned flight_count)
{
    unsigned doublings;

    if (flight_count < 6)
        return 50 * MS;
    doublings = flight_count - 5;
    return doublings > 5 ? 2000 * MS : (50 * MS) << doublings;
}

int belay_handshake_start(struct belay_connection *c)
{
    c->env->random.fill(c->env->random.ctx, c->nonce, sizeof(c->nonce));
    c->handshake->send_due = true;
    c->handshake->hint_attempts = HINT_ATTEMPTS;
    return belay_exchange_offer(c);
}

int belay_handshake_answer(struct belay_connection *c, const struct belay_hello *init,
                           const uint8_t *packet, const char **why)
{
    int error;

    *why = "";
    error = belay_exchange_answer(c, init, packet, why);
    if (error == 0 && c->env->config->authorize)
        c->handshake->is_held = c->event.authorize = true;
    c->handshake->send_due = !c->handshake->is_held;
    return error;
}

void belay_connection_authorize(struct belay_connection *c, bool yes)
{
    struct belay_handshake *h = c->handshake;

    if (c->stage != BELAY_STAGE_HALF_OPEN || !h->is_held)
        return;
    h->is_held = false;
    h->is_refused = !yes;
    h->send_due = yes || belay_exchange_refuse(c, BELAY_CLOSE_UNAUTHORIZED,
                                               "the server does not let this key in") == 0;
}

/* ------------------------------------------------------------------ sending */

int belay_handshake_send(struct belay_connection *c, struct belay_train *train, uint64_t now_ns)
{
    struct belay_handshake *h = c->handshake;
    bool is_init = c->stage == BELAY_STAGE_DIALING;
    const uint8_t *packet = is_init ? h->init : h->accept;
    size_t len = is_init ? sizeof(h->init) : h->accept_len;

    if (h == NULL || !h->send_due || len > train->capacity)
        return 0;
    h->send_due = false;
    memcpy(train->buffer, packet, len);
    train->path = c->path;
    train->len = train->segment_size = len;
    train->ecn = 0;
    if (h->sent_count++ == 0)
        h->first_sent_ns = now_ns;
    if (h->flight_count++ == 0)
        h->flight_sent_ns = now_ns;
    c->stats.datagrams_sent++;
    c->stats.wire_bytes_sent += len;
    if (is_init) {
        belay_timer_set(c, BELAY_TIMER_HELLO,
                        belay_time_add(now_ns, init_gap_ns(h->flight_count)));
        if (h->sent_count == 1)
            belay_timer_set(c, BELAY_TIMER_CONNECT,
                            belay_time_add(now_ns, c->env->config->connect_timeout_ns));
    }
    belay_connection_trace(c, true,
                           is_init         ? 'I'
                           : h->is_refused ? 'R'
                                           : 'A',
                           0, len, NULL, 0, "ok", now_ns);
    return 1;
}

static void fail_with_hint(struct belay_connection *c)
{
    struct belay_handshake *h = c->handshake;
    char text[BELAY_REASON_MAX + 1];

    memcpy(text, h->hint_reason, sizeof(text));
    if (text[0] == '\0')
        snprintf(text, sizeof(text), "%s",
                 h->hint == BELAY_EREFUSED ? "nothing listens at that address and port"
                                           : belay_strerror(h->hint));
    belay_connection_end(c, h->hint, h->hint_code, text);
}

/* What only the client can have seen is told here, as far as it can be guessed. */
static void log_unconfirmed(const struct belay_connection *c)
{
    const struct belay_handshake *h = c->handshake;

    if (h->is_held || h->is_refused)
        return;
    belay_connection_log(c, 2,
                         h->kind == BELAY_HANDSHAKE_NKPSK2
                             ? "a client never confirmed its handshake: its shared secret may "
                               "differ from ours"
                             : "a client never confirmed its handshake");
}

void belay_handshake_on_timer(struct belay_connection *c, uint64_t now_ns)
{
    struct belay_handshake *h = c->handshake;
    char text[96];

    if (c->stage == BELAY_STAGE_HALF_OPEN && now_ns >= c->timers_ns[BELAY_TIMER_HELLO]) {
        log_unconfirmed(c);
        belay_connection_end(c, BELAY_ETIMEDOUT, BELAY_CLOSE_NONE, "never confirmed");
        c->stage = BELAY_STAGE_DEAD;
        return;
    }
    if (c->stage != BELAY_STAGE_DIALING)
        return;
    if (now_ns >= c->timers_ns[BELAY_TIMER_CONNECT]) {
        if (h->hint) {
            fail_with_hint(c);
            return;
        }
        snprintf(text, sizeof(text),
                 h->is_retry_ignored
                     ? "the server took no proof of our address in %u attempts and %.1f s"
                     : "no answer to %u attempts in %.1f s",
                 h->sent_count, (double)(now_ns - h->first_sent_ns) / 1e9);
        belay_connection_end(c, BELAY_ETIMEDOUT, BELAY_CLOSE_NONE, text);
    } else if (now_ns >= c->timers_ns[BELAY_TIMER_HELLO]) {
        belay_timer_set(c, BELAY_TIMER_HELLO, BELAY_NEVER);
        if (h->hint && h->hint_attempts == 0) {
            fail_with_hint(c);
            return;
        }
        if (h->hint)
            h->hint_attempts--;
        h->send_due = true;
    }
}

/* ------------------------------------------------------------------ answers to a client */

static void take_hint(struct belay_connection *c, int error, uint64_t code, const char *reason,
                      size_t reason_len)
{
    struct belay_handshake *h = c->handshake;

    if (h->hint && reason_len == 0)
        return; /* the first one, or one that says more */
    h->hint = error;
    h->hint_code = code;
    if (reason_len >= sizeof(h->hint_reason))
        reason_len = sizeof(h->hint_reason) - 1;
    memcpy(h->hint_reason, reason, reason_len);
    h->hint_reason[reason_len] = '\0';
}

static void on_refuse(struct belay_connection *c, const struct belay_hello *hello)
{
    int error = hello->code == BELAY_CLOSE_KEY ? BELAY_EKEY : BELAY_EREFUSED;

    take_hint(c, error, hello->code, hello->reason, hello->reason_len);
}

/*
 * The server is there and asks for a proof of our address: the next INIT, at once, brings its
 * cookie and a fresh key. What was taken as a hint before is of no account any more. More than
 * a few are not followed: who answers each INIT with a RETRY must not keep us busy.
 */
static void on_retry(struct belay_connection *c, const struct belay_hello *hello)
{
    struct belay_handshake *h = c->handshake;

    h->is_retry_ignored = h->retry_count == RETRIES_MAX;
    if (h->is_retry_ignored)
        return;
    h->retry_count++;
    memcpy(h->cookie, hello->cookie, hello->cookie_len);
    h->cookie_len = hello->cookie_len;
    h->hint = 0;
    h->hint_attempts = HINT_ATTEMPTS;
    h->hint_reason[0] = '\0';
    if (belay_exchange_offer(c)) {
        belay_connection_end(c, BELAY_ENOMEM, BELAY_CLOSE_NONE, "no memory for the keys");
        return;
    }
    h->flight_count = 0;
    h->send_due = true;
}

static void on_versions(struct belay_connection *c, const struct belay_hello *hello)
{
    static const char text[] = "the server speaks other versions of the protocol";

    for (size_t i = 0; i < hello->versions_count; i++) {
        struct belay_reader r;

        belay_reader_init(&r, hello->versions + 4 * i, 4);
        if (belay_read_u32(&r) == BELAY_VERSION_1)
            return; /* it does speak ours: the list is not for us */
    }
    take_hint(c, BELAY_EVERSION, BELAY_CLOSE_NONE, text, sizeof(text) - 1);
}

static void on_accept(struct belay_connection *c, const struct belay_hello *hello,
                      const uint8_t *packet, uint64_t now_ns)
{
    const char *why = "";
    int error = belay_exchange_finish(c, hello, packet, &why);

    if (error == BELAY_ENOMEM)
        belay_connection_end(c, BELAY_ENOMEM, BELAY_CLOSE_NONE, "no memory for the keys");
    else if (error != 0)
        take_hint(c, error, error == BELAY_EKEY ? BELAY_CLOSE_KEY : BELAY_CLOSE_PROTOCOL, why,
                  strlen(why));
    else
        belay_connection_open(c, now_ns);
}

void belay_connection_on_hello(struct belay_connection *c, const struct belay_hello *hello,
                               uint8_t *packet, size_t len, uint64_t now_ns)
{
    bool is_valid;

    c->stats.datagrams_received++;
    c->stats.wire_bytes_received += len;
    if (c->stage != BELAY_STAGE_DIALING)
        return; /* a copy of what we had */
    is_valid = belay_hello_tag(c->env->suite, c->handshake->client_random, packet,
                               len - BELAY_TAG_BYTES, true) == 0;
    belay_connection_trace(c, false,
                           hello->type == BELAY_PACKET_ACCEPT   ? 'A'
                           : hello->type == BELAY_PACKET_RETRY  ? 'T'
                           : hello->type == BELAY_PACKET_REFUSE ? 'R'
                                                                : 'V',
                           0, len, NULL, 0, is_valid ? "ok" : "corrupt", now_ns);
    if (!is_valid) {
        c->stats.packets_corrupt++;
        return;
    }
    if (hello->type == BELAY_PACKET_ACCEPT)
        on_accept(c, hello, packet, now_ns);
    else if (hello->type == BELAY_PACKET_RETRY)
        on_retry(c, hello);
    else if (hello->type == BELAY_PACKET_REFUSE)
        on_refuse(c, hello);
    else if (hello->type == BELAY_PACKET_VERSIONS)
        on_versions(c, hello);
}

bool belay_connection_is_from(const struct belay_connection *c, const struct belay_hello *init)
{
    return c->handshake != NULL &&
           memcmp(c->handshake->client_random, init->random, BELAY_HELLO_RANDOM_BYTES) == 0;
}

void belay_connection_on_init_again(struct belay_connection *c, size_t len)
{
    c->stats.datagrams_received++;
    c->stats.wire_bytes_received += len;
    if (c->stage != BELAY_STAGE_HALF_OPEN)
        return;
    c->handshake->unproven.received_bytes += len;
    c->handshake->send_due = !c->handshake->is_held;
}

void belay_connection_on_unreachable(struct belay_connection *c, int error)
{
    if (c->stage == BELAY_STAGE_DIALING && !c->handshake->hint)
        take_hint(c, error, BELAY_CLOSE_NONE, "", 0);
}

void belay_connection_on_reflected(struct belay_connection *c)
{
    static const char text[] =
        "our own datagrams come back: a plain UDP echo is there, not Belay";

    if (c->stage == BELAY_STAGE_DIALING)
        take_hint(c, BELAY_EPROTO, BELAY_CLOSE_PROTOCOL, text, sizeof(text) - 1);
}

void belay_handshake_drop(struct belay_connection *c)
{
    if (c->handshake == NULL)
        return;
    belay_wipe(c->handshake, sizeof(*c->handshake));
    belay_mem_free(&c->mem, c->handshake, sizeof(*c->handshake));
    c->handshake = NULL;
}
