#include "crypto/fast.h"

#if defined(BELAY_HAVE_IPSEC_MB)

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#define ALIGNMENT 64

struct belay_fast_key {
    struct belay_fast fast;
    uint8_t room[ALIGNMENT - 1 + sizeof(struct gcm_key_data)];
};

static struct gcm_key_data *data_of(const struct belay_fast_key *key)
{
    uintptr_t at = (uintptr_t)key->room;

    return (struct gcm_key_data *)((at + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
}

/* The manager has queues for kinds of work that we have none of: the functions do without it.
 */
void belay_fast_init(struct belay_fast *fast)
{
    IMB_MGR *manager = alloc_mb_mgr(0);
    IMB_ARCH arch = IMB_ARCH_NONE;

    *fast = (struct belay_fast){0};
    if (manager == NULL)
        return;
    init_mb_mgr_auto(manager, &arch);
    if (arch >= IMB_ARCH_AVX && (manager->features & IMB_FEATURE_SELF_TEST_PASS) != 0)
        *fast = (struct belay_fast){.encrypt = manager->gcm256_enc,
                                    .decrypt = manager->gcm256_dec,
                                    .expand = manager->gcm256_pre};
    free_mb_mgr(manager);
}

struct belay_fast_key *belay_fast_key_new(const struct belay_fast *fast, const uint8_t key[32])
{
    struct belay_fast_key *made = OPENSSL_malloc(sizeof(*made));

    if (made == NULL)
        return NULL;
    made->fast = *fast;
    belay_fast_key_set(made, key);
    return made;
}

void belay_fast_key_set(struct belay_fast_key *made, const uint8_t key[32])
{
    made->fast.expand(key, data_of(made));
}

void belay_fast_key_free(struct belay_fast_key *key)
{
    OPENSSL_clear_free(key, sizeof(*key));
}

void belay_fast_encrypt(const struct belay_fast_key *key, const uint8_t nonce[12],
                        uint8_t *data, size_t aad_len, size_t len, uint8_t tag[16])
{
    struct gcm_context_data ctx;

    key->fast.encrypt(data_of(key), &ctx, data + aad_len, data + aad_len, len, nonce, data,
                      aad_len, tag, 16);
}

void belay_fast_decrypt(const struct belay_fast_key *key, const uint8_t nonce[12],
                        uint8_t *data, size_t aad_len, size_t len, uint8_t tag[16])
{
    struct gcm_context_data ctx;

    key->fast.decrypt(data_of(key), &ctx, data + aad_len, data + aad_len, len, nonce, data,
                      aad_len, tag, 16);
}

#else

void belay_fast_init(struct belay_fast *fast)
{
    *fast = (struct belay_fast){0};
}

struct belay_fast_key *belay_fast_key_new(const struct belay_fast *fast, const uint8_t key[32])
{
    (void)fast, (void)key;
    return NULL;
}

void belay_fast_key_free(struct belay_fast_key *key)
{
    (void)key;
}

void belay_fast_key_set(struct belay_fast_key *made, const uint8_t key[32])
{
    (void)made, (void)key;
}

void belay_fast_encrypt(const struct belay_fast_key *key, const uint8_t nonce[12],
                        uint8_t *data, size_t aad_len, size_t len, uint8_t tag[16])
{
    (void)key, (void)nonce, (void)data, (void)aad_len, (void)len, (void)tag;
}

void belay_fast_decrypt(const struct belay_fast_key *key, const uint8_t nonce[12],
                        uint8_t *data, size_t aad_len, size_t len, uint8_t tag[16])
{
    (void)key, (void)nonce, (void)data, (void)aad_len, (void)len, (void)tag;
}

#endif
