#include "quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The length of the UTF-8 sequence of 2 to 4 bytes at data (RFC 3629), 0 when it is none or a
 * control character (C1, U+0080 to U+009F; the line and paragraph separators are left). */
static size_t utf8_length(const uint8_t *data, size_t len)
{
    size_t n = *data >= 0xc2 && *data <= 0xdf   ? 2
               : *data >= 0xe0 && *data <= 0xef ? 3
               : *data >= 0xf0 && *data <= 0xf4 ? 4
                                                : 0;
    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((data[i] & 0xc0) != 0x80)
            return 0;
    uint8_t second = data[1];
    bool bad = (*data == 0xc2 && second < 0xa0) || (*data == 0xe0 && second < 0xa0) ||
               (*data == 0xed && second > 0x9f) || (*data == 0xf0 && second < 0x90) ||
               (*data == 0xf4 && second > 0x8f);
    return bad ? 0 : n;
}

static void print_ascii(FILE *out, uint8_t byte)
{
    static const char plain[] = "\n\r\t\\'", letter[] = "nrt\\'";
    const char *at = byte ? strchr(plain, byte) : NULL;
    if (at)
        fprintf(out, "\\%c", letter[at - plain]);
    else if (byte >= 0x20 && byte < 0x7f)
        fputc(byte, out);
    else
        fprintf(out, "\\x%02x", byte);
}

void quote_print(FILE *out, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    fputc('\'', out);
    while (len > 0) {
        size_t n = utf8_length(bytes, len);
        if (n > 0) {
            fwrite(bytes, 1, n, out);
        } else {
            print_ascii(out, *bytes);
            n = 1;
        }
        bytes += n;
        len -= n;
    }
    fputc('\'', out);
}

const char *quote_clean(const char *text, char *out, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t left = strlen(text), at = 0;
    while (left > 0) {
        size_t n = utf8_length(bytes, left);
        bool is_plain = n > 0 || (*bytes >= 0x20 && *bytes < 0x7f);
        n = n ? n : 1;
        if (at + n >= size)
            break;
        memcpy(out + at, is_plain ? bytes : (const uint8_t *)"?", n);
        at += n;
        bytes += n;
        left -= n;
    }
    out[at] = '\0';
    return out;
}
