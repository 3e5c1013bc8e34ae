/*
 * options.h - one table per program is its getopt_long table, its --help, and what a test
 * compares with its man page.
 *
 * Usage errors go to stderr, say what was wrong and what would be right, and end the program
 * with exit code 2.
 */
#ifndef BELAY_APPS_OPTIONS_H
#define BELAY_APPS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define EXIT_USAGE 2

/* A row. key: the short option's character, or 256 and up when there is none. */
struct option_row {
    int key;
    const char *name;     /* long option, NULL: none */
    const char *argument; /* its name in --help, NULL: takes none */
    const char *help;     /* may hold newlines */
};

enum { OPTION_HELP = 1000, OPTION_VERSION };

struct program {
    const char *name;
    const char *synopsis; /* what follows the name in the usage line */
    const char *about;
    const struct option_row *rows; /* the last has key 0; --help and --version are added */
};

/* As getopt_long: the key, '?' never (it ends the program), -1 at the end. Handles --help and
 * --version itself. The argument is in optarg, the first operand at optind. */
int options_next(const struct program *program, int argc, char **argv);

/* The exit code of the program: code, but EXIT_FAILURE with a sentence when standard output
 * could not be written. */
int options_finish(const struct program *program, int code);

_Noreturn void options_fail(const struct program *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* optarg as a whole number from min to max. */
uint64_t options_number(const struct program *program, const char *name, uint64_t min,
                        uint64_t max);
/* optarg, a decimal number of unit_ns from 0 (or above 0: positive) to max, as ns. */
uint64_t options_time_ns(const struct program *program, const char *name, uint64_t unit_ns,
                         uint64_t max, bool positive);
/* optarg, the name of a congestion controller that the library has. */
const char *options_congestion(const struct program *program, const char *name);

#endif
