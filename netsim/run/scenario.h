/*
 * scenario.h - files of scenarios: networks, commands that are run over them, and what must
 * come of it. INI; ini.h tells about comments and long values.
 *
 *     seeds = 1-20                    [1]; or a list: 1,4,9-12
 *     backend = auto                  auto, kernel, live, proxy, vm [auto]
 *     duration = 30                   seconds that a run may take at most
 *     jobs = 4                        runs at a time [the number of cores]
 *     mtu = 1280                      of the interfaces [1500]
 *
 *     [scenario NAME]
 *     link = delay 20ms loss 5%       words, as after --link [a clean link]
 *     link-back = delay 20ms          [a clean link]
 *     profile = NAME                  instead of both
 *     seeds = 7                       here and below: instead of what stands at the top
 *     jobs = 1                        while this one runs, no more than so many at a time
 *     expect.NAME = lost > 0          instead of the command's
 *
 *     [command NAME]
 *     server = COMMAND                for sh -c, as in `belay-netsim run` [none]
 *     client = COMMAND
 *     expect = exit == 0, lost == 0   expect.h [exit == 0]
 *
 * Keys at the top come before the sections. Names are letters, digits, `_`, `-` and `.`.
 * Unknown keys and sections, and whatever stands twice, are errors.
 */
#ifndef NETSIM_SCENARIO_H
#define NETSIM_SCENARIO_H

#include "base/memory.h"
#include "netsim/run/expect.h"
#include "netsim/run/seeds.h"

#define NETSIM_NAME_SIZE     41
#define NETSIM_DURATION_SIZE 24
#define NETSIM_SECTIONS_MAX  1000 /* scenarios, and commands */
#define NETSIM_JOBS_MAX      1024
#define NETSIM_MTU_MIN       68 /* RFC 791 */
#define NETSIM_MTU_MAX       65535

struct netsim_settings {
    struct netsim_seeds seeds;
    char backend[NETSIM_NAME_SIZE];
    char duration[NETSIM_DURATION_SIZE]; /* seconds, as written; empty: no bound */
    uint64_t jobs;                       /* 0: not said */
    uint64_t mtu_bytes;                  /* 0: not said */
};

struct netsim_scenario_expect {
    char command[NETSIM_NAME_SIZE];
    size_t line;
    struct netsim_expect expect;
};

struct netsim_scenario {
    char name[NETSIM_NAME_SIZE];
    size_t line;            /* from 1 */
    char *link, *link_back; /* NULL: not said */
    size_t link_line, link_back_line;
    char profile[NETSIM_NAME_SIZE];  /* empty: none */
    struct netsim_settings settings; /* with those of the top, but for jobs */
    struct netsim_scenario_expect *expects;
    size_t expects_count;
};

struct netsim_command {
    char name[NETSIM_NAME_SIZE];
    size_t line;
    char *server, *client; /* server NULL: there is none */
    struct netsim_expect expect;
};

struct netsim_scenarios {
    struct belay_mem mem;
    struct netsim_settings settings;
    struct netsim_scenario *scenarios; /* at least 1, in the file's order */
    size_t scenarios_count;
    struct netsim_command *commands; /* at least 1 */
    size_t commands_count;
};

struct netsim_scenario_error {
    size_t line; /* 0: about the whole file */
    char text[320];
    char *words; /* malloc'd by the parser, free it: what error points into. Or NULL */
    struct netsim_words_error error;
};

/*
 * Reads len bytes of text. 0 with *scenarios; BELAY_EINVAL with *error filled: what is wrong
 * and what would be right; or BELAY_ENOMEM. No I/O: files that words name are not looked for.
 */
int netsim_scenarios_parse(struct netsim_scenarios **scenarios, const char *text, size_t len,
                           const struct belay_memory *memory,
                           struct netsim_scenario_error *error);
void netsim_scenarios_free(struct netsim_scenarios *scenarios);

/* What a command must come to in a scenario. */
const struct netsim_expect *netsim_scenario_expect(const struct netsim_scenario *scenario,
                                                   const struct netsim_command *command);

#endif
