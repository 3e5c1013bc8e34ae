/*
 * scenario_keys.h - inside scenario.c: what each key of a scenario file means.
 */
#ifndef NETSIM_SCENARIO_KEYS_H
#define NETSIM_SCENARIO_KEYS_H

#include "netsim/run/scenario.h"

enum netsim_scenario_place { AT_TOP = 1, IN_SCENARIO = 2, IN_COMMAND = 4 };

struct netsim_scenario_parser {
    struct netsim_scenarios *file;
    const struct belay_memory *memory;
    struct netsim_scenario_error *error;
    bool out_of_memory;

    enum netsim_scenario_place place;
    size_t line; /* of what is being read */
    unsigned seen;
};

/* Each false: the error is told. */
bool netsim_scenario_fail(struct netsim_scenario_parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool netsim_scenario_fail_memory(struct netsim_scenario_parser *p);
bool netsim_scenario_name(struct netsim_scenario_parser *p, char out[NETSIM_NAME_SIZE],
                          const char *text);

/* Room for one more, cleared; NULL with the error told. */
void *netsim_scenario_grow(struct netsim_scenario_parser *p, void **array, size_t count,
                           size_t size);
void netsim_scenario_free_text(struct belay_mem *mem, char *text);

/* For netsim_ini_events: a key with its value, in the section that was begun last. */
bool netsim_scenario_take(void *parser, size_t line, const char *key, const char *value);

#endif
