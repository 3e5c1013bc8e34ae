/*
 * exchange.c - INIT and ACCEPT: both sides' transport parameters and what they need to agree on
 * keys, by Noise or, insecure, by two randoms. docs/protocol.md, "Handshake packets".
 */
#include "conn/hellotag.h"
#include "conn/private.h"

#include <stdio.h>
#include <string.h>

#define MS          UINT64_C(1000000)
#define PARAMS_SIZE 256

static enum belay_noise_pattern pattern_of(enum belay_handshake_kind kind)
{
    switch (kind) {
    case BELAY_HANDSHAKE_NK:
        return BELAY_NOISE_NK;
    case BELAY_HANDSHAKE_NNPSK0:
        return BELAY_NOISE_NNPSK0;
    case BELAY_HANDSHAKE_NKPSK2:
        return BELAY_NOISE_NKPSK2;
    case BELAY_HANDSHAKE_IK:
        return BELAY_NOISE_IK;
    case BELAY_HANDSHAKE_NN:
    case BELAY_HANDSHAKE_INSECURE:
    case BELAY_HANDSHAKES:
        break;
    }
    return BELAY_NOISE_NN;
}

/* ------------------------------------------------------------------ which handshake */

static enum belay_handshake_kind choose_kind(const struct belay_connection_env *env)
{
    if (env->config->insecure)
        return BELAY_HANDSHAKE_INSECURE;
    if (env->server_key == NULL)
        return env->config->has_psk ? BELAY_HANDSHAKE_NNPSK0 : BELAY_HANDSHAKE_NN;
    if (env->config->has_psk)
        return BELAY_HANDSHAKE_NKPSK2;
    return env->config->has_private_key ? BELAY_HANDSHAKE_IK : BELAY_HANDSHAKE_NK;
}

const char *belay_connection_refuses(const struct belay_core_config *config, unsigned kind,
                                     uint64_t *code)
{
    bool is_psk = kind == BELAY_HANDSHAKE_NNPSK0 || kind == BELAY_HANDSHAKE_NKPSK2;

    *code = BELAY_CLOSE_HANDSHAKE;
    if (kind >= BELAY_HANDSHAKES)
        return "the server does not know this kind of handshake";
    if (config->insecure)
        return kind == BELAY_HANDSHAKE_INSECURE
                   ? NULL
                   : "the server speaks in the clear: both sides must be insecure, or neither";
    if (kind == BELAY_HANDSHAKE_INSECURE)
        return "the server encrypts: both sides must be insecure, or neither";
    if (config->has_psk && !is_psk)
        return "the server asks for a shared secret";
    if (!config->has_psk && is_psk)
        return "the server has no shared secret";
    if (config->authorize && kind != BELAY_HANDSHAKE_IK)
        return "the server lets in only known clients: show a key of your own, and expect the "
               "server's";
    return NULL;
}

/* ------------------------------------------------------------------ parameters */

static void offer_aeads(const struct belay_connection *c, struct belay_transport_params *params)
{
    bool chacha = c->env->config->aead == BELAY_AEAD_CHACHA20_POLY1305;

    params->aeads[0] = chacha ? BELAY_AEAD_CHACHA20_POLY1305 : BELAY_AEAD_AES_256_GCM;
    params->aeads[1] = chacha ? BELAY_AEAD_AES_256_GCM : BELAY_AEAD_CHACHA20_POLY1305;
    params->aeads_count = 2;
}

/* AES-256-GCM where both prefer it, else ChaCha20-Poly1305, else what there is. 0: nothing. */
static uint8_t choose_aead(const struct belay_connection *c)
{
    const struct belay_transport_params *peer = &c->handshake->peer;
    bool has_aes = memchr(peer->aeads, BELAY_AEAD_AES_256_GCM, peer->aeads_count) != NULL;

    if (peer->aeads_count > 0 && peer->aeads[0] == BELAY_AEAD_AES_256_GCM &&
        c->env->config->aead == BELAY_AEAD_AES_256_GCM)
        return BELAY_AEAD_AES_256_GCM;
    if (memchr(peer->aeads, BELAY_AEAD_CHACHA20_POLY1305, peer->aeads_count) != NULL)
        return BELAY_AEAD_CHACHA20_POLY1305;
    return has_aes ? BELAY_AEAD_AES_256_GCM : 0;
}

/* aead: the server's choice; 0: the client's offer. */
static size_t build_params(const struct belay_connection *c, uint8_t aead,
                           uint8_t out[PARAMS_SIZE])
{
    const struct belay_core_config *config = c->env->config;
    struct belay_transport_params params;

    belay_transport_params_init(&params);
    params.datagram_size = config->datagram_size_max;
    params.message_size = config->message_size_max;
    params.max_messages = config->window_messages;
    params.channels = config->channels_max;
    params.ack_delay_us = (uint32_t)(config->ack_delay_max_ns / 1000);
    params.max_data = c->inbox.announced;
    params.idle_timeout_ms = config->idle_timeout_ns / MS;
    if (c->self.cid_len > 0) {
        params.has_reset_token = true;
        memcpy(params.reset_token, c->self.reset_token, sizeof(params.reset_token));
    }
    if (c->handshake->kind != BELAY_HANDSHAKE_INSECURE && aead == 0)
        offer_aeads(c, &params);
    else if (aead != 0)
        params.aeads[params.aeads_count++] = aead;
    return belay_transport_params_build(&params, out, PARAMS_SIZE);
}

/* ------------------------------------------------------------------ keys */

static void log_secret(const struct belay_connection *c, const char *label,
                       const uint8_t secret[BELAY_SECRET_SIZE])
{
    char line[32 + 2 * BELAY_NONCE_BYTES + 2 * BELAY_SECRET_SIZE];
    int at = snprintf(line, sizeof(line), "%s ", label);

    for (unsigned i = 0; i < BELAY_NONCE_BYTES; i++)
        at += snprintf(line + at, sizeof(line) - (size_t)at, "%02x", c->nonce[i]);
    line[at++] = ' ';
    for (unsigned i = 0; i < BELAY_SECRET_SIZE; i++)
        at += snprintf(line + at, sizeof(line) - (size_t)at, "%02x", secret[i]);
    c->env->keylog(c->env->keylog_ctx, line);
    belay_wipe(line, sizeof(line));
}

static int set_keys(struct belay_connection *c, enum belay_seal_algorithm algorithm,
                    const uint8_t *secret, size_t secret_len, const uint8_t *transcript,
                    size_t transcript_len)
{
    struct belay_traffic_secrets secrets;
    int error = belay_keys_derive(c->env->suite, secret, secret_len, transcript, transcript_len,
                                  &secrets);

    if (error == 0)
        error = belay_keyring_init(&c->keys, &c->mem, c->env->suite, algorithm,
                                   c->is_client ? secrets.client : secrets.server,
                                   c->is_client ? secrets.server : secrets.client,
                                   c->env->config->first_packet_number);
    if (error == 0 && c->env->keylog != NULL) {
        log_secret(c, "BELAY_CLIENT_SECRET", secrets.client);
        log_secret(c, "BELAY_SERVER_SECRET", secrets.server);
    }
    belay_wipe(&secrets, sizeof(secrets));
    return error;
}

/* Of both randoms, and both packets without their tags. */
static int set_insecure_keys(struct belay_connection *c, const uint8_t *server_random,
                             const uint8_t *init, const uint8_t *accept, size_t accept_len)
{
    uint8_t transcript[BELAY_INIT_BYTES + sizeof(c->handshake->accept)];
    uint8_t secret[2 * BELAY_HELLO_RANDOM_BYTES];
    size_t init_len = BELAY_INIT_BYTES - BELAY_TAG_BYTES;
    size_t len = accept_len - BELAY_TAG_BYTES;

    memcpy(secret, c->handshake->client_random, BELAY_HELLO_RANDOM_BYTES);
    memcpy(secret + BELAY_HELLO_RANDOM_BYTES, server_random, BELAY_HELLO_RANDOM_BYTES);
    memcpy(transcript, init, init_len);
    memcpy(transcript + init_len, accept, len);
    return set_keys(c, BELAY_SEAL_GMAC, secret, sizeof(secret), transcript, init_len + len);
}

/* Of both split keys, the handshake's hash, and what of the ACCEPT is in the clear. */
static int set_noise_keys(struct belay_connection *c, uint8_t aead, const uint8_t *accept,
                          size_t header_len)
{
    uint8_t secret[2 * BELAY_NOISE_KEY_SIZE], hash[BELAY_NOISE_HASH_MAX];
    uint8_t transcript[BELAY_NOISE_HASH_MAX + 64];
    size_t hash_size = c->env->noise->hash_size;
    int error =
        belay_noise_split(&c->handshake->noise, secret, secret + BELAY_NOISE_KEY_SIZE, hash);

    if (error != 0 || header_len > 64)
        return BELAY_ENOMEM;
    memcpy(transcript, hash, hash_size);
    memcpy(transcript + hash_size, accept, header_len);
    error = set_keys(c, (enum belay_seal_algorithm)aead, secret, sizeof(secret), transcript,
                     hash_size + header_len);
    belay_wipe(secret, sizeof(secret));
    belay_wipe(hash, sizeof(hash));
    belay_wipe(transcript, sizeof(transcript));
    return error;
}

/* prologue: the INIT up to its payload. */
static int begin_noise(struct belay_connection *c, const uint8_t *prologue, size_t len)
{
    uint8_t ephemeral[BELAY_DH_SIZE];
    struct belay_noise_config config = {
        .pattern = pattern_of(c->handshake->kind),
        .is_initiator = c->is_client,
        .prologue = prologue,
        .prologue_len = len,
        .own_private = c->env->private_key,
        .own_public = c->env->public_key,
        .peer_public = c->env->server_key,
        .psk = c->env->config->has_psk ? c->env->config->psk : NULL,
        .ephemeral_private = ephemeral,
    };
    int error;

    c->env->random.fill(c->env->random.ctx, ephemeral, sizeof(ephemeral));
    error = belay_noise_init(&c->handshake->noise, c->env->noise, &config);
    belay_wipe(ephemeral, sizeof(ephemeral));
    return error;
}

static void set_peer_key(struct belay_connection *c, const uint8_t *key)
{
    c->has_peer_key = true;
    memcpy(c->peer_key, key, sizeof(c->peer_key));
}

/* ------------------------------------------------------------------ the client's INIT */

static int tag(struct belay_connection *c, uint8_t *packet, size_t len)
{
    return belay_hello_tag(c->env->suite, c->handshake->client_random, packet, len, false);
}

/* The packet stands but for its payload, of len + overhead bytes at *payload. */
static int write_payload(struct belay_connection *c, const uint8_t *packet, uint8_t *payload,
                         const uint8_t *params, size_t len)
{
    size_t written;

    if (c->handshake->kind == BELAY_HANDSHAKE_INSECURE) {
        c->env->random.fill(c->env->random.ctx, payload, BELAY_HELLO_RANDOM_BYTES);
        memcpy(payload + BELAY_HELLO_RANDOM_BYTES, params, len);
        return BELAY_OK;
    }
    if (c->is_client && begin_noise(c, packet, (size_t)(payload - packet)) != 0)
        return BELAY_ENOMEM;
    return belay_noise_write(&c->handshake->noise, params, len, payload,
                             len + belay_noise_overhead(&c->handshake->noise), &written);
}

/* How much longer than its parameters a payload is, without the 32 bytes that it begins with.
 */
static size_t payload_overhead(const struct belay_connection *c, unsigned message)
{
    enum belay_handshake_kind kind = c->handshake->kind;

    return kind == BELAY_HANDSHAKE_INSECURE
               ? 0
               : belay_noise_overhead_of(pattern_of(kind), message) - BELAY_DH_SIZE;
}

int belay_exchange_offer(struct belay_connection *c)
{
    static const uint8_t blank[PARAMS_SIZE + 128];
    struct belay_handshake *h = c->handshake;
    uint8_t params[PARAMS_SIZE], *payload;
    struct belay_hello parsed, hello = {
                                   .type = BELAY_PACKET_INIT,
                                   .version = BELAY_VERSION_1,
                                   .client_cid = c->self.cid,
                                   .client_cid_len = c->self.cid_len,
                                   .nonce = c->nonce,
                                   .cookie = h->cookie,
                                   .cookie_len = h->cookie_len,
                                   .random = blank,
                                   .params = blank,
                               };
    size_t len, params_len;
    int error;

    h->kind = choose_kind(c->env);
    hello.handshake = (uint8_t)h->kind;
    params_len = build_params(c, 0, params);
    hello.params_len = params_len + payload_overhead(c, 0);
    len = belay_hello_build(&hello, h->init, sizeof(h->init));
    if (len == 0 || belay_hello_parse(&parsed, h->init, sizeof(h->init)) != 0)
        return BELAY_ENOMEM;
    payload = h->init + (parsed.random - h->init);
    error = write_payload(c, h->init, payload, params, params_len);
    memcpy(h->client_random, payload, sizeof(h->client_random));
    return error != 0 ? error : tag(c, h->init, len);
}

/* ------------------------------------------------------------------ the server's ACCEPT */

/* What the client's payload says, decrypted where it is. */
static int read_init(struct belay_connection *c, const struct belay_hello *init,
                     const uint8_t *packet, const char **why)
{
    struct belay_handshake *h = c->handshake;
    uint8_t params[BELAY_INIT_BYTES];
    size_t len = 0;
    int error;

    if (h->kind == BELAY_HANDSHAKE_INSECURE)
        return belay_transport_params_parse(&h->peer, init->params, init->params_len, why);
    if (begin_noise(c, packet, (size_t)(init->random - packet)) != 0)
        return BELAY_ENOMEM;
    error =
        belay_noise_read(&h->noise, init->random, BELAY_HELLO_RANDOM_BYTES + init->params_len,
                         params, sizeof(params), &len);
    if (error == BELAY_EPROTO) {
        *why = h->kind == BELAY_HANDSHAKE_NNPSK0
                   ? "the shared secrets of client and server differ"
                   : "the client expects another key of this server";
        return BELAY_EKEY;
    }
    if (error == 0)
        error = belay_transport_params_parse(&h->peer, params, len, why);
    if (error == 0 && belay_noise_peer_public(&h->noise) != NULL)
        set_peer_key(c, belay_noise_peer_public(&h->noise));
    return error;
}

/* What ACCEPT and REFUSE have of the client's INIT. */
static struct belay_hello answer(const struct belay_connection *c, enum belay_packet_type type)
{
    return (struct belay_hello){
        .type = type,
        .version = BELAY_VERSION_1,
        .client_cid = c->peer_cid,
        .client_cid_len = c->peer_has_cid ? BELAY_CID_BYTES : 0,
        .nonce = c->nonce,
    };
}

static size_t build_accept(struct belay_connection *c, size_t params_len, uint8_t **payload)
{
    static const uint8_t blank[PARAMS_SIZE + 128];
    struct belay_handshake *h = c->handshake;
    struct belay_hello parsed, hello = answer(c, BELAY_PACKET_ACCEPT);
    size_t len;

    hello.server_cid = c->self.cid;
    hello.random = hello.params = blank;
    hello.params_len = params_len + payload_overhead(c, 1);
    len = belay_hello_build(&hello, h->accept, sizeof(h->accept) - BELAY_TAG_BYTES);
    if (len == 0 || belay_hello_parse(&parsed, h->accept, len + BELAY_TAG_BYTES) != 0)
        return 0;
    *payload = h->accept + (parsed.random - h->accept);
    h->accept_len = len + BELAY_TAG_BYTES;
    return len;
}

static int make_accept(struct belay_connection *c, uint8_t aead, const uint8_t *init)
{
    struct belay_handshake *h = c->handshake;
    uint8_t params[PARAMS_SIZE], *payload = NULL;
    size_t params_len = build_params(c, aead, params);
    size_t len = build_accept(c, params_len, &payload);
    int error;

    if (len == 0)
        return BELAY_ENOMEM;
    error = write_payload(c, h->accept, payload, params, params_len);
    if (error == 0)
        error = tag(c, h->accept, len);
    if (error != 0)
        return error;
    if (h->kind == BELAY_HANDSHAKE_INSECURE)
        return set_insecure_keys(c, payload, init, h->accept, h->accept_len);
    return set_noise_keys(c, aead, h->accept, (size_t)(payload - h->accept));
}

int belay_exchange_answer(struct belay_connection *c, const struct belay_hello *init,
                          const uint8_t *packet, const char **why)
{
    struct belay_handshake *h = c->handshake;
    uint8_t aead = 0;
    int error;

    h->kind = (enum belay_handshake_kind)init->handshake;
    memcpy(c->nonce, init->nonce, sizeof(c->nonce));
    memcpy(h->client_random, init->random, sizeof(h->client_random));
    c->peer_has_cid = init->client_cid_len > 0;
    if (c->peer_has_cid)
        memcpy(c->peer_cid, init->client_cid, BELAY_CID_BYTES);
    error = read_init(c, init, packet, why);
    if (error != 0)
        return error;
    if (h->kind != BELAY_HANDSHAKE_INSECURE && (aead = choose_aead(c)) == 0) {
        *why = "client and server have no cipher in common";
        return BELAY_EPROTO;
    }
    error = make_accept(c, aead, packet);
    if (error == BELAY_EPROTO)
        *why = "the client's key is none"; /* of low order: no secret comes of it */
    return error;
}

int belay_exchange_refuse(struct belay_connection *c, uint64_t code, const char *reason)
{
    struct belay_handshake *h = c->handshake;
    struct belay_hello hello = answer(c, BELAY_PACKET_REFUSE);
    size_t len;

    hello.code = code;
    hello.reason = reason;
    hello.reason_len = strlen(reason);
    len = belay_hello_build(&hello, h->accept, sizeof(h->accept) - BELAY_TAG_BYTES);
    if (len == 0)
        return BELAY_ENOMEM;
    h->accept_len = len + BELAY_TAG_BYTES;
    return tag(c, h->accept, len);
}

/* ------------------------------------------------------------------ the client, again */

/* Into *peer; the connection stays as it was until all is found right. */
static int read_accept(struct belay_connection *c, const struct belay_hello *accept,
                       struct belay_transport_params *peer, const char **why)
{
    struct belay_handshake *h = c->handshake;
    uint8_t params[sizeof(h->accept)];
    struct belay_noise before;
    size_t len = 0;
    int error;

    if (h->kind == BELAY_HANDSHAKE_INSECURE)
        return belay_transport_params_parse(peer, accept->params, accept->params_len, why);
    before = h->noise;
    error = belay_noise_read(&h->noise, accept->random,
                             BELAY_HELLO_RANDOM_BYTES + accept->params_len, params,
                             sizeof(params), &len);
    if (error == 0)
        error = belay_transport_params_parse(peer, params, len, why);
    else if (error == BELAY_EPROTO) {
        *why = h->kind == BELAY_HANDSHAKE_NKPSK2
                   ? "the shared secrets of client and server differ"
                   : "an answer that only the server could have made is not from it";
        error = BELAY_EKEY;
    }
    if (error != 0)
        h->noise = before; /* a forged answer: the true one may still come */
    belay_wipe(&before, sizeof(before));
    return error;
}

static bool is_chosen(const struct belay_connection *c,
                      const struct belay_transport_params *peer)
{
    if (c->handshake->kind == BELAY_HANDSHAKE_INSECURE)
        return true;
    return peer->aeads_count == 1 && (peer->aeads[0] == BELAY_AEAD_AES_256_GCM ||
                                      peer->aeads[0] == BELAY_AEAD_CHACHA20_POLY1305);
}

int belay_exchange_finish(struct belay_connection *c, const struct belay_hello *accept,
                          const uint8_t *packet, const char **why)
{
    struct belay_handshake *h = c->handshake;
    size_t header_len = (size_t)(accept->random - packet);
    size_t len = header_len + BELAY_HELLO_RANDOM_BYTES + accept->params_len + BELAY_TAG_BYTES;
    struct belay_transport_params peer;
    int error;

    *why = "";
    belay_transport_params_init(&peer);
    if (len > sizeof(h->accept))
        return BELAY_EPROTO;
    error = read_accept(c, accept, &peer, why);
    if (error != 0)
        return error;
    if (!is_chosen(c, &peer)) {
        *why = "the server chose a cipher that was not on offer";
        return BELAY_EPROTO;
    }
    h->peer = peer;
    c->peer_has_cid = true;
    memcpy(c->peer_cid, accept->server_cid, BELAY_CID_BYTES);
    if (h->kind == BELAY_HANDSHAKE_INSECURE)
        return set_insecure_keys(c, accept->random, h->init, packet, len);
    if (h->kind != BELAY_HANDSHAKE_NN && h->kind != BELAY_HANDSHAKE_NNPSK0)
        set_peer_key(c, h->noise.rs);
    return set_noise_keys(c, peer.aeads[0], packet, header_len);
}
