#include "netsim/model/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "netsim/model/units.h"

struct netsim_text netsim_text_begin(char *out, size_t size)
{
    if (size > 0)
        out[0] = '\0';
    return (struct netsim_text){out, size, 0};
}

static void put_bytes(struct netsim_text *t, const char *bytes, size_t len)
{
    if (t->len < t->size) {
        size_t room = t->size - t->len - 1, fits = len < room ? len : room;

        memcpy(t->out + t->len, bytes, fits);
        t->out[t->len + fits] = '\0';
    }
    t->len += len;
}

/* No word is longer than a file's name with its keyword. */
__attribute__((format(printf, 2, 0))) static void put_format(struct netsim_text *t,
                                                             const char *format, va_list args)
{
    char word[NETSIM_FILE_SIZE + 32];
    int len = vsnprintf(word, sizeof(word), format, args);

    if (len > 0)
        put_bytes(t, word, (size_t)len < sizeof(word) ? (size_t)len : sizeof(word) - 1);
}

void netsim_text_put(struct netsim_text *t, const char *format, ...)
{
    va_list args;

    if (t->len > 0)
        put_bytes(t, " ", 1);
    va_start(args, format);
    put_format(t, format, args);
    va_end(args);
}

void netsim_text_join(struct netsim_text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_format(t, format, args);
    va_end(args);
}

void netsim_text_put_percent(struct netsim_text *t, uint32_t value)
{
    char text[NETSIM_UNIT_TEXT_SIZE];

    netsim_format_percent(value, text);
    netsim_text_put(t, "%s", text);
}

void netsim_text_put_time(struct netsim_text *t, int64_t ns)
{
    char text[NETSIM_UNIT_TEXT_SIZE];

    netsim_format_time(ns, text);
    netsim_text_put(t, "%s", text);
}
