#include "crypto/noise.h"

#include <stdio.h>
#include <string.h>

#include "crypto/keys.h"

enum token { END, E, S, EE, ES, SE, SS, PSK };

#define TOKENS_MAX 5

/* Revision 34, sections 7 and 9. */
static const struct {
    const char *name;
    bool knows_responder; /* <- s before the first message */
    uint8_t message[2][TOKENS_MAX];
} patterns[] = {
    [BELAY_NOISE_NN] = {"NN", false, {{E}, {E, EE}}},
    [BELAY_NOISE_NK] = {"NK", true, {{E, ES}, {E, EE}}},
    [BELAY_NOISE_NNPSK0] = {"NNpsk0", false, {{PSK, E}, {E, EE}}},
    [BELAY_NOISE_NKPSK2] = {"NKpsk2", true, {{E, ES}, {E, EE, PSK}}},
    [BELAY_NOISE_IK] = {"IK", true, {{E, ES, S, SS}, {E, EE, SE}}},
};

const char *belay_noise_pattern_name(enum belay_noise_pattern pattern)
{
    return patterns[pattern].name;
}

/* The tokens of message i, ended by END. */
static const uint8_t *tokens_of(const struct belay_noise *noise, unsigned i)
{
    return patterns[noise->pattern].message[i];
}

static bool uses(enum belay_noise_pattern pattern, enum token token)
{
    return memchr(patterns[pattern].message, token, sizeof(patterns[pattern].message)) != NULL;
}

/* ------------------------------------------------------------------ the symmetric state */

static int mix_hash(struct belay_noise *noise, const void *data, size_t len)
{
    return belay_noise_hash(noise->suite, noise->h, noise->suite->hash_size, data, len,
                            noise->h);
}

static void set_key(struct belay_noise *noise, const uint8_t *key)
{
    memcpy(noise->k, key, sizeof(noise->k)); /* of a longer hash the first 32 bytes */
    noise->has_key = true;
    noise->n = 0;
}

static int mix_key(struct belay_noise *noise, const void *input, size_t len)
{
    uint8_t out[3 * BELAY_NOISE_HASH_MAX];
    size_t size = noise->suite->hash_size;

    if (belay_noise_hkdf(noise->suite, noise->ck, input, len, 2, out) != 0)
        return BELAY_ENOMEM;
    memcpy(noise->ck, out, size);
    set_key(noise, out + size);
    belay_wipe(out, sizeof(out));
    return BELAY_OK;
}

static int mix_key_and_hash(struct belay_noise *noise, const void *input, size_t len)
{
    uint8_t out[3 * BELAY_NOISE_HASH_MAX];
    size_t size = noise->suite->hash_size;
    int error = belay_noise_hkdf(noise->suite, noise->ck, input, len, 3, out);

    if (error != 0)
        return error;
    memcpy(noise->ck, out, size);
    error = mix_hash(noise, out + size, size);
    set_key(noise, out + 2 * size);
    belay_wipe(out, sizeof(out));
    return error;
}

/* Writes len bytes, and a tag when there is a key. */
static int encrypt_and_hash(struct belay_noise *noise, const void *in, size_t len, uint8_t *out)
{
    size_t tag = noise->has_key ? BELAY_NOISE_TAG_SIZE : 0;

    if (!noise->has_key && len > 0)
        memcpy(out, in, len);
    else if (noise->has_key && belay_noise_encrypt(noise->suite, noise->k, noise->n++, noise->h,
                                                   noise->suite->hash_size, in, len, out) != 0)
        return BELAY_ENOMEM;
    return mix_hash(noise, out, len + tag);
}

/* Reads len bytes, and a tag when there is a key. */
static int decrypt_and_hash(struct belay_noise *noise, const uint8_t *in, size_t len,
                            uint8_t *out)
{
    size_t tag = noise->has_key ? BELAY_NOISE_TAG_SIZE : 0;
    int error = BELAY_OK;

    if (!noise->has_key && len > 0)
        memcpy(out, in, len);
    else if (noise->has_key)
        error = belay_noise_decrypt(noise->suite, noise->k, noise->n++, noise->h,
                                    noise->suite->hash_size, in, len, out);
    return error != 0 ? error : mix_hash(noise, in, len + tag);
}

/* ------------------------------------------------------------------ tokens */

static int mix_dh(struct belay_noise *noise, bool own_e, const uint8_t *peer)
{
    uint8_t secret[BELAY_DH_SIZE];
    int error = belay_dh(own_e ? noise->e_private : noise->s_private,
                         own_e ? noise->e_public : noise->s_public, peer, secret);

    if (error == 0)
        error = mix_key(noise, secret, sizeof(secret));
    belay_wipe(secret, sizeof(secret));
    return error;
}

/* `es` is the initiator's e with the responder's s, whoever computes it. */
static int take_dh(struct belay_noise *noise, enum token token)
{
    bool own_e = token == EE || (token == ES) == noise->is_initiator;
    bool peer_e = token == EE || (token == SE) == noise->is_initiator;

    if (token == SS)
        own_e = peer_e = false;
    return mix_dh(noise, own_e, peer_e ? noise->re : noise->rs);
}

/* After `e` was sent or read. */
static int mix_ephemeral(struct belay_noise *noise, const uint8_t key[BELAY_DH_SIZE])
{
    int error = mix_hash(noise, key, BELAY_DH_SIZE);

    return error == 0 && noise->has_psk ? mix_key(noise, key, BELAY_DH_SIZE) : error;
}

static size_t static_size(const struct belay_noise *noise)
{
    return BELAY_DH_SIZE + (noise->has_key ? BELAY_NOISE_TAG_SIZE : 0);
}

/* What puts nothing into the message is the same for who writes it and who reads it. */
static int mix_token(struct belay_noise *noise, enum token token)
{
    return token == PSK ? mix_key_and_hash(noise, noise->psk, sizeof(noise->psk))
                        : take_dh(noise, token);
}

static int write_token(struct belay_noise *noise, enum token token, uint8_t **out)
{
    int error;

    if (token == E) {
        memcpy(*out, noise->e_public, BELAY_DH_SIZE);
        *out += BELAY_DH_SIZE;
        return mix_ephemeral(noise, noise->e_public);
    }
    if (token == S) {
        error = encrypt_and_hash(noise, noise->s_public, BELAY_DH_SIZE, *out);
        *out += static_size(noise);
        return error;
    }
    return mix_token(noise, token);
}

static int read_token(struct belay_noise *noise, enum token token, const uint8_t **in)
{
    int error;

    if (token == E) {
        memcpy(noise->re, *in, BELAY_DH_SIZE);
        *in += BELAY_DH_SIZE;
        return mix_ephemeral(noise, noise->re);
    }
    if (token == S) {
        error = decrypt_and_hash(noise, *in, BELAY_DH_SIZE, noise->rs);
        *in += static_size(noise);
        return error;
    }
    return mix_token(noise, token);
}

/* ------------------------------------------------------------------ messages */

size_t belay_noise_overhead_of(enum belay_noise_pattern pattern, unsigned i)
{
    bool has_key = false;
    size_t len = 0;

    for (unsigned message = 0; message <= i; message++) {
        len = 0;
        for (const uint8_t *t = patterns[pattern].message[message]; *t != END; t++) {
            if (*t == E || *t == S)
                len += BELAY_DH_SIZE + (*t == S && has_key ? BELAY_NOISE_TAG_SIZE : 0);
            if (*t != S && (*t != E || uses(pattern, PSK)))
                has_key = true;
        }
    }
    return len + (has_key ? BELAY_NOISE_TAG_SIZE : 0);
}

size_t belay_noise_overhead(const struct belay_noise *noise)
{
    return belay_noise_is_done(noise)
               ? 0
               : belay_noise_overhead_of(noise->pattern, noise->messages);
}

bool belay_noise_is_done(const struct belay_noise *noise)
{
    return noise->messages == 2;
}

bool belay_noise_is_our_turn(const struct belay_noise *noise)
{
    return !belay_noise_is_done(noise) && (noise->messages == 0) == noise->is_initiator;
}

int belay_noise_write(struct belay_noise *noise, const void *payload, size_t payload_len,
                      uint8_t *out, size_t size, size_t *len)
{
    size_t total = payload_len + belay_noise_overhead(noise);
    int error = BELAY_OK;

    if (!belay_noise_is_our_turn(noise) || payload_len > BELAY_NOISE_MESSAGE_MAX ||
        total > BELAY_NOISE_MESSAGE_MAX || total > size)
        return BELAY_EINVAL;
    for (const uint8_t *t = tokens_of(noise, noise->messages); error == 0 && *t != END; t++)
        error = write_token(noise, *t, &out);
    if (error == 0)
        error = encrypt_and_hash(noise, payload, payload_len, out);
    if (error != 0)
        return error;
    noise->messages++;
    *len = total;
    return BELAY_OK;
}

int belay_noise_read(struct belay_noise *noise, const uint8_t *message, size_t len,
                     uint8_t *out, size_t size, size_t *payload_len)
{
    size_t overhead = belay_noise_overhead(noise);
    int error = BELAY_OK;

    if (belay_noise_is_done(noise) || belay_noise_is_our_turn(noise))
        return BELAY_EINVAL;
    if (len < overhead || len > BELAY_NOISE_MESSAGE_MAX)
        return BELAY_EPROTO;
    if (len - overhead > size)
        return BELAY_EINVAL;
    for (const uint8_t *t = tokens_of(noise, noise->messages); error == 0 && *t != END; t++)
        error = read_token(noise, *t, &message);
    if (error == 0)
        error = decrypt_and_hash(noise, message, len - overhead, out);
    if (error != 0)
        return error;
    noise->messages++;
    *payload_len = len - overhead;
    return BELAY_OK;
}

/* ------------------------------------------------------------------ begin and end */

/* h = the protocol's name, hashed when it is longer than a hash; ck = h. */
static int begin(struct belay_noise *noise)
{
    char name[64];
    int len =
        snprintf(name, sizeof(name), "Noise_%s_25519_%s_%s", patterns[noise->pattern].name,
                 noise->suite->cipher_name, noise->suite->hash_name);

    memset(noise->h, 0, sizeof(noise->h));
    if ((size_t)len <= noise->suite->hash_size)
        memcpy(noise->h, name, (size_t)len);
    else if (belay_noise_hash(noise->suite, name, (size_t)len, "", 0, noise->h) != 0)
        return BELAY_ENOMEM;
    memcpy(noise->ck, noise->h, sizeof(noise->ck));
    return BELAY_OK;
}

static bool copy_key(uint8_t *to, const uint8_t *from, bool is_needed)
{
    if (is_needed && from != NULL)
        memcpy(to, from, BELAY_DH_SIZE);
    return !is_needed || from != NULL;
}

/* Does this side take part with a static key of its own? */
static bool has_static(const struct belay_noise_config *config)
{
    return config->is_initiator ? uses(config->pattern, S) : uses(config->pattern, ES);
}

static bool copy_keys(struct belay_noise *noise, const struct belay_noise_config *config)
{
    bool knows = patterns[config->pattern].knows_responder;

    return copy_key(noise->e_private, config->ephemeral_private, true) &&
           copy_key(noise->s_private, config->own_private, has_static(config)) &&
           copy_key(noise->rs, config->peer_public, knows && config->is_initiator) &&
           copy_key(noise->psk, config->psk, noise->has_psk);
}

static int take_own_public(struct belay_noise *noise, const uint8_t *known)
{
    if (known == NULL)
        return belay_dh_public(noise->s_private, noise->s_public);
    memcpy(noise->s_public, known, BELAY_DH_SIZE);
    return BELAY_OK;
}

int belay_noise_init(struct belay_noise *noise, const struct belay_noise_suite *suite,
                     const struct belay_noise_config *config)
{
    int error;

    *noise = (struct belay_noise){
        .suite = suite,
        .pattern = config->pattern,
        .is_initiator = config->is_initiator,
        .has_psk = uses(config->pattern, PSK),
    };
    error = copy_keys(noise, config) ? begin(noise) : BELAY_EINVAL;
    if (error == 0)
        error = belay_dh_public(noise->e_private, noise->e_public);
    if (error == 0 && has_static(config))
        error = take_own_public(noise, config->own_public);
    if (error == 0)
        error = mix_hash(noise, config->prologue, config->prologue_len);
    if (error == 0 && patterns[config->pattern].knows_responder)
        error =
            mix_hash(noise, config->is_initiator ? noise->rs : noise->s_public, BELAY_DH_SIZE);
    if (error != 0)
        belay_noise_dispose(noise);
    return error;
}

void belay_noise_dispose(struct belay_noise *noise)
{
    belay_wipe(noise, sizeof(*noise));
}

const uint8_t *belay_noise_peer_public(const struct belay_noise *noise)
{
    return noise->pattern == BELAY_NOISE_IK && !noise->is_initiator && noise->messages > 0
               ? noise->rs
               : NULL;
}

int belay_noise_split(struct belay_noise *noise, uint8_t initiator_key[BELAY_NOISE_KEY_SIZE],
                      uint8_t responder_key[BELAY_NOISE_KEY_SIZE],
                      uint8_t hash[BELAY_NOISE_HASH_MAX])
{
    uint8_t out[3 * BELAY_NOISE_HASH_MAX];
    size_t size = noise->suite->hash_size;

    if (!belay_noise_is_done(noise))
        return BELAY_EINVAL;
    if (belay_noise_hkdf(noise->suite, noise->ck, "", 0, 2, out) != 0)
        return BELAY_ENOMEM;
    memcpy(initiator_key, out, BELAY_NOISE_KEY_SIZE);
    memcpy(responder_key, out + size, BELAY_NOISE_KEY_SIZE);
    memcpy(hash, noise->h, size);
    belay_wipe(out, sizeof(out));
    return BELAY_OK;
}
