#include "netsim/model/parser.h"

#include <belay/common.h>

#include <stdio.h>
#include <string.h>

#include "netsim/model/units.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int netsim_parser_fail_at(struct netsim_parser *p, struct netsim_span at, const char *text,
                          const char *hint)
{
    struct netsim_words_error *error = p->error;

    error->at = at.at;
    error->len = at.len > 0 ? at.len : 1;
    snprintf(error->text, sizeof(error->text), "%s", text);
    snprintf(error->hint, sizeof(error->hint), "%s", hint);
    return BELAY_EINVAL;
}

int netsim_parser_fail(struct netsim_parser *p, const char *what, const char *hint)
{
    char text[sizeof(p->error->text)];

    snprintf(text, sizeof(text), "`%s` %s", p->word, what);
    return netsim_parser_fail_at(p, p->token, text, hint);
}

struct netsim_span netsim_parser_peek(const struct netsim_parser *p)
{
    struct netsim_span span = {p->next, 0};

    while (span.at < p->end && is_blank(p->text[span.at]))
        span.at++;
    while (span.at + span.len < p->end && !is_blank(p->text[span.at + span.len]))
        span.len++;
    return span;
}

/* A long token is cut, which no valid one is. */
bool netsim_parser_take(struct netsim_parser *p)
{
    struct netsim_span span = netsim_parser_peek(p);
    size_t len = span.len < NETSIM_WORD_SIZE - 1 ? span.len : NETSIM_WORD_SIZE - 1;

    p->token = span;
    p->next = span.at + span.len;
    memcpy(p->word, p->text + span.at, len);
    p->word[len] = '\0';
    return span.len > 0;
}

int netsim_parser_need(struct netsim_parser *p, const char *what, const char *hint)
{
    char text[sizeof(p->error->text)];

    if (netsim_parser_take(p))
        return BELAY_OK;
    snprintf(text, sizeof(text), "%s is missing", what);
    return netsim_parser_fail_at(p, p->token, text, hint);
}

bool netsim_parser_next_is(const struct netsim_parser *p, const char *word)
{
    struct netsim_span next = netsim_parser_peek(p);

    return next.len == strlen(word) && memcmp(p->text + next.at, word, next.len) == 0;
}

bool netsim_parser_next_is_number(const struct netsim_parser *p)
{
    struct netsim_span next = netsim_parser_peek(p);
    const char *at = p->text + next.at;
    size_t sign = next.len > 0 && *at == '-';

    return next.len > sign && at[sign] >= '0' && at[sign] <= '9';
}

int netsim_parser_take_share(struct netsim_parser *p, double *share, const char *what,
                             const char *hint)
{
    const char *wrong;

    if (netsim_parser_need(p, what, hint) != 0)
        return BELAY_EINVAL;
    wrong = netsim_parse_percent(p->word, share);
    return wrong == NULL ? BELAY_OK : netsim_parser_fail(p, wrong, hint);
}

int netsim_parser_take_percent(struct netsim_parser *p, uint32_t *value, const char *what,
                               const char *hint)
{
    double share;

    if (netsim_parser_take_share(p, &share, what, hint) != 0)
        return BELAY_EINVAL;
    *value = netsim_share_to_u32(share);
    return BELAY_OK;
}

int netsim_parser_take_time(struct netsim_parser *p, int64_t *ns, const char *what,
                            const char *hint)
{
    const char *wrong;

    if (netsim_parser_need(p, what, hint) != 0)
        return BELAY_EINVAL;
    wrong = netsim_parse_time(p->word, ns);
    return wrong == NULL ? BELAY_OK : netsim_parser_fail(p, wrong, hint);
}

int netsim_parser_take_size(struct netsim_parser *p, uint32_t *value, const char *what,
                            const char *hint)
{
    const char *wrong;

    if (netsim_parser_need(p, what, hint) != 0)
        return BELAY_EINVAL;
    wrong = netsim_parse_size(p->word, value);
    return wrong == NULL ? BELAY_OK : netsim_parser_fail(p, wrong, hint);
}

int netsim_parser_take_u32(struct netsim_parser *p, uint32_t *value, const char *what,
                           const char *hint)
{
    const char *wrong;

    if (netsim_parser_need(p, what, hint) != 0)
        return BELAY_EINVAL;
    wrong = netsim_parse_c_u32(p->word, value);
    return wrong == NULL ? BELAY_OK : netsim_parser_fail(p, wrong, hint);
}
