#include "crypto/cookie.h"

#include "base/cursor.h"
#include "crypto/keys.h"
#include "crypto/mac.h"
#include "crypto/token.h"

#define SECOND_NS UINT64_C(1000000000)
#define TIME_SIZE 4
/* Integers, two addresses, an ID: what is sealed, at most. */
#define TEXT_MAX (32 + 2 * (1 + BELAY_ADDRESS_MAX) + 1 + 255)

_Static_assert(BELAY_COOKIE_SIZE == TIME_SIZE + BELAY_SIPHASH_SIZE, "a time and its MAC");

/* ------------------------------------------------------------------ keys */

int belay_cookie_keys_init(struct belay_cookie_keys *keys, struct belay_suite *suite,
                           const uint8_t master[32])
{
    uint8_t start[BELAY_HMAC_SIZE];
    struct belay_reader r;

    memset(keys, 0, sizeof(*keys));
    memcpy(keys->master, master, sizeof(keys->master));
    if (belay_hmac(suite, master, "belay1 cookie time", NULL, 0, start))
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
    uint8_t text[8], full[BELAY_HMAC_SIZE];
    struct belay_writer w;
    unsigned i = period % 2;

    if (keys->of[i].is_made && keys->of[i].period == period)
        return keys->of[i].key;
    belay_writer_init(&w, text, sizeof(text));
    belay_write_u64(&w, period);
    keys->of[i].is_made =
        belay_hmac(suite, keys->master, "belay1 cookie key", text, sizeof(text), full) == 0;
    if (!keys->of[i].is_made)
        return NULL;
    keys->of[i].period = period;
    memcpy(keys->of[i].key, full, sizeof(keys->of[i].key));
    belay_wipe(full, sizeof(full));
    return keys->of[i].key;
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
    uint8_t text[TEXT_MAX];
    struct belay_writer w;

    belay_writer_init(&w, cookie, TIME_SIZE);
    belay_write_u32(&w, (uint32_t)made_s + keys->start_s);
    belay_writer_init(&w, text, sizeof(text));
    belay_write_bytes(&w, cookie, TIME_SIZE);
    belay_write_u32(&w, holder->version);
    belay_write_bytes(&w, holder->nonce, BELAY_COOKIE_NONCE_SIZE);
    belay_write_u32(&w, holder->path->socket);
    write_counted(&w, holder->path->remote.bytes, holder->path->remote.len);
    write_counted(&w, holder->path->local.bytes, holder->path->local.len);
    write_counted(&w, holder->client_cid, holder->client_cid_len);
    if (key == NULL || w.bad)
        return BELAY_ENOMEM;
    return belay_siphash(suite, key, text, (size_t)(w.at - text), cookie + TIME_SIZE);
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
