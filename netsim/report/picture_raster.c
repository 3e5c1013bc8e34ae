#include "netsim/report/picture.h"

#include <string.h>

#define COLUMNS 64

static const struct {
    char mark;
    const char *what;
} marks[] = {
    {'.', "delivered"},
    {'X', "lost"},
    {'Q', "dropped by a full queue"},
    {'2', "twice"},
    {'#', "a bit flipped"},
    {'C', "marked by ecn"},
    {'^', "early, past the queue"},
    {'~', "late, after a later one"},
};

static char mark_of_drop(enum netsim_why why)
{
    switch (why) {
    case NETSIM_DROP_LIMIT:
    case NETSIM_DROP_QUEUE:
    case NETSIM_DROP_CODEL:
    case NETSIM_DROP_MEMORY:
        return 'Q';
    case NETSIM_NOT_DROPPED:
    case NETSIM_DROP_LOSS:
    case NETSIM_DROP_STATE:
    case NETSIM_DROP_GEMODEL:
    case NETSIM_DROP_LISTED:
    case NETSIM_DROP_BLACKOUT:
    case NETSIM_DROP_MTU:
        break;
    }
    return 'X';
}

/* The gravest first. */
char netsim_picture_mark(const struct netsim_trip *trip)
{
    const struct netsim_arrival *first = &trip->arrival[0];
    bool corrupt = false;

    if (trip->arrivals == 0)
        return mark_of_drop(trip->why);
    for (unsigned i = 0; i < trip->arrivals; i++)
        corrupt |= trip->arrival[i].corrupt;
    if (corrupt)
        return '#';
    if (trip->arrivals > 1)
        return '2';
    if (first->ce)
        return 'C';
    return first->early ? '^' : first->late ? '~' : '.';
}

/* What the marks mean that were used. */
static void print_legend(FILE *out, const char *used)
{
    size_t column = 0;

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t len = strlen(marks[i].what) + 2;

        if (strchr(used, marks[i].mark) == NULL)
            continue;
        if (column > 0 && column + 3 + len > NETSIM_PICTURE_COLUMNS) {
            fputc('\n', out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%c %s", column > 0 ? "   " : "  ", marks[i].mark,
                                  marks[i].what);
    }
    fputc('\n', out);
}

void netsim_picture_raster(FILE *out, const struct netsim_trips *trips)
{
    char used[sizeof(marks) / sizeof(marks[0]) + 1] = "";
    size_t count = 0;

    for (size_t i = 0; i < trips->count; i++) {
        char mark = netsim_picture_mark(&trips->trip[i]);

        if (i % COLUMNS == 0)
            fprintf(out, "%s  ", i > 0 ? "\n" : "");
        fputc(mark, out);
        if (strchr(used, mark) == NULL)
            used[count++] = mark;
    }
    fputc('\n', out);
    print_legend(out, used);
}
