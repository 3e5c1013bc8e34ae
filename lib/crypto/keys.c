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

int belay_keys_derive(struct belay_suite *suite, const uint8_t *secret, size_t secret_len,
                      const uint8_t *transcript, size_t transcript_len,
                      struct belay_traffic_secrets *out)
{
    uint8_t salt[SHA256_SIZE], prk[BELAY_HKDF_KEY_SIZE];
    int error = BELAY_ENOMEM;

    if (EVP_Digest(transcript, transcript_len, salt, NULL, suite->sha256, NULL) == 1)
        error = belay_hkdf_extract(suite, salt, sizeof(salt), secret, secret_len, prk);
    if (error == 0)
        error = expand(suite, prk, "belay1 client", out->client, sizeof(out->client));
    if (error == 0)
        error = expand(suite, prk, "belay1 server", out->server, sizeof(out->server));
    if (error != 0)
        belay_wipe(out, sizeof(*out));
    belay_wipe(prk, sizeof(prk));
    return error;
}

int belay_keys_packet(struct belay_suite *suite, const uint8_t secret[BELAY_SECRET_SIZE],
                      uint8_t key[32], uint8_t iv[12])
{
    int error = expand(suite, secret, "belay1 key", key, 32);

    if (error == 0)
        error = expand(suite, secret, "belay1 iv", iv, 12);
    if (error != 0) {
        belay_wipe(key, 32);
        belay_wipe(iv, 12);
    }
    return error;
}

int belay_keys_update(struct belay_suite *suite, uint8_t secret[BELAY_SECRET_SIZE])
{
    uint8_t next[BELAY_SECRET_SIZE];
    int error = expand(suite, secret, "belay1 update", next, sizeof(next));

    if (error == 0)
        memcpy(secret, next, sizeof(next));
    belay_wipe(next, sizeof(next));
    return error;
}
