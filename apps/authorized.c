#include "authorized.h"

#include "quote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BLANKS         " \t\r\n"
#define NAME_MAX_BYTES 128

struct entry {
    uint8_t key[KEY_SIZE];
    unsigned line;
    char name[NAME_MAX_BYTES];
};

struct authorized {
    struct entry *entries; /* by key */
    size_t count, room;
};

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key, KEY_SIZE);
}

bool authorized_is_empty(const struct authorized *list)
{
    return list->count == 0;
}

const char *authorized_name(const struct authorized *list, const uint8_t key[KEY_SIZE])
{
    struct entry wanted;
    if (list->count == 0)
        return NULL;
    memcpy(wanted.key, key, KEY_SIZE);
    const struct entry *found =
        bsearch(&wanted, list->entries, list->count, sizeof wanted, compare);
    return found ? found->name : NULL;
}

void authorized_free(struct authorized *list)
{
    if (list)
        free(list->entries);
    free(list);
}

/* ------------------------------------------------------------------ reading */

static struct entry *add_entry(struct authorized *list)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        struct entry *entries = realloc(list->entries, room * sizeof *entries);
        if (entries == NULL)
            return NULL;
        list->entries = entries;
        list->room = room;
    }
    return &list->entries[list->count++];
}

/* A line without its blanks at both ends. */
static bool parse_line(struct entry *entry, char *line, char why[KEY_WHY_MAX])
{
    size_t key_len = strcspn(line, BLANKS);
    const char *name = line + key_len + strspn(line + key_len, BLANKS);
    if (!keytext_parse(KEY_PUBLIC, line, key_len, entry->key, why))
        return false;
    quote_clean(name, entry->name, sizeof entry->name);
    const char *wrong = NULL;
    if (*name == '\0')
        wrong = "the client's name is missing after its key";
    else if (strlen(name) >= sizeof entry->name)
        wrong = "the name is longer than 127 bytes";
    else if (strcmp(name, entry->name) != 0)
        wrong = "the name is not text: it has bytes that are no letters (UTF-8)";
    if (wrong)
        snprintf(why, KEY_WHY_MAX, "%s", wrong);
    return wrong == NULL;
}

static bool take_line(struct authorized *list, char *line, unsigned number,
                      char why[KEY_WHY_MAX])
{
    line += strspn(line, BLANKS);
    for (size_t len = strlen(line); len > 0 && strchr(BLANKS, line[len - 1]); len--)
        line[len - 1] = '\0';
    if (*line == '\0' || *line == '#')
        return true;
    struct entry *entry = add_entry(list);
    if (entry == NULL) {
        snprintf(why, KEY_WHY_MAX, "out of memory");
        return false;
    }
    entry->line = number;
    return parse_line(entry, line, why);
}

static bool take_lines(struct authorized *list, FILE *file, unsigned *number,
                       char why[KEY_WHY_MAX])
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    bool is_right = true;
    while (is_right && (len = getline(&line, &size, file)) >= 0) {
        ++*number;
        is_right = strlen(line) == (size_t)len;
        if (is_right)
            is_right = take_line(list, line, *number, why);
        else
            snprintf(why, KEY_WHY_MAX, "a zero byte is in it: this is no text");
    }
    free(line);
    if (is_right && ferror(file)) {
        snprintf(why, KEY_WHY_MAX, "%s", strerror(errno));
        is_right = false;
    }
    return is_right;
}

/* A key twice would have two names. */
static bool sort(struct authorized *list, unsigned *number, char why[KEY_WHY_MAX])
{
    if (list->count > 0)
        qsort(list->entries, list->count, sizeof *list->entries, compare);
    for (size_t i = 1; i < list->count; i++) {
        unsigned a = list->entries[i - 1].line, b = list->entries[i].line;
        if (compare(&list->entries[i - 1], &list->entries[i]) != 0)
            continue;
        *number = a > b ? a : b;
        snprintf(why, KEY_WHY_MAX, "this key is there already, in line %u", a > b ? b : a);
        return false;
    }
    return true;
}

static FILE *open_list(const char *path, char why[KEY_WHY_MAX])
{
    struct stat status;
    FILE *file = fopen(path, "re");
    const char *wrong = NULL;
    if (file == NULL || fstat(fileno(file), &status) != 0)
        wrong = strerror(errno);
    else if ((status.st_mode & 022) != 0)
        wrong = "others may change it, and so let themselves in: 'chmod go-w' it";
    if (wrong == NULL)
        return file;
    snprintf(why, KEY_WHY_MAX, "%s: %s", path, wrong);
    if (file)
        fclose(file);
    return NULL;
}

struct authorized *authorized_read(const char *path, char why[KEY_WHY_MAX])
{
    char what[KEY_WHY_MAX];
    unsigned number = 0;
    FILE *file = open_list(path, why);
    if (file == NULL)
        return NULL;
    struct authorized *list = calloc(1, sizeof *list);
    if (list == NULL)
        snprintf(what, sizeof what, "out of memory");
    bool is_right = list && take_lines(list, file, &number, what) && sort(list, &number, what);
    fclose(file);
    if (is_right)
        return list;
    snprintf(why, KEY_WHY_MAX, "%.200s: line %u: %.280s", path, number, what);
    authorized_free(list);
    return NULL;
}
