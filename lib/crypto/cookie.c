#include "crypto/cookie.h"

#include "base/cursor.h"
#include "crypto/keys.h"
#include "crypto/token.h"

#include <openssl/evp.h>

#define SHA256_SIZE 32
#define SECOND_NS   UINT64_C(1000000000)
#define TIME_SIZE   4
#define MAC_SIZE    (BELAY_COOKIE_SIZE - TIME_SIZE)
/* Labels and integers, two addresses, an ID: what is sealed, at most. */
#define TEXT_MAX (64 + 2 * (1 + BELAY_ADDRESS_MAX) + 1 + 255)

static int hmac(struct belay_suite *suite, const uint8_t key[32], const void *text, size_t len,
                uint8_t out[SHA256_SIZE])
{
    EVP_MAC_CTX *mac = suite->hmac_sha256;
    size_t out_len;

    if (EVP_MAC_init(mac, key, 32, NULL) != 1 || EVP_MAC_update(mac, text, len) != 1 ||
        EVP_MAC_final(mac, out, &out_len, SHA256_SIZE) != 1)
        return BELAY_ENOMEM;
    return 0;
}

static void write_label(struct belay_writer *w, const char *label)
{
    belay_write_bytes(w, label, strlen(label));
}

/* ------------------------------------------------------------------ keys */

int belay_cookie_keys_init(struct belay_cookie_keys *keys, struct belay_suite *suite,
                           const uint8_t master[32])
{
    static const char label[] = "belay1 cookie time";
    uint8_t start[SHA256_SIZE];
    struct belay_reader r;

    memset(keys, 0, sizeof(*keys));
    memcpy(keys->master, master, sizeof(keys->master));
    if (hmac(suite, master, label, sizeof(label) - 1, start))
        return BELAY_ENOMEM;
    belay_reader_init(&r, start, sizeof(start));
    keys->start_s = belay_read_u32(&r);
    belay_wipe(start, sizeof(start));
    return 0;
}

/* NULL: no memory. */
static const uint8_t *key_of(struct belay_cookie_keys *keys, struct belay_suite *suite,
                             uint64_t period)
{
    uint8_t text[32];
    struct belay_writer w;
    unsigned i = period % 2;

    if (keys->of[i].is_made && keys->of[i].period == period)
        return keys->of[i].key;
    belay_writer_init(&w, text, sizeof(text));
    write_label(&w, "belay1 cookie key");
    belay_write_u64(&w, period);
    keys->of[i].is_made =
        hmac(suite, keys->master, text, (size_t)(w.at - text), keys->of[i].key) == 0;
    keys->of[i].period = period;
    return keys->of[i].is_made ? keys->of[i].key : NULL;
}

/* ------------------------------------------------------------------ cookies */

static void write_counted(struct belay_writer *w, const uint8_t *bytes, size_t len)
{
    w->bad |= len > UINT8_MAX;
    belay_write_u8(w, (uint8_t)len);
    belay_write_bytes(w, bytes, len);
}

/* made_s is the clock's; the cookie says it from another start. */
static int make(struct belay_cookie_keys *keys, struct belay_suite *suite,
                const struct belay_cookie_holder *holder, uint64_t made_s,
                uint8_t cookie[BELAY_COOKIE_SIZE])
{
    const uint8_t *key = key_of(keys, suite, made_s / BELAY_COOKIE_PERIOD_S);
    uint8_t text[TEXT_MAX], full[SHA256_SIZE];
    struct belay_writer w;

    belay_writer_init(&w, cookie, TIME_SIZE);
    belay_write_u32(&w, (uint32_t)made_s + keys->start_s);
    belay_writer_init(&w, text, sizeof(text));
    write_label(&w, "belay1 cookie");
    belay_write_bytes(&w, cookie, TIME_SIZE);
    belay_write_u32(&w, holder->version);
    belay_write_bytes(&w, holder->nonce, BELAY_COOKIE_NONCE_SIZE);
    belay_write_u32(&w, holder->path->socket);
    write_counted(&w, holder->path->remote.bytes, holder->path->remote.len);
    write_counted(&w, holder->path->local.bytes, holder->path->local.len);
    write_counted(&w, holder->client_cid, holder->client_cid_len);
    if (key == NULL || w.bad || hmac(suite, key, text, (size_t)(w.at - text), full))
        return BELAY_ENOMEM;
    memcpy(cookie + TIME_SIZE, full, MAC_SIZE);
    belay_wipe(full, sizeof(full));
    return 0;
}

int belay_cookie_make(struct belay_cookie_keys *keys, struct belay_suite *suite,
                      const struct belay_cookie_holder *holder, uint64_t now_ns,
                      uint8_t cookie[BELAY_COOKIE_SIZE])
{
    return make(keys, suite, holder, now_ns / SECOND_NS, cookie);
}

bool belay_cookie_is_valid(struct belay_cookie_keys *keys, struct belay_suite *suite,
                           const struct belay_cookie_holder *holder, const uint8_t *cookie,
                           size_t len, uint64_t now_ns)
{
    uint8_t expected[BELAY_COOKIE_SIZE];
    uint64_t now_s = now_ns / SECOND_NS;
    struct belay_reader r;
    uint32_t age_s;

    if (len != BELAY_COOKIE_SIZE)
        return false;
    belay_reader_init(&r, cookie, len);
    age_s = (uint32_t)now_s + keys->start_s - belay_read_u32(&r);
    if (age_s > BELAY_COOKIE_LIFE_S || age_s > now_s)
        return false; /* old, or of a time to come */
    return make(keys, suite, holder, now_s - age_s, expected) == 0 &&
           belay_token_equal(expected, cookie, len);
}
