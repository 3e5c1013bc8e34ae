/*
 * parser.h - the reader under words.c and clauses.c: tokens, values, and errors that point.
 *
 * Functions that return int give 0, or BELAY_EINVAL with the parser's error filled. `what`
 * names the value when it is missing; `hint` is words that would be right.
 */
#ifndef NETSIM_PARSER_H
#define NETSIM_PARSER_H

#include "netsim/model/words.h"

#define NETSIM_WORD_SIZE 64

struct netsim_span {
    size_t at, len;
};

struct netsim_parser {
    const char *text;
    struct netsim_words *words;
    struct netsim_words_error *error;
    struct netsim_span token;    /* the one that was taken last */
    char word[NETSIM_WORD_SIZE]; /* its text */
    size_t next, end;            /* where to go on, and where the text ends for this parser */
    bool has_loss_or_delay_corr, jitter_capped;
};

/* Fails at a place, or about the token taken last: "`TOKEN` what". */
int netsim_parser_fail_at(struct netsim_parser *p, struct netsim_span at, const char *text,
                          const char *hint);
int netsim_parser_fail(struct netsim_parser *p, const char *what, const char *hint);

/* The next token, without taking it; len 0 at the end. */
struct netsim_span netsim_parser_peek(const struct netsim_parser *p);
bool netsim_parser_next_is(const struct netsim_parser *p, const char *word);
/* As tc: an optional value is there when a digit begins it, so `.5` is none; `-1` counts too,
 * so that it is read, or refused, as a number. */
bool netsim_parser_next_is_number(const struct netsim_parser *p);

/* Takes the next token; false at the end. */
bool netsim_parser_take(struct netsim_parser *p);
/* Takes a token that must be there. */
int netsim_parser_need(struct netsim_parser *p, const char *what, const char *hint);

int netsim_parser_take_share(struct netsim_parser *p, double *share, const char *what,
                             const char *hint);
int netsim_parser_take_percent(struct netsim_parser *p, uint32_t *value, const char *what,
                               const char *hint);
int netsim_parser_take_time(struct netsim_parser *p, int64_t *ns, const char *what,
                            const char *hint);
int netsim_parser_take_size(struct netsim_parser *p, uint32_t *value, const char *what,
                            const char *hint);
int netsim_parser_take_u32(struct netsim_parser *p, uint32_t *value, const char *what,
                           const char *hint);

#endif
