#include "crypto/dh.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

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

/* From both halves: from the private one alone libcrypto would compute the public one. */
static EVP_PKEY *import(const uint8_t *own_private, const uint8_t *own_public)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, (void *)own_private,
                                          BELAY_DH_SIZE),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)own_public,
                                          BELAY_DH_SIZE),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
    EVP_PKEY *key = NULL;

    if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

int belay_dh(const uint8_t own_private[BELAY_DH_SIZE], const uint8_t own_public[BELAY_DH_SIZE],
             const uint8_t peer_public[BELAY_DH_SIZE], uint8_t secret[BELAY_DH_SIZE])
{
    EVP_PKEY *own = import(own_private, own_public);
    EVP_PKEY *peer =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer_public, BELAY_DH_SIZE);
    int result = own != NULL && peer != NULL ? derive(own, peer, secret) : BELAY_ENOMEM;

    EVP_PKEY_free(own); /* wipes the key */
    EVP_PKEY_free(peer);
    if (result != BELAY_OK)
        belay_wipe(secret, BELAY_DH_SIZE);
    return result;
}
