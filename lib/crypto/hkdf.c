#include "crypto/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

/* OSSL_PARAM has no const, but libcrypto only reads what is set through it. */
static OSSL_PARAM octets(const char *name, const void *data, size_t len)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)data, len);
}

/* mode decides what extra is: the salt or the info. */
static int derive(struct belay_suite *suite, int mode, OSSL_PARAM key, OSSL_PARAM extra,
                  uint8_t *out, size_t out_len)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        key,
        extra,
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(suite->hkdf);
    if (ctx == NULL)
        return BELAY_ENOMEM;
    int ok = EVP_KDF_derive(ctx, out, out_len, params);
    EVP_KDF_CTX_free(ctx); /* wipes its copy of the key */
    return ok == 1 ? 0 : BELAY_ENOMEM;
}

int belay_hkdf_extract(struct belay_suite *suite, const void *salt, size_t salt_len,
                       const void *ikm, size_t ikm_len, uint8_t key[BELAY_HKDF_KEY_SIZE])
{
    return derive(suite, EVP_KDF_HKDF_MODE_EXTRACT_ONLY,
                  octets(OSSL_KDF_PARAM_KEY, ikm, ikm_len),
                  octets(OSSL_KDF_PARAM_SALT, salt, salt_len), key, BELAY_HKDF_KEY_SIZE);
}

int belay_hkdf_expand(struct belay_suite *suite, const uint8_t key[BELAY_HKDF_KEY_SIZE],
                      const void *info, size_t info_len, uint8_t *out, size_t out_len)
{
    return derive(suite, EVP_KDF_HKDF_MODE_EXPAND_ONLY,
                  octets(OSSL_KDF_PARAM_KEY, key, BELAY_HKDF_KEY_SIZE),
                  octets(OSSL_KDF_PARAM_INFO, info, info_len), out, out_len);
}
