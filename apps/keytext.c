#include "keytext.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define BASE64_LEN   44 /* of 32 bytes, the last character is '=' */
#define DECODED_SIZE 33 /* EVP_DecodeBlock counts what '=' stands for */

static const struct {
    const char *prefix, *name, *source;
} kinds[] = {
    [KEY_PUBLIC] = {"belay-public:", "public key", "'belay-keygen --public FILE' prints it"},
    [KEY_PRIVATE] = {"belay-private:", "private key", "'belay-keygen FILE' makes one"},
    [KEY_PSK] = {"belay-psk:", "shared secret", "'belay-keygen --psk FILE' makes one"},
};
#define KINDS (sizeof kinds / sizeof *kinds)

void keytext_write(enum key_kind kind, const uint8_t key[KEY_SIZE], char out[KEYTEXT_MAX])
{
    size_t len = strlen(kinds[kind].prefix);
    memcpy(out, kinds[kind].prefix, len);
    EVP_EncodeBlock((unsigned char *)out + len, key, KEY_SIZE); /* with its NUL */
}

static bool begins_with(const char *text, size_t len, const char *prefix)
{
    return len >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

static void explain_kind(enum key_kind wanted, const char *text, size_t len,
                         char why[KEY_WHY_MAX])
{
    for (size_t i = 0; i < KINDS; i++) {
        if (!begins_with(text, len, kinds[i].prefix))
            continue;
        snprintf(why, KEY_WHY_MAX, "this is a %s%s; a %s is wanted: %s", kinds[i].name,
                 wanted == KEY_PUBLIC ? ", which nobody else may see" : "", kinds[wanted].name,
                 kinds[wanted].source);
        return;
    }
    snprintf(why, KEY_WHY_MAX, "not a %s, which is '%s' and %d characters: %s",
             kinds[wanted].name, kinds[wanted].prefix, BASE64_LEN, kinds[wanted].source);
}

/* Exactly what keytext_write writes: one text, one key. */
static bool decode(const char *base64, uint8_t key[KEY_SIZE])
{
    unsigned char bytes[DECODED_SIZE], again[BASE64_LEN + 1];
    int len = EVP_DecodeBlock(bytes, (const unsigned char *)base64, BASE64_LEN);
    bool is_right = len == DECODED_SIZE && EVP_EncodeBlock(again, bytes, KEY_SIZE) &&
                    CRYPTO_memcmp(again, base64, BASE64_LEN) == 0;
    if (is_right)
        memcpy(key, bytes, KEY_SIZE);
    OPENSSL_cleanse(bytes, sizeof bytes);
    OPENSSL_cleanse(again, sizeof again);
    return is_right;
}

static bool is_zero(const uint8_t key[KEY_SIZE])
{
    static const uint8_t zeros[KEY_SIZE];
    return CRYPTO_memcmp(key, zeros, KEY_SIZE) == 0;
}

bool keytext_parse(enum key_kind kind, const char *text, size_t len, uint8_t key[KEY_SIZE],
                   char why[KEY_WHY_MAX])
{
    size_t prefix_len = strlen(kinds[kind].prefix);
    memset(key, 0, KEY_SIZE);
    if (!begins_with(text, len, kinds[kind].prefix)) {
        explain_kind(kind, text, len, why);
        return false;
    }
    if (len - prefix_len != BASE64_LEN) {
        snprintf(why, KEY_WHY_MAX,
                 "a %s has %d characters after '%s', this one has %zu: copy it whole",
                 kinds[kind].name, BASE64_LEN, kinds[kind].prefix, len - prefix_len);
        return false;
    }
    if (!decode(text + prefix_len, key)) {
        snprintf(why, KEY_WHY_MAX,
                 "what follows '%s' is not the base64 of %d bytes (A-Z, a-z, 0-9, + and /, and "
                 "one = at the end): copy it again",
                 kinds[kind].prefix, KEY_SIZE);
        return false;
    }
    if (is_zero(key)) {
        snprintf(why, KEY_WHY_MAX, "a %s of nothing but zeros is none: %s", kinds[kind].name,
                 kinds[kind].source);
        return false;
    }
    return true;
}
