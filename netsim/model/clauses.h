/*
 * clauses.h - one row per keyword of netem's language, and the function that reads what
 * follows it. What clauses need of each other is words.c's business.
 */
#ifndef NETSIM_CLAUSES_H
#define NETSIM_CLAUSES_H

#include "netsim/model/parser.h"

/* In the order in which tc tries them: `d` is delay, `du` duplicate, `s` seed. */
enum netsim_keyword {
    NETSIM_WORD_LIMIT,
    NETSIM_WORD_LATENCY,
    NETSIM_WORD_DELAY,
    NETSIM_WORD_LOSS,
    NETSIM_WORD_DROP,
    NETSIM_WORD_ECN,
    NETSIM_WORD_REORDER,
    NETSIM_WORD_CORRUPT,
    NETSIM_WORD_GAP,
    NETSIM_WORD_DUPLICATE,
    NETSIM_WORD_DISTRIBUTION,
    NETSIM_WORD_RATE,
    NETSIM_WORD_SEED,
    NETSIM_WORD_SLOT,
    NETSIM_WORD_X_DROP,
    NETSIM_WORD_X_BLACKOUT,
    NETSIM_WORD_X_MTU,
    NETSIM_WORD_X_QUEUE,
    NETSIM_WORD_X_TRACE,
    NETSIM_WORD_X_FIFO,
    NETSIM_WORD_X_REBIND,
    NETSIM_CLAUSES
};

struct netsim_clause {
    const char *name;
    bool whole; /* may not be shortened */
    bool once;  /* may not stand twice */
    int (*take)(struct netsim_parser *p);
};

extern const struct netsim_clause netsim_clauses[NETSIM_CLAUSES];

/* Takes a file's name: a token that is no keyword. Not shorter than it stands. */
int netsim_clause_take_file(struct netsim_parser *p, char file[NETSIM_FILE_SIZE],
                            const char *what, const char *hint);

/* The keyword that word is or begins; NETSIM_CLAUSES: none. */
enum netsim_keyword netsim_clause_find(const char *word);

#endif
