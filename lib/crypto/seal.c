#include "crypto/suite.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#define PACKET_SIZE_MAX 65535

static EVP_CIPHER *cipher_of(struct belay_suite *suite, unsigned algorithm)
{
    return algorithm == BELAY_SEAL_CHACHA20_POLY1305 ? suite->chacha20_poly1305
                                                     : suite->aes_256_gcm;
}

static int expand_ctx(EVP_CIPHER_CTX *ctx, EVP_CIPHER *cipher, const uint8_t *key)
{
    return EVP_EncryptInit_ex2(ctx, cipher, key, NULL, NULL) == 1 ? BELAY_OK : BELAY_ENOMEM;
}

static bool is_for_fast(const struct belay_seal *seal, const struct belay_suite *suite)
{
    return seal->algorithm != BELAY_SEAL_CHACHA20_POLY1305 && belay_fast_is_here(&suite->fast);
}

/* To keep. */
static int expand(struct belay_seal *seal, struct belay_suite *suite)
{
    if (is_for_fast(seal, suite)) {
        seal->fast = belay_fast_key_new(&suite->fast, seal->key);
        return seal->fast != NULL ? BELAY_OK : BELAY_ENOMEM;
    }
    seal->ctx = EVP_CIPHER_CTX_new();
    if (seal->ctx != NULL &&
        expand_ctx(seal->ctx, cipher_of(suite, seal->algorithm), seal->key) == 0)
        return BELAY_OK;
    belay_seal_rest(seal);
    return BELAY_ENOMEM;
}

static int borrow(struct belay_seal *seal, struct belay_suite *suite)
{
    if (is_for_fast(seal, suite)) {
        belay_fast_key_set(suite->spare_fast, seal->key);
        seal->fast = suite->spare_fast;
    } else {
        if (expand_ctx(suite->spare_ctx, cipher_of(suite, seal->algorithm), seal->key) != 0)
            return BELAY_ENOMEM;
        seal->ctx = suite->spare_ctx;
    }
    seal->is_lent = true;
    return BELAY_OK;
}

int belay_seal_wake(struct belay_seal *seal, struct belay_suite *suite)
{
    if (seal->fast != NULL || seal->ctx != NULL)
        return 0;
    return seal->is_lent ? expand(seal, suite) : borrow(seal, suite);
}

void belay_seal_nap(struct belay_seal *seal, const struct belay_suite *suite)
{
    if (seal->fast == suite->spare_fast)
        seal->fast = NULL;
    if (seal->ctx == suite->spare_ctx)
        seal->ctx = NULL;
}

void belay_seal_rest(struct belay_seal *seal)
{
    belay_fast_key_free(seal->fast);
    EVP_CIPHER_CTX_free(seal->ctx); /* wipes the key */
    seal->fast = NULL;
    seal->ctx = NULL;
    seal->is_lent = false;
}

int belay_seal_init(struct belay_seal *seal, struct belay_suite *suite,
                    enum belay_seal_algorithm algorithm, const uint8_t key[BELAY_SEAL_KEY_SIZE],
                    const uint8_t iv[BELAY_SEAL_IV_SIZE])
{
    int error;

    *seal = (struct belay_seal){.algorithm = (uint8_t)algorithm};
    memcpy(seal->key, key, sizeof(seal->key));
    memcpy(seal->iv, iv, sizeof(seal->iv));
    error = expand(seal, suite);
    if (error != 0)
        belay_seal_dispose(seal);
    return error;
}

void belay_seal_dispose(struct belay_seal *seal)
{
    belay_seal_rest(seal);
    OPENSSL_cleanse(seal, sizeof(*seal));
}

static void make_nonce(const struct belay_seal *seal, uint64_t packet_number,
                       uint8_t nonce[BELAY_SEAL_IV_SIZE])
{
    memcpy(nonce, seal->iv, BELAY_SEAL_IV_SIZE);
    for (unsigned i = 0; i < 8; i++)
        nonce[BELAY_SEAL_IV_SIZE - 1 - i] ^= (uint8_t)(packet_number >> (8 * i));
}

static OSSL_PARAM tag_param(uint8_t tag[BELAY_TAG_SIZE])
{
    return OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, BELAY_TAG_SIZE);
}

/* The key schedule stays in the context from one packet to the next; only the nonce is new. Of
 * data, aad_len bytes are only authenticated and the rest is encrypted too. */
static bool encrypt(struct belay_seal *seal, uint64_t packet_number, uint8_t *data,
                    size_t aad_len, size_t len, uint8_t tag[BELAY_TAG_SIZE])
{
    uint8_t nonce[BELAY_SEAL_IV_SIZE], none[1];
    OSSL_PARAM params[] = {tag_param(tag), OSSL_PARAM_construct_end()};
    int n;

    make_nonce(seal, packet_number, nonce);
    if (seal->fast != NULL) {
        belay_fast_encrypt(seal->fast, nonce, data, aad_len, len, tag);
        return true;
    }
    return EVP_EncryptInit_ex2(seal->ctx, NULL, NULL, nonce, NULL) == 1 &&
           EVP_EncryptUpdate(seal->ctx, NULL, &n, data, (int)aad_len) == 1 &&
           (len == 0 ||
            EVP_EncryptUpdate(seal->ctx, data + aad_len, &n, data + aad_len, (int)len) == 1) &&
           EVP_EncryptFinal_ex(seal->ctx, none, &n) == 1 &&
           EVP_CIPHER_CTX_get_params(seal->ctx, params) == 1;
}

static bool decrypt(struct belay_seal *seal, uint64_t packet_number, uint8_t *data,
                    size_t aad_len, size_t len, uint8_t tag[BELAY_TAG_SIZE])
{
    uint8_t nonce[BELAY_SEAL_IV_SIZE], none[1];
    const OSSL_PARAM params[] = {tag_param(tag), OSSL_PARAM_construct_end()};
    int n;

    make_nonce(seal, packet_number, nonce);
    if (seal->fast != NULL) {
        uint8_t made[BELAY_TAG_SIZE];

        belay_fast_decrypt(seal->fast, nonce, data, aad_len, len, made);
        return CRYPTO_memcmp(made, tag, sizeof(made)) == 0;
    }
    return EVP_DecryptInit_ex2(seal->ctx, NULL, NULL, nonce, params) == 1 &&
           EVP_DecryptUpdate(seal->ctx, NULL, &n, data, (int)aad_len) == 1 &&
           (len == 0 ||
            EVP_DecryptUpdate(seal->ctx, data + aad_len, &n, data + aad_len, (int)len) == 1) &&
           EVP_DecryptFinal_ex(seal->ctx, none, &n) == 1;
}

int belay_seal_packet(struct belay_seal *seal, uint64_t packet_number, uint8_t *packet,
                      size_t header_len, size_t payload_len)
{
    size_t len = header_len + payload_len;
    size_t aad_len = seal->algorithm == BELAY_SEAL_GMAC ? len : header_len;

    assert(len <= PACKET_SIZE_MAX - BELAY_TAG_SIZE);
    return encrypt(seal, packet_number, packet, aad_len, len - aad_len, packet + len)
               ? BELAY_OK
               : BELAY_ENOMEM;
}

/* GMAC's tag is made anew and compared: the packet stays as it was. */
static bool check_gmac(struct belay_seal *seal, uint64_t packet_number, uint8_t *packet,
                       size_t len)
{
    uint8_t tag[BELAY_TAG_SIZE];

    return encrypt(seal, packet_number, packet, len, 0, tag) &&
           CRYPTO_memcmp(tag, packet + len, sizeof(tag)) == 0;
}

int belay_open_packet(struct belay_seal *seal, uint64_t packet_number, uint8_t *packet,
                      size_t header_len, size_t payload_len)
{
    size_t len = header_len + payload_len;
    bool ok;

    assert(len <= PACKET_SIZE_MAX - BELAY_TAG_SIZE);
    if (seal->algorithm == BELAY_SEAL_GMAC)
        ok = check_gmac(seal, packet_number, packet, len);
    else
        ok = decrypt(seal, packet_number, packet, header_len, payload_len, packet + len);
    return ok ? BELAY_OK : BELAY_EPROTO;
}
