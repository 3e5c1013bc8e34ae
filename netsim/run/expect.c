#include "netsim/run/expect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/common.h>

#define EXAMPLE "exit == 0, lost == 0, rtt_us.p99 <= 120000"

static const struct {
    const char *text;
    enum netsim_relation relation;
} relations[] = {
    {"==", NETSIM_EQUAL},    {"!=", NETSIM_NOT_EQUAL}, {"<=", NETSIM_AT_MOST},
    {">=", NETSIM_AT_LEAST}, {"<", NETSIM_LESS}, /* after the longer ones */
    {">", NETSIM_MORE},
};

#define RELATIONS (sizeof(relations) / sizeof(relations[0]))

/* ------------------------------------------------------------------ reading */

struct parser {
    const char *text;
    size_t at;
    struct netsim_words_error *error;
};

static int fail(const struct parser *p, size_t len, const char *what, const char *hint)
{
    p->error->at = p->at;
    p->error->len = len > 0 ? len : 1;
    snprintf(p->error->text, sizeof(p->error->text), "%s", what);
    snprintf(p->error->hint, sizeof(p->error->hint), "%s", hint);
    return BELAY_EINVAL;
}

static void skip_blanks(struct parser *p)
{
    p->at += strspn(p->text + p->at, " \t\n");
}

/* What stands here up to a blank, for carets. */
static size_t word_len(const struct parser *p)
{
    return strcspn(p->text + p->at, " \t\n,");
}

static bool is_figure_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '-' || c == '.' || (c & 0x80) != 0;
}

static int take_figure(struct parser *p, struct netsim_condition *condition)
{
    const char *begin = p->text + p->at;
    size_t len = 0;

    while (is_figure_char(begin[len]))
        len++;
    if (len == 0)
        return fail(p, word_len(p), "the name of a figure is missing", EXAMPLE);
    if (len >= NETSIM_FIGURE_SIZE)
        return fail(p, len, "a figure's name has 63 bytes at most", "");
    if (begin[0] == '.' || begin[len - 1] == '.')
        return fail(p, len, "a figure's name neither begins nor ends with a dot", "rtt_us.p99");
    memcpy(condition->figure, begin, len);
    condition->figure[len] = '\0';
    p->at += len;
    skip_blanks(p);
    return BELAY_OK;
}

static int take_relation(struct parser *p, struct netsim_condition *condition)
{
    const char *begin = p->text + p->at;

    for (size_t i = 0; i < RELATIONS; i++) {
        size_t len = strlen(relations[i].text);

        if (strncmp(begin, relations[i].text, len) != 0)
            continue;
        condition->relation = relations[i].relation;
        p->at += len;
        skip_blanks(p);
        return BELAY_OK;
    }
    if (*begin == '=')
        return fail(p, 1, "`=` compares nothing; equal is ==", EXAMPLE);
    return fail(p, word_len(p), "here wants to be ==, !=, <, <=, > or >=", EXAMPLE);
}

/* strtod takes more: hexadecimal numbers, inf, nan, blanks. */
static int take_number(struct parser *p, struct netsim_condition *condition)
{
    const char *begin = p->text + p->at;
    size_t len = strspn(begin, "+-.0123456789eE"), word = word_len(p);
    char copy[NETSIM_FIGURE_SIZE], *end = copy;
    bool is_taken = len > 0 && len < sizeof(copy) && len == word;

    if (is_taken) {
        memcpy(copy, begin, len);
        copy[len] = '\0';
        condition->wanted = strtod(copy, &end);
    }
    if (!is_taken || end != copy + len || !isfinite(condition->wanted))
        return fail(p, word, "here wants to be a plain number, without a unit", EXAMPLE);
    p->at += len;
    skip_blanks(p);
    return BELAY_OK;
}

static int take_condition(struct parser *p, struct netsim_expect *expect)
{
    struct netsim_condition *condition = &expect->conditions[expect->count];
    int result;

    skip_blanks(p);
    if (expect->count == NETSIM_CONDITIONS_MAX)
        return fail(p, word_len(p), "there are 16 conditions at most", "");
    result = take_figure(p, condition);
    if (result == BELAY_OK)
        result = take_relation(p, condition);
    if (result == BELAY_OK)
        result = take_number(p, condition);
    if (result == BELAY_OK)
        expect->count++;
    return result;
}

/* A comma, or `and`. */
static bool take_join(struct parser *p)
{
    const char *at = p->text + p->at;

    if (*at == ',')
        p->at++;
    else if (strncmp(at, "and", 3) == 0 && !is_figure_char(at[3]))
        p->at += 3;
    else
        return false;
    return true;
}

int netsim_expect_parse(struct netsim_expect *expect, const char *text,
                        struct netsim_words_error *error)
{
    struct parser p = {text, 0, error};
    int result;

    *expect = (struct netsim_expect){.count = 0};
    do {
        result = take_condition(&p, expect);
        if (result != BELAY_OK)
            return result;
    } while (take_join(&p));
    if (text[p.at] != '\0')
        return fail(&p, word_len(&p), "conditions are joined by commas or `and`", EXAMPLE);
    return BELAY_OK;
}

void netsim_expect_init(struct netsim_expect *expect)
{
    *expect = (struct netsim_expect){
        .conditions = {{.figure = "exit", .relation = NETSIM_EQUAL, .wanted = 0}}, .count = 1};
}

/* ------------------------------------------------------------------ judging */

static const json_t *find_member(const json_t *object, const char *path)
{
    char name[NETSIM_FIGURE_SIZE];

    while (*path != '\0' && object != NULL) {
        size_t len = strcspn(path, ".");

        memcpy(name, path, len);
        name[len] = '\0';
        object = json_object_get(object, name);
        path += len + (path[len] == '.');
    }
    return object;
}

bool netsim_figure_find(const struct netsim_figures *figures, const char *name, double *value)
{
    const json_t *member;

    if (strcmp(name, "exit") == 0) {
        *value = figures->exit;
        return true;
    }
    if (strcmp(name, "time_s") == 0) {
        *value = figures->seconds;
        return true;
    }
    member = find_member(figures->client, name);
    if (json_is_boolean(member))
        *value = json_is_true(member);
    else if (json_is_number(member))
        *value = json_number_value(member);
    else
        return false;
    return true;
}

bool netsim_condition_holds(const struct netsim_condition *condition, double value)
{
    switch (condition->relation) {
    case NETSIM_EQUAL:
        return value == condition->wanted;
    case NETSIM_NOT_EQUAL:
        return value != condition->wanted;
    case NETSIM_AT_MOST:
        return value <= condition->wanted;
    case NETSIM_AT_LEAST:
        return value >= condition->wanted;
    case NETSIM_LESS:
        return value < condition->wanted;
    case NETSIM_MORE:
        return value > condition->wanted;
    }
    return false;
}

double netsim_condition_badness(const struct netsim_condition *condition, double value)
{
    double above = value - condition->wanted;

    switch (condition->relation) {
    case NETSIM_EQUAL:
        return fabs(above);
    case NETSIM_NOT_EQUAL:
        return -fabs(above);
    case NETSIM_AT_MOST:
    case NETSIM_LESS:
        return above;
    case NETSIM_AT_LEAST:
    case NETSIM_MORE:
        return -above;
    }
    return 0;
}

/* ------------------------------------------------------------------ writing */

void netsim_number_format(double value, char out[NETSIM_NUMBER_TEXT_SIZE])
{
    snprintf(out, NETSIM_NUMBER_TEXT_SIZE, "%.15g", value);
}

static const char *relation_text(enum netsim_relation relation)
{
    for (size_t i = 0; i < RELATIONS; i++)
        if (relations[i].relation == relation)
            return relations[i].text;
    return "?";
}

void netsim_condition_format(const struct netsim_condition *condition,
                             char out[NETSIM_CONDITION_TEXT_SIZE])
{
    char number[NETSIM_NUMBER_TEXT_SIZE];

    netsim_number_format(condition->wanted, number);
    snprintf(out, NETSIM_CONDITION_TEXT_SIZE, "%s %s %s", condition->figure,
             relation_text(condition->relation), number);
}
