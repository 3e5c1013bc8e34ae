#include "netsim/run/ini.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>
#include <jansson.h>

#define KEY_SIZE  64  /* libinih keeps 49 bytes of a key */
#define PIECE_MAX 160 /* libinih's shortest line is 200, with its end */
#define CONTINUED "+" /* the key of the pieces of a long value */

struct reader {
    const struct netsim_ini_events *events;
    const char *text, *end; /* what follows the present line */
    size_t line;
    const char *rest, *rest_end; /* of the present line, not yet given to libinih */
    bool continues;              /* what libinih has now belongs to the value above */
    bool unanswered;             /* libinih has a line and has not called on_value for it */
    bool ended;                  /* by an error */

    bool has_key;
    size_t key_line;
    char key[KEY_SIZE];
    char *value;
    size_t value_len, value_size;
};

/* ------------------------------------------------------------------ hidden bytes */

/* libinih would take a comment out, and blanks off the edges. */
static const char plain_bytes[] = ";# \t";

static char hide(char c)
{
    const char *at = strchr(plain_bytes, c);

    return c != '\0' && at != NULL ? (char)(at - plain_bytes + 1) : c;
}

static char show(char c)
{
    return c >= 1 && c <= (char)(sizeof(plain_bytes) - 1) ? plain_bytes[c - 1] : c;
}

/* ------------------------------------------------------------------ errors and values */

static bool fail(struct reader *r, const char *text)
{
    if (!r->ended)
        r->events->wrong(r->events->arg, r->line, text);
    r->ended = true;
    return false;
}

static bool append(struct reader *r, const char *text, size_t len)
{
    if (r->value_size - r->value_len <= len) {
        size_t size = 2 * (r->value_len + len) + 64;
        char *value = realloc(r->value, size);

        if (value == NULL)
            return fail(r, NULL);
        r->value = value;
        r->value_size = size;
    }
    for (size_t i = 0; i < len; i++)
        r->value[r->value_len++] = show(text[i]);
    r->value[r->value_len] = '\0';
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The value is complete: the next line is not part of it. */
static bool flush(struct reader *r)
{
    char *value = r->value;

    if (!r->has_key || r->ended)
        return !r->ended;
    r->has_key = false;
    while (r->value_len > 0 && is_blank(value[r->value_len - 1]))
        value[--r->value_len] = '\0';
    while (is_blank(*value))
        value++;
    if (!r->events->value(r->events->arg, r->key_line, r->key, value))
        r->ended = true;
    return !r->ended;
}

static int on_value(void *user, const char *section, const char *name, const char *value)
{
    struct reader *r = user;

    (void)section;
    r->unanswered = false;
    if (!r->continues) {
        snprintf(r->key, sizeof(r->key), "%s", name);
        for (char *c = r->key; *c != '\0'; c++)
            *c = show(*c);
        r->has_key = true;
        r->key_line = r->line;
        r->value_len = 0;
    }
    return append(r, value, strlen(value));
}

/* ------------------------------------------------------------------ lines */

static bool is_text(const char *begin, const char *end)
{
    json_t *utf8;

    for (const char *c = begin; c < end; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
            return false;
    utf8 = json_stringn(begin, (size_t)(end - begin));
    json_decref(utf8);
    return utf8 != NULL;
}

static bool take_section(struct reader *r, const char *begin, const char *end)
{
    char name[NETSIM_INI_SECTION_SIZE];
    const char *close = memchr(begin, ']', (size_t)(end - begin));
    size_t len;

    if (close == NULL)
        return fail(r, "the `]` of the section is missing");
    if (close + 1 != end)
        return fail(r, "nothing may stand after the `]` of a section");
    begin++;
    while (begin < close && is_blank(*begin))
        begin++;
    while (close > begin && is_blank(close[-1]))
        close--;
    len = (size_t)(close - begin);
    if (len >= sizeof(name))
        return fail(r, "the name of this section is too long");
    memcpy(name, begin, len);
    name[len] = '\0';
    if (!flush(r))
        return false;
    if (!r->events->section(r->events->arg, r->line, name))
        r->ended = true;
    return !r->ended;
}

/* A line, without what stands around it; false: there is none left. */
static bool next_line(struct reader *r, const char **begin, const char **end)
{
    const char *line_end;

    if (r->text == r->end)
        return false;
    line_end = memchr(r->text, '\n', (size_t)(r->end - r->text));
    *begin = r->text;
    *end = line_end != NULL ? line_end : r->end;
    r->text = line_end != NULL ? line_end + 1 : r->end;
    r->line++;
    while (*end > *begin && is_blank((*end)[-1]))
        (*end)--;
    return true;
}

static bool begin_continuation(struct reader *r)
{
    if (!r->has_key)
        return fail(r,
                    "the line is indented, and there is no value above that it goes on with; "
                    "take the blanks away");
    r->continues = true;
    return append(r, "\n", 1);
}

/* Goes to the next line that is for libinih: its text is then r->rest. */
static bool find_line(struct reader *r)
{
    const char *begin, *at, *end;

    while (!r->ended && next_line(r, &begin, &end)) {
        if (!is_text(begin, end))
            return fail(r, "this is no text in UTF-8");
        at = begin;
        while (at < end && is_blank(*at))
            at++;
        if (at == end || *at == '#' || *at == ';')
            continue;
        if (*begin == '[') {
            if (!take_section(r, begin, end))
                return false;
            continue;
        }
        r->rest = at;
        r->rest_end = end;
        r->continues = false;
        return at > begin ? begin_continuation(r) : flush(r);
    }
    return false;
}

/* The next piece of the present line, as a line of its own. */
static char *give_piece(struct reader *r, char *out)
{
    size_t left = (size_t)(r->rest_end - r->rest), len = left < PIECE_MAX ? left : PIECE_MAX;
    size_t at = 0;

    if (r->continues)
        at += (size_t)sprintf(out, CONTINUED "=");
    for (size_t i = 0; i < len; i++) {
        bool is_inner_blank = is_blank(r->rest[i]) && !r->continues && i + 1 < len;

        out[at++] = is_inner_blank ? r->rest[i] : hide(r->rest[i]);
    }
    out[at++] = '\n';
    out[at] = '\0';
    r->rest += len;
    r->unanswered = true;
    return out;
}

static void fail_unanswered(struct reader *r)
{
    fail(r, "there is no `=` in this line; right would be: key = value");
}

/* libinih's fgets. */
static char *read_piece(char *out, int size, void *stream)
{
    struct reader *r = stream;

    if (r->unanswered)
        fail_unanswered(r);
    if (r->ended)
        return NULL;
    if (size < PIECE_MAX + 8) {
        fail(r, "libinih's lines are too short");
        return NULL;
    }
    if (r->rest == r->rest_end) {
        if (!find_line(r))
            return NULL;
    } else {
        r->continues = true;
    }
    return give_piece(r, out);
}

bool netsim_ini_parse(const char *text, size_t len, const struct netsim_ini_events *events)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    struct reader r = {.events = events, .text = text, .end = text + len};
    int result;

    if (len >= 3 && memcmp(text, byte_order_mark, 3) == 0)
        r.text += 3;
    result = ini_parse_stream(read_piece, &r, on_value, &r);
    if (result < 0)
        fail(&r, NULL);
    if (r.unanswered)
        fail_unanswered(&r);
    flush(&r);
    free(r.value);
    return !r.ended;
}
