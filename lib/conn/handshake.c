/*
 * handshake.c - INIT and ACCEPT: both sides' randoms and transport parameters, and from them
 * the keys. docs/protocol.md, "Handshake packets".
 */
#include "conn/hellotag.h"
#include "conn/private.h"

#include <stdio.h>
#include <string.h>

#define MS UINT64_C(1000000)

/* The first flight: six INITs 50 ms apart, then doubling gaps up to the cap. */
static uint64_t init_gap_ns(unsigned sent_count)
{
    unsigned doublings;

    if (sent_count < 6)
        return 50 * MS;
    doublings = sent_count - 5;
    return doublings > 5 ? 2000 * MS : (50 * MS) << doublings;
}

static void own_params(const struct belay_connection *c, struct belay_transport_params *params)
{
    const struct belay_core_config *config = c->env->config;

    belay_transport_params_init(params);
    params->datagram_size = config->datagram_size;
    params->message_size = config->message_size_max;
    params->max_messages = config->window_messages;
    params->channels = config->channels_max;
    params->ack_delay_us = (uint32_t)(config->ack_delay_max_ns / 1000);
    params->max_data = c->inbox.announced;
    params->idle_timeout_ms = config->idle_timeout_ns / MS;
    if (c->self.cid_len > 0) {
        params->has_reset_token = true;
        memcpy(params->reset_token, c->self.reset_token, sizeof(params->reset_token));
    }
}

static int hello_tag(const struct belay_connection *c, enum belay_packet_type type,
                     uint32_t version, uint8_t *packet, size_t len, bool check)
{
    return belay_hello_tag(c->env->suite, type, version, c->nonce, c->handshake->secret, packet,
                           len, check);
}

/* The keys of DATA packets, from both randoms and both hello packets without their tags. */
static int derive_keys(struct belay_connection *c, const uint8_t *init, const uint8_t *accept,
                       size_t accept_len)
{
    uint8_t transcript[BELAY_INIT_BYTES + sizeof(c->handshake->accept)];
    size_t init_len = BELAY_INIT_BYTES - BELAY_TAG_BYTES;
    struct belay_packet_keys keys;
    int error;

    memcpy(transcript, init, init_len);
    memcpy(transcript + init_len, accept, accept_len - BELAY_TAG_BYTES);
    error = belay_keys_derive(c->env->suite, c->handshake->secret, sizeof(c->handshake->secret),
                              transcript, init_len + accept_len - BELAY_TAG_BYTES, &keys);
    if (error)
        return error;
    error = belay_seal_init(&c->seal_out, c->env->suite,
                            c->is_client ? keys.client_key : keys.server_key,
                            c->is_client ? keys.client_iv : keys.server_iv);
    if (!error)
        error = belay_seal_init(&c->seal_in, c->env->suite,
                                c->is_client ? keys.server_key : keys.client_key,
                                c->is_client ? keys.server_iv : keys.client_iv);
    belay_wipe(&keys, sizeof(keys));
    return error;
}

static int build_init(struct belay_connection *c)
{
    struct belay_transport_params params;
    uint8_t encoded[256];
    struct belay_hello hello = {
        .type = BELAY_PACKET_INIT,
        .version = BELAY_VERSION_1,
        .client_cid = c->self.cid,
        .client_cid_len = c->self.cid_len,
        .nonce = c->nonce,
        .random = c->handshake->secret,
        .params = encoded,
    };
    size_t len;

    own_params(c, &params);
    hello.params_len = belay_transport_params_build(&params, encoded, sizeof(encoded));
    len = belay_hello_build(&hello, c->handshake->init, sizeof(c->handshake->init));
    return hello_tag(c, BELAY_PACKET_INIT, BELAY_VERSION_1, c->handshake->init, len, false);
}

static int build_accept(struct belay_connection *c)
{
    struct belay_transport_params params;
    uint8_t encoded[256];
    struct belay_hello hello = {
        .type = BELAY_PACKET_ACCEPT,
        .version = BELAY_VERSION_1,
        .client_cid = c->peer_cid,
        .client_cid_len = c->peer_has_cid ? BELAY_CID_BYTES : 0,
        .nonce = c->nonce,
        .server_cid = c->self.cid,
        .random = c->handshake->secret + BELAY_HELLO_RANDOM_BYTES,
        .params = encoded,
    };
    size_t len;

    own_params(c, &params);
    hello.params_len = belay_transport_params_build(&params, encoded, sizeof(encoded));
    len = belay_hello_build(&hello, c->handshake->accept,
                            sizeof(c->handshake->accept) - BELAY_TAG_BYTES);
    c->handshake->accept_len = len + BELAY_TAG_BYTES;
    return hello_tag(c, BELAY_PACKET_ACCEPT, BELAY_VERSION_1, c->handshake->accept, len, false);
}

int belay_handshake_start(struct belay_connection *c)
{
    c->env->random.fill(c->env->random.ctx, c->nonce, sizeof(c->nonce));
    c->env->random.fill(c->env->random.ctx, c->handshake->secret, BELAY_HELLO_RANDOM_BYTES);
    c->handshake->send_due = true;
    c->handshake->hint_attempts = 3;
    return build_init(c);
}

int belay_handshake_answer(struct belay_connection *c, const struct belay_hello *init,
                           const uint8_t *packet, const char **why)
{
    int error;

    *why = "";
    memcpy(c->nonce, init->nonce, sizeof(c->nonce));
    memcpy(c->handshake->secret, init->random, BELAY_HELLO_RANDOM_BYTES);
    error = belay_transport_params_parse(&c->peer, init->params, init->params_len, why);
    if (error)
        return error;
    c->peer_has_cid = init->client_cid_len > 0;
    if (c->peer_has_cid)
        memcpy(c->peer_cid, init->client_cid, BELAY_CID_BYTES);
    c->env->random.fill(c->env->random.ctx, c->handshake->secret + BELAY_HELLO_RANDOM_BYTES,
                        BELAY_HELLO_RANDOM_BYTES);
    error = build_accept(c);
    if (!error)
        error = derive_keys(c, packet, c->handshake->accept, c->handshake->accept_len);
    c->handshake->send_due = true;
    return error;
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
    c->stats.datagrams_sent++;
    c->stats.wire_bytes_sent += len;
    if (is_init) {
        belay_timer_set(c, BELAY_TIMER_HELLO,
                        belay_time_add(now_ns, init_gap_ns(h->sent_count)));
        if (h->sent_count == 1)
            belay_timer_set(c, BELAY_TIMER_CONNECT,
                            belay_time_add(now_ns, c->env->config->connect_timeout_ns));
    }
    belay_connection_trace(c, true, is_init ? 'I' : 'A', 0, len, NULL, 0, "ok", now_ns);
    return 1;
}

static void fail_with_hint(struct belay_connection *c)
{
    struct belay_handshake *h = c->handshake;
    char text[sizeof(c->event.reason)];

    memcpy(text, c->event.reason, sizeof(text));
    if (text[0] == '\0')
        snprintf(text, sizeof(text), "%s",
                 h->hint == BELAY_EREFUSED ? "nothing listens at that address and port"
                                           : belay_strerror(h->hint));
    belay_connection_end(c, h->hint, h->hint_code, text);
}

void belay_handshake_on_timer(struct belay_connection *c, uint64_t now_ns)
{
    struct belay_handshake *h = c->handshake;
    char text[96];

    if (c->stage == BELAY_STAGE_HALF_OPEN && now_ns >= c->timers_ns[BELAY_TIMER_HELLO]) {
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
        snprintf(text, sizeof(text), "no answer to %u attempts in %.1f s", h->sent_count,
                 (double)(now_ns - h->first_sent_ns) / 1e9);
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
    if (reason_len >= sizeof(c->event.reason))
        reason_len = sizeof(c->event.reason) - 1;
    memcpy(c->event.reason, reason, reason_len);
    c->event.reason[reason_len] = '\0';
}

static void on_refuse(struct belay_connection *c, const struct belay_hello *hello)
{
    take_hint(c, BELAY_EREFUSED, hello->code, hello->reason, hello->reason_len);
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
                      const uint8_t *packet, size_t len, uint64_t now_ns)
{
    struct belay_transport_params peer;
    const char *why = "";

    belay_transport_params_init(&peer);
    if (len > sizeof(c->handshake->accept) ||
        belay_transport_params_parse(&peer, hello->params, hello->params_len, &why)) {
        take_hint(c, BELAY_EPROTO, BELAY_CLOSE_PROTOCOL, why, strlen(why));
        return;
    }
    c->peer = peer;
    c->peer_has_cid = true;
    memcpy(c->peer_cid, hello->server_cid, BELAY_CID_BYTES);
    memcpy(c->handshake->secret + BELAY_HELLO_RANDOM_BYTES, hello->random,
           BELAY_HELLO_RANDOM_BYTES);
    if (derive_keys(c, c->handshake->init, packet, len)) {
        belay_connection_end(c, BELAY_ENOMEM, BELAY_CLOSE_NONE, "no memory for the keys");
        return;
    }
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
    is_valid =
        hello_tag(c, hello->type, hello->version, packet, len - BELAY_TAG_BYTES, true) == 0;
    belay_connection_trace(c, false,
                           hello->type == BELAY_PACKET_ACCEPT   ? 'A'
                           : hello->type == BELAY_PACKET_REFUSE ? 'R'
                                                                : 'V',
                           0, len, NULL, 0, is_valid ? "ok" : "corrupt", now_ns);
    if (!is_valid) {
        c->stats.packets_corrupt++;
        return;
    }
    if (hello->type == BELAY_PACKET_ACCEPT)
        on_accept(c, hello, packet, len, now_ns);
    else if (hello->type == BELAY_PACKET_REFUSE)
        on_refuse(c, hello);
    else if (hello->type == BELAY_PACKET_VERSIONS)
        on_versions(c, hello);
}

void belay_connection_on_init_again(struct belay_connection *c, size_t len)
{
    c->stats.datagrams_received++;
    c->stats.wire_bytes_received += len;
    if (c->stage == BELAY_STAGE_HALF_OPEN)
        c->handshake->send_due = true;
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
