#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/core.h>

#define ROWS_MAX    32
#define HELP_COLUMN 22

static const struct option_row common_rows[] = {
    {OPTION_HELP, "help", NULL, "print this and exit"},
    {OPTION_VERSION, "version", NULL, "print the version and exit"},
    {0, NULL, NULL, NULL},
};

/* ------------------------------------------------------------------ help */

static void print_row(const struct option_row *row)
{
    char left[64];
    char brief[8] = "";
    if (row->key < 256)
        snprintf(brief, sizeof brief, "-%c%s", row->key, row->name ? ", " : "");
    snprintf(left, sizeof left, "  %s%s%s%s%s", brief, row->name ? "--" : "",
             row->name ? row->name : "", row->argument ? " " : "",
             row->argument ? row->argument : "");
    printf("%-*s", HELP_COLUMN, left);
    if (strlen(left) >= HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");
    for (const char *c = row->help; *c; c++) {
        putchar(*c);
        if (*c == '\n')
            printf("%*s", HELP_COLUMN, "");
    }
    putchar('\n');
}

static void print_help(const struct program *program)
{
    printf("Usage: %s %s\n\n%s\n\nOptions:\n", program->name, program->synopsis,
           program->about);
    for (const struct option_row *row = program->rows; row->key; row++)
        print_row(row);
    for (const struct option_row *row = common_rows; row->key; row++)
        print_row(row);
}

/* ------------------------------------------------------------------ parsing */

struct getopt_tables {
    char shorts[2 * ROWS_MAX + 2];
    struct option longs[ROWS_MAX + 1];
    size_t shorts_len, longs_count;
};

static void add_rows(struct getopt_tables *tables, const struct option_row *row)
{
    for (; row->key && tables->longs_count < ROWS_MAX; row++) {
        if (row->key < 256) {
            tables->shorts[tables->shorts_len++] = (char)row->key;
            if (row->argument)
                tables->shorts[tables->shorts_len++] = ':';
        }
        if (row->name)
            tables->longs[tables->longs_count++] = (struct option){
                row->name, row->argument ? required_argument : no_argument, NULL, row->key};
    }
}

int options_finish(const struct program *program, int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "%s: standard output could not be written: is the disk full?\n",
            program->name);
    return EXIT_FAILURE;
}

int options_next(const struct program *program, int argc, char **argv)
{
    struct getopt_tables tables = {.shorts_len = 0};
    add_rows(&tables, program->rows);
    add_rows(&tables, common_rows);

    int key = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);
    if (key == OPTION_HELP) {
        print_help(program);
        exit(options_finish(program, EXIT_SUCCESS));
    }
    if (key == OPTION_VERSION) {
        printf("%s %s\n", program->name, belay_version());
        exit(options_finish(program, EXIT_SUCCESS));
    }
    if (key == '?') { /* getopt_long has said what */
        fprintf(stderr, "Try '%s --help'.\n", program->name);
        exit(EXIT_USAGE);
    }
    return key;
}

void options_fail(const struct program *program, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program->name);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nTry '%s --help'.\n", program->name);
    exit(EXIT_USAGE);
}

uint64_t options_number(const struct program *program, const char *name, uint64_t min,
                        uint64_t max)
{
    errno = 0;
    bool digits = *optarg && strspn(optarg, "0123456789") == strlen(optarg);
    uint64_t value = digits ? strtoull(optarg, NULL, 10) : 0;
    if (!digits || errno || value < min || value > max)
        options_fail(program, "--%s '%s': not a whole number from %llu to %llu", name, optarg,
                     (unsigned long long)min, (unsigned long long)max);
    return value;
}

uint64_t options_time_ns(const struct program *program, const char *name, uint64_t unit_ns,
                         uint64_t max, bool positive)
{
    /* Our own look at the characters: strtod would take "inf", "0x1p3" and " 1". */
    size_t whole = strspn(optarg, "0123456789");
    size_t point = optarg[whole] == '.';
    size_t part = point ? strspn(optarg + whole + 1, "0123456789") : 0;
    bool is_decimal = whole + part > 0 && optarg[whole + point + part] == '\0';
    double value = is_decimal ? strtod(optarg, NULL) : -1;
    if (!is_decimal || value > (double)max || (positive && value * (double)unit_ns < 1))
        options_fail(program, "--%s '%s': not a decimal number %s to %llu", name, optarg,
                     positive ? "above 0, up" : "from 0", (unsigned long long)max);
    return (uint64_t)(value * (double)unit_ns + 0.5);
}

const char *options_congestion(const struct program *program, const char *name)
{
    struct belay_core_config config;
    belay_core_config_init(&config);
    config.congestion = optarg;
    const char *wrong = belay_core_config_check(&config);
    if (wrong)
        options_fail(program, "--%s '%s': %s", name, optarg, wrong);
    return optarg;
}
