#include "crypto/suite.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static EVP_MAC_CTX *new_hmac_sha256(void)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (mac == NULL)
        return NULL;
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac); /* ctx holds its own reference */
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

int belay_suite_init(struct belay_suite *suite)
{
    suite->aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    suite->chacha20_poly1305 = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    suite->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    suite->hmac_sha256 = new_hmac_sha256();
    if (suite->aes_256_gcm == NULL || suite->chacha20_poly1305 == NULL ||
        suite->sha256 == NULL || suite->hmac_sha256 == NULL) {
        belay_suite_dispose(suite);
        return BELAY_ENOMEM;
    }
    belay_fast_init(&suite->fast);
    return 0;
}

void belay_suite_dispose(struct belay_suite *suite)
{
    EVP_CIPHER_free(suite->aes_256_gcm);
    EVP_CIPHER_free(suite->chacha20_poly1305);
    EVP_MD_free(suite->sha256);
    EVP_MAC_CTX_free(suite->hmac_sha256);
    *suite = (struct belay_suite){0};
}
