#include "netsim/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netsim/files.h"
#include "netsim/model/units.h"

#if defined(__APPLE__)
#include <sys/random.h>
#endif

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list args)
{
    fputs("belay-netsim: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int netsim_cli_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
    return NETSIM_EXIT_FAILURE;
}

int netsim_cli_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
    return NETSIM_EXIT_USAGE;
}

int netsim_cli_try_help(const char *command)
{
    fprintf(stderr, "Try 'belay-netsim %s --help'.\n", command);
    return NETSIM_EXIT_USAGE;
}

/* Bytes that would move the caret or the terminal become blanks. */
static void print_line(const char *text)
{
    fputs("  ", stderr);
    for (; *text != '\0'; text++)
        fputc((unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text, stderr);
    fputc('\n', stderr);
}

/* UTF-8 takes one column a character, nearly always. */
static size_t columns(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len && text[i] != '\0'; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

void netsim_cli_caret(const char *text, const struct netsim_words_error *error)
{
    size_t before = columns(text, error->at), under = columns(text + error->at, error->len);

    print_line(text);
    fprintf(stderr, "%*s", (int)(before < 4096 ? before : 4096) + 2, "");
    for (size_t i = 0; i < (under > 0 ? under : 1) && i < 256; i++)
        fputc('^', stderr);
    fputc('\n', stderr);
    if (error->hint[0] != '\0')
        fprintf(stderr, "try: %s\n", error->hint);
}

static int show_error(const char *text, const struct netsim_words_error *error)
{
    netsim_cli_usage("%s", error->text);
    netsim_cli_caret(text, error);
    return NETSIM_EXIT_USAGE;
}

static void print_note(const char *note)
{
    fprintf(stderr, "belay-netsim: note: %s\n", note);
}

int netsim_cli_words(struct netsim_words *words, const char *text, bool quiet)
{
    struct netsim_words_error error;
    const char *note;

    if (netsim_words_parse(words, text, &error) != 0)
        return show_error(text, &error);
    for (unsigned i = 0; !quiet && (note = netsim_words_note(words, i)) != NULL; i++)
        print_note(note);
    return 0;
}

int netsim_cli_plan(struct netsim_plan **plan, const char *text, bool quiet)
{
    struct netsim_words_error error;
    char wrong[NETSIM_FILES_TEXT];
    const char *note;
    int result = netsim_plan_parse(plan, text, &netsim_cli_memory, &error);

    if (result == BELAY_ENOMEM)
        return netsim_cli_fail("out of memory");
    if (result != 0)
        return show_error(text, &error);
    if (netsim_files_load(*plan, wrong) != 0) {
        netsim_plan_free(*plan);
        *plan = NULL;
        return netsim_cli_fail("%s", wrong);
    }
    for (unsigned i = 0; !quiet && (note = netsim_plan_note(*plan, i)) != NULL; i++)
        print_note(note);
    return 0;
}

int netsim_cli_u64(uint64_t *value, const char *name, const char *text, uint64_t max)
{
    const char *wrong = netsim_parse_u64(text, value);

    if (wrong != NULL)
        return netsim_cli_usage("--%s: `%s` %s", name, text, wrong);
    if (*value > max)
        return netsim_cli_usage("--%s: `%s` is more than %" PRIu64, name, text, max);
    return 0;
}

/* Short enough to type again; the generator keeps 32 bits of a seed anyway. */
static uint64_t fresh_seed(void)
{
    uint32_t seed = 0;

    if (getentropy(&seed, sizeof(seed)) != 0)
        seed = (uint32_t)getpid();
    return seed;
}

/* own: the words' seed, or NULL. */
static uint64_t choose_seed(const uint64_t *given, const uint64_t *own)
{
    uint64_t seed;

    if (given != NULL && own != NULL && *own != *given)
        fprintf(stderr, "belay-netsim: the link's own seed %" PRIu64 " counts, not --seed's\n",
                *own);
    if (given != NULL)
        return *given;
    if (own != NULL)
        return *own;
    seed = fresh_seed();
    fprintf(stderr, "belay-netsim: seed %" PRIu64 " (the same again with --seed %" PRIu64 ")\n",
            seed, seed);
    return seed;
}

uint64_t netsim_cli_seed(const uint64_t *given, const struct netsim_words *words)
{
    return choose_seed(given, words->has_seed ? &words->seed : NULL);
}

uint64_t netsim_cli_plan_seed(const uint64_t *given, const struct netsim_plan *plan)
{
    uint64_t own;

    return choose_seed(given, netsim_plan_seed(plan, &own) ? &own : NULL);
}

static void *resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

const struct belay_memory netsim_cli_memory = {resize, NULL};
