/*
 * expect.h - what a run must come to: conditions on figures.
 *
 *     expect    = condition { ("," | "and") condition }
 *     condition = FIGURE ("==" | "!=" | "<" | "<=" | ">" | ">=") NUMBER
 *
 *     exit == 0, lost == 0 and rtt_us.p99 <= 120000, time_s < 10
 *
 * exit is the run's exit code, time_s its wall time in seconds, setting up included. Every
 * other figure is a member of the JSON object that is the last one to stand on a line of output
 * of its own, dots going into nested objects; true is 1 and false 0. A figure that is not there
 * fulfils nothing.
 */
#ifndef NETSIM_EXPECT_H
#define NETSIM_EXPECT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "netsim/model/words.h"

#define NETSIM_CONDITIONS_MAX      16
#define NETSIM_FIGURE_SIZE         64
#define NETSIM_CONDITION_TEXT_SIZE 128

enum netsim_relation {
    NETSIM_EQUAL,
    NETSIM_NOT_EQUAL,
    NETSIM_AT_MOST,
    NETSIM_AT_LEAST,
    NETSIM_LESS,
    NETSIM_MORE,
};

struct netsim_condition {
    char figure[NETSIM_FIGURE_SIZE];
    enum netsim_relation relation;
    double wanted;
};

struct netsim_expect {
    struct netsim_condition conditions[NETSIM_CONDITIONS_MAX];
    size_t count;
};

/* What a run came to. */
struct netsim_figures {
    int exit;
    double seconds;
    const json_t *client; /* an object, or NULL */
};

/* 0, or BELAY_EINVAL with *error filled. An empty text is wrong. */
int netsim_expect_parse(struct netsim_expect *expect, const char *text,
                        struct netsim_words_error *error);
/* What counts where nothing is said: exit == 0. */
void netsim_expect_init(struct netsim_expect *expect);

/* false: there is no such number. */
bool netsim_figure_find(const struct netsim_figures *figures, const char *name, double *value);
bool netsim_condition_holds(const struct netsim_condition *condition, double value);
/* How far a value is from what is wanted: the greater, the worse. */
double netsim_condition_badness(const struct netsim_condition *condition, double value);

void netsim_condition_format(const struct netsim_condition *condition,
                             char out[NETSIM_CONDITION_TEXT_SIZE]);
/* A number for people and for JSON: 0, 12.5, 1e+20. */
#define NETSIM_NUMBER_TEXT_SIZE 32
void netsim_number_format(double value, char out[NETSIM_NUMBER_TEXT_SIZE]);

#endif
