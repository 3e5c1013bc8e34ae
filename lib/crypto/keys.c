#include "crypto/keys.h"

#include "crypto/hkdf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define SHA256_SIZE 32

void belay_wipe(void *p, size_t size)
{
    OPENSSL_cleanse(p, size);
}

static int expand(struct belay_suite *suite, const uint8_t *prk, const char *info, uint8_t *out,
                  size_t out_len)
{
    return belay_hkdf_expand(suite, prk, info, strlen(info), out, out_len);
}

static int expand_all(struct belay_suite *suite, const uint8_t *prk,
                      struct belay_packet_keys *out)
{
    const struct {
        const char *info;
        uint8_t *out;
        size_t len;
    } parts[] = {
        {"belay1 client key", out->client_key, sizeof(out->client_key)},
        {"belay1 client iv", out->client_iv, sizeof(out->client_iv)},
        {"belay1 server key", out->server_key, sizeof(out->server_key)},
        {"belay1 server iv", out->server_iv, sizeof(out->server_iv)},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (expand(suite, prk, parts[i].info, parts[i].out, parts[i].len) != 0)
            return BELAY_ENOMEM;
    return 0;
}

int belay_keys_derive(struct belay_suite *suite, const uint8_t *secret, size_t secret_len,
                      const uint8_t *transcript, size_t transcript_len,
                      struct belay_packet_keys *out)
{
    uint8_t salt[SHA256_SIZE], prk[BELAY_HKDF_KEY_SIZE];
    int error = BELAY_ENOMEM;
    if (EVP_Digest(transcript, transcript_len, salt, NULL, suite->sha256, NULL) == 1)
        error = belay_hkdf_extract(suite, salt, sizeof(salt), secret, secret_len, prk);
    if (error == 0)
        error = expand_all(suite, prk, out);
    if (error != 0)
        belay_wipe(out, sizeof(*out));
    belay_wipe(prk, sizeof(prk));
    return error;
}

int belay_keys_hello(struct belay_suite *suite, uint32_t version, const uint8_t *nonce,
                     size_t nonce_len, uint8_t key[32], uint8_t iv[12])
{
    uint8_t salt[] = "belay1 hello\0\0\0"; /* and the literal's own zero: 4 for the version */
    uint8_t *at = salt + sizeof(salt) - 4;
    uint8_t prk[BELAY_HKDF_KEY_SIZE];
    at[0] = (uint8_t)(version >> 24);
    at[1] = (uint8_t)(version >> 16);
    at[2] = (uint8_t)(version >> 8);
    at[3] = (uint8_t)version;

    int error = belay_hkdf_extract(suite, salt, sizeof(salt), nonce, nonce_len, prk);
    if (error == 0)
        error = expand(suite, prk, "key", key, 32);
    if (error == 0)
        error = expand(suite, prk, "iv", iv, 12);
    if (error != 0) {
        belay_wipe(key, 32);
        belay_wipe(iv, 12);
    }
    belay_wipe(prk, sizeof(prk));
    return error;
}
