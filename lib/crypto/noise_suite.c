#include "crypto/noise_suite.h"

#include <assert.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "crypto/keys.h"
#include "crypto/mac.h"

#define NONCE_SIZE 12

static const struct {
    const char *name, *evp;
} ciphers[] = {
    [BELAY_NOISE_CHACHAPOLY] = {"ChaChaPoly", "ChaCha20-Poly1305"},
    [BELAY_NOISE_AESGCM] = {"AESGCM", "AES-256-GCM"},
};

static const struct {
    const char *name, *evp;
    size_t size;
} hashes[] = {
    [BELAY_NOISE_SHA256] = {"SHA256", "SHA256", 32},
    [BELAY_NOISE_SHA512] = {"SHA512", "SHA512", 64},
    [BELAY_NOISE_BLAKE2S] = {"BLAKE2s", "BLAKE2S-256", 32},
    [BELAY_NOISE_BLAKE2B] = {"BLAKE2b", "BLAKE2B-512", 64},
};

int belay_noise_suite_init(struct belay_noise_suite *suite, enum belay_noise_cipher cipher,
                           enum belay_noise_hash hash)
{
    *suite = (struct belay_noise_suite){
        .cipher_name = ciphers[cipher].name,
        .hash_name = hashes[hash].name,
        .hash_size = hashes[hash].size,
        .cipher = cipher,
        .digest = hashes[hash].evp,
        .aead = EVP_CIPHER_fetch(NULL, ciphers[cipher].evp, NULL),
        .md = EVP_MD_fetch(NULL, hashes[hash].evp, NULL),
        .hmac = EVP_MAC_fetch(NULL, "HMAC", NULL),
    };
    if (suite->aead != NULL && suite->md != NULL && suite->hmac != NULL)
        return BELAY_OK;
    belay_noise_suite_dispose(suite);
    return BELAY_ENOMEM;
}

void belay_noise_suite_dispose(struct belay_noise_suite *suite)
{
    EVP_CIPHER_free(suite->aead);
    EVP_MD_free(suite->md);
    EVP_MAC_free(suite->hmac);
    *suite = (struct belay_noise_suite){0};
}

int belay_noise_hash(const struct belay_noise_suite *suite, const void *a, size_t a_len,
                     const void *b, size_t b_len, uint8_t out[BELAY_NOISE_HASH_MAX])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx != NULL && EVP_DigestInit_ex2(ctx, suite->md, NULL) == 1 &&
             EVP_DigestUpdate(ctx, a, a_len) == 1 && EVP_DigestUpdate(ctx, b, b_len) == 1 &&
             EVP_DigestFinal_ex(ctx, out, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return ok ? BELAY_OK : BELAY_ENOMEM;
}

/* HMAC(key, a || b); key and out are hash_size long. */
static int hmac(const struct belay_noise_suite *suite, const uint8_t *key, const void *a,
                size_t a_len, const void *b, size_t b_len, uint8_t *out)
{
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(suite->hmac);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)suite->digest, 0),
        OSSL_PARAM_construct_end(),
    };
    const struct belay_mac_part parts[] = {{a, a_len}, {b, b_len}};
    int error = BELAY_ENOMEM;

    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) == 1)
        error = belay_mac(ctx, key, suite->hash_size, parts, 2, out, suite->hash_size);
    EVP_MAC_CTX_free(ctx); /* wipes its key */
    return error;
}

int belay_noise_hkdf(const struct belay_noise_suite *suite, const uint8_t *chaining_key,
                     const void *input, size_t input_len, unsigned count,
                     uint8_t out[3 * BELAY_NOISE_HASH_MAX])
{
    uint8_t temp[BELAY_NOISE_HASH_MAX];
    size_t size = suite->hash_size;
    int error = hmac(suite, chaining_key, input, input_len, "", 0, temp);

    for (uint8_t i = 1; error == 0 && i <= count; i++)
        error = hmac(suite, temp, i > 1 ? out + (i - 2) * size : out, i > 1 ? size : 0, &i, 1,
                     out + (i - 1) * size);
    belay_wipe(temp, sizeof(temp));
    if (error != 0)
        belay_wipe(out, count * size);
    return error;
}

/* Section 12: four zero bytes, then n: little-endian for ChaChaPoly, big-endian for AESGCM. */
static void make_nonce(const struct belay_noise_suite *suite, uint64_t n,
                       uint8_t nonce[NONCE_SIZE])
{
    memset(nonce, 0, NONCE_SIZE);
    for (unsigned i = 0; i < 8; i++)
        nonce[suite->cipher == BELAY_NOISE_AESGCM ? 11 - i : 4 + i] = (uint8_t)(n >> (8 * i));
}

static OSSL_PARAM tag_param(uint8_t *tag)
{
    return OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag,
                                             BELAY_NOISE_TAG_SIZE);
}

int belay_noise_encrypt(const struct belay_noise_suite *suite,
                        const uint8_t key[BELAY_NOISE_KEY_SIZE], uint64_t n, const void *ad,
                        size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    OSSL_PARAM params[] = {tag_param(out + len), OSSL_PARAM_construct_end()};
    uint8_t nonce[NONCE_SIZE], none[1];
    int moved, ok;

    assert(len <= INT_MAX && ad_len <= INT_MAX);
    make_nonce(suite, n, nonce);
    ok = ctx != NULL && EVP_EncryptInit_ex2(ctx, suite->aead, key, nonce, NULL) == 1 &&
         (ad_len == 0 || EVP_EncryptUpdate(ctx, NULL, &moved, ad, (int)ad_len) == 1) &&
         (len == 0 || EVP_EncryptUpdate(ctx, out, &moved, in, (int)len) == 1) &&
         EVP_EncryptFinal_ex(ctx, none, &moved) == 1 &&
         EVP_CIPHER_CTX_get_params(ctx, params) == 1;
    EVP_CIPHER_CTX_free(ctx); /* wipes the key */
    return ok ? BELAY_OK : BELAY_ENOMEM;
}

int belay_noise_decrypt(const struct belay_noise_suite *suite,
                        const uint8_t key[BELAY_NOISE_KEY_SIZE], uint64_t n, const void *ad,
                        size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t nonce[NONCE_SIZE], tag[BELAY_NOISE_TAG_SIZE], none[1];
    const OSSL_PARAM params[] = {tag_param(tag), OSSL_PARAM_construct_end()};
    int moved, error = BELAY_ENOMEM;

    assert(len <= INT_MAX && ad_len <= INT_MAX);
    make_nonce(suite, n, nonce);
    memcpy(tag, in + len, sizeof(tag));
    if (ctx != NULL && EVP_DecryptInit_ex2(ctx, suite->aead, key, nonce, params) == 1 &&
        (ad_len == 0 || EVP_DecryptUpdate(ctx, NULL, &moved, ad, (int)ad_len) == 1) &&
        (len == 0 || EVP_DecryptUpdate(ctx, out, &moved, in, (int)len) == 1))
        error = EVP_DecryptFinal_ex(ctx, none, &moved) == 1 ? BELAY_OK : BELAY_EPROTO;
    EVP_CIPHER_CTX_free(ctx);
    if (error != 0)
        belay_wipe(out, len);
    return error;
}
