/*
 * keytext.h - a key as one word of text: its kind, a colon, and the base64 of its 32 bytes.
 *
 *     belay-public:VVVl2kPAGtzM9rAFYm4zuwJLh9UXlJBXPHsvJhJSmzI=
 *     belay-private:...
 *     belay-psk:...
 *
 * It has no blank and no character that a shell would touch.
 */
#ifndef BELAY_APPS_KEYTEXT_H
#define BELAY_APPS_KEYTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_SIZE    32
#define KEYTEXT_MAX 64
#define KEY_WHY_MAX 512 /* a sentence about what is wrong */

enum key_kind { KEY_PUBLIC, KEY_PRIVATE, KEY_PSK };

void keytext_write(enum key_kind kind, const uint8_t key[KEY_SIZE], char out[KEYTEXT_MAX]);

/* The len bytes at text. False: key is cleared, and why says what is wrong and what would be
 * right, without a word of text itself, which may be a secret. */
bool keytext_parse(enum key_kind kind, const char *text, size_t len, uint8_t key[KEY_SIZE],
                   char why[KEY_WHY_MAX]);

#endif
