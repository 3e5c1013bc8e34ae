#include "netsim/conformance/lines.h"

#include <string.h>

#include "netsim/conformance/frame.h"

static bool has_flag(const char *flags, const char *flag)
{
    size_t len = strlen(flag);

    for (const char *at = flags; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, flag, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

static bool parse(const char *text, struct line *line)
{
    char size[32];

    memset(line, 0, sizeof(*line));
    if (sscanf(text, "ask | %511[^\n]", line->words) == 1)
        return line->ask = true;
    if (sscanf(text, "%u %31s %u %63s | %511[^\n]", &line->interval_us, size, &line->count,
               line->flags, line->words) != 5)
        return false;
    if (sscanf(size, "%u-%u", &line->size_min, &line->size_max) == 1)
        line->size_max = line->size_min;
    line->ect = has_flag(line->flags, "ect");
    line->again = has_flag(line->flags, "again");
    return line->size_min >= FRAME_MIN && line->size_min <= line->size_max &&
           line->size_max <= FRAME_MAX && line->count > 0 &&
           strpbrk(line->words, "\"\\") == NULL;
}

int line_next(FILE *file, struct line *line)
{
    char text[1024];

    while (fgets(text, sizeof(text), file) != NULL) {
        if (text[0] == '#' || text[0] == '\n')
            continue;
        if (parse(text, line))
            return 1;
        fprintf(stderr, "record: wrong line: %s", text);
        return -1;
    }
    return 0;
}

uint32_t line_size(const struct line *line, uint32_t i)
{
    return line->size_min +
           (uint32_t)((uint64_t)i * 7919 % (line->size_max - line->size_min + 1));
}
