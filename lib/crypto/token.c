#include "crypto/token.h"

#include "crypto/mac.h"

#include <openssl/crypto.h>
#include <string.h>

int belay_token_reset(struct belay_suite *suite, const uint8_t key[32], const uint8_t *cid,
                      size_t cid_len, uint8_t out[BELAY_TOKEN_SIZE])
{
    uint8_t full[BELAY_HMAC_SIZE];

    if (belay_hmac(suite, key, "belay1 reset", cid, cid_len, full))
        return BELAY_ENOMEM;
    memcpy(out, full, BELAY_TOKEN_SIZE);
    OPENSSL_cleanse(full, sizeof(full));
    return 0;
}

bool belay_token_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
