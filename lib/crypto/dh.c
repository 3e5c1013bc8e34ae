#include "crypto/dh.h"

#include <openssl/evp.h>

#include "crypto/keys.h"

int belay_dh_public(const uint8_t private_key[BELAY_DH_SIZE], uint8_t public_key[BELAY_DH_SIZE])
{
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, BELAY_DH_SIZE);
    size_t len = BELAY_DH_SIZE;
    int ok = key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &len) == 1;

    EVP_PKEY_free(key);
    return ok && len == BELAY_DH_SIZE ? BELAY_OK : BELAY_ENOMEM;
}

/* libcrypto's derive fails on a result of zero, and on nothing else that depends on the keys.
 */
static int derive(EVP_PKEY *own, EVP_PKEY *peer, uint8_t secret[BELAY_DH_SIZE])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    size_t len = BELAY_DH_SIZE;
    int result = BELAY_ENOMEM;

    if (ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
        EVP_PKEY_derive_set_peer(ctx, peer) == 1)
        result = EVP_PKEY_derive(ctx, secret, &len) == 1 && len == BELAY_DH_SIZE ? BELAY_OK
                                                                                 : BELAY_EPROTO;
    EVP_PKEY_CTX_free(ctx);
    return result;
}

int belay_dh(const uint8_t private_key[BELAY_DH_SIZE], const uint8_t public_key[BELAY_DH_SIZE],
             uint8_t secret[BELAY_DH_SIZE])
{
    EVP_PKEY *own =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, BELAY_DH_SIZE);
    EVP_PKEY *peer =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, BELAY_DH_SIZE);
    int result = own != NULL && peer != NULL ? derive(own, peer, secret) : BELAY_ENOMEM;

    EVP_PKEY_free(own); /* wipes the key */
    EVP_PKEY_free(peer);
    if (result != BELAY_OK)
        belay_wipe(secret, BELAY_DH_SIZE);
    return result;
}
