#include "crypto/mac.h"

#include <openssl/evp.h>
#include <string.h>

int belay_mac(EVP_MAC_CTX *ctx, const void *key, size_t key_len,
              const struct belay_mac_part *parts, size_t count, uint8_t *out, size_t size)
{
    bool ok = EVP_MAC_init(ctx, key, key_len, NULL) == 1;
    size_t len;

    for (size_t i = 0; ok && i < count; i++)
        ok = EVP_MAC_update(ctx, parts[i].data, parts[i].len) == 1;
    return ok && EVP_MAC_final(ctx, out, &len, size) == 1 ? BELAY_OK : BELAY_ENOMEM;
}

int belay_hmac(struct belay_suite *suite, const uint8_t key[32], const char *label,
               const uint8_t *text, size_t len, uint8_t out[BELAY_HMAC_SIZE])
{
    const struct belay_mac_part parts[] = {{label, strlen(label)}, {text, len}};

    return belay_mac(suite->hmac_sha256, key, 32, parts, 2, out, BELAY_HMAC_SIZE);
}

int belay_siphash(struct belay_suite *suite, const uint8_t key[BELAY_SIPHASH_KEY_SIZE],
                  const uint8_t *text, size_t len, uint8_t out[BELAY_SIPHASH_SIZE])
{
    const struct belay_mac_part part = {text, len};

    return belay_mac(suite->siphash, key, BELAY_SIPHASH_KEY_SIZE, &part, 1, out,
                     BELAY_SIPHASH_SIZE);
}
