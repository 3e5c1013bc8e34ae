#include "crypto/suite.h"

#include "crypto/mac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static EVP_MAC_CTX *new_mac(const char *name, OSSL_PARAM param)
{
    const OSSL_PARAM params[] = {param, OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
    EVP_MAC_CTX *ctx;

    if (mac == NULL)
        return NULL;
    ctx = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac); /* ctx holds its own reference */
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static EVP_MAC_CTX *new_hmac_sha256(void)
{
    char digest[] = "SHA256";

    return new_mac("HMAC", OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0));
}

static EVP_MAC_CTX *new_siphash(void)
{
    size_t size = BELAY_SIPHASH_SIZE;

    return new_mac("SIPHASH", OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size));
}

/* SHA-256("belay1 hello"): no secret, as QUIC's key for Retry packets (RFC 9001, section 5.8).
 */
static const uint8_t hello_key[BELAY_SEAL_KEY_SIZE] = {
    0x9f, 0xa6, 0xb1, 0x82, 0xcf, 0x68, 0xdd, 0xb2, 0x50, 0x90, 0xf2,
    0xfd, 0x53, 0xb8, 0x0d, 0xcb, 0x0b, 0xe5, 0x63, 0xa3, 0xc0, 0x98,
    0x47, 0xc2, 0xba, 0x21, 0xd2, 0xad, 0x20, 0xab, 0x6d, 0xcc,
};

static int init_hello(struct belay_suite *suite)
{
    static const uint8_t no_iv[BELAY_SEAL_IV_SIZE];

    return belay_seal_init(&suite->hello, suite, BELAY_SEAL_GMAC, hello_key, no_iv);
}

/* A cipher without AES has no fast one. */
static int init_spare(struct belay_suite *suite)
{
    static const uint8_t key[BELAY_SEAL_KEY_SIZE];

    suite->spare_ctx = EVP_CIPHER_CTX_new();
    if (belay_fast_is_here(&suite->fast))
        suite->spare_fast = belay_fast_key_new(&suite->fast, key);
    return suite->spare_ctx != NULL &&
                   (suite->spare_fast != NULL || !belay_fast_is_here(&suite->fast))
               ? BELAY_OK
               : BELAY_ENOMEM;
}

int belay_suite_init(struct belay_suite *suite)
{
    *suite = (struct belay_suite){0};
    belay_fast_init(&suite->fast);
    suite->aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    suite->chacha20_poly1305 = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    suite->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    suite->hmac_sha256 = new_hmac_sha256();
    suite->siphash = new_siphash();
    if (suite->aes_256_gcm == NULL || suite->chacha20_poly1305 == NULL ||
        suite->sha256 == NULL || suite->hmac_sha256 == NULL || suite->siphash == NULL ||
        init_hello(suite) != 0 || init_spare(suite) != 0) {
        belay_suite_dispose(suite);
        return BELAY_ENOMEM;
    }
    return 0;
}

void belay_suite_dispose(struct belay_suite *suite)
{
    belay_seal_dispose(&suite->hello);
    belay_fast_key_free(suite->spare_fast);
    EVP_CIPHER_CTX_free(suite->spare_ctx);
    EVP_CIPHER_free(suite->aes_256_gcm);
    EVP_CIPHER_free(suite->chacha20_poly1305);
    EVP_MD_free(suite->sha256);
    EVP_MAC_CTX_free(suite->hmac_sha256);
    EVP_MAC_CTX_free(suite->siphash);
    *suite = (struct belay_suite){0};
}
