#include "netsim/report/picture.h"

#include <math.h>
#include <string.h>

#include "netsim/report/numbers.h"

#define BINS   52
#define LEVELS 10

static const char *const ascii[LEVELS] = {" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"};
static const char *const blocks[LEVELS] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█", "█"};

/* Something for each bin of time or delay. */
struct bins {
    double value[BINS], most;
};

#define ROWS 4 /* of a strip's bars */

static void add(struct bins *bins, double at, double value)
{
    unsigned i = at < 0 ? 0 : at >= BINS ? BINS - 1 : (unsigned)at;

    bins->value[i] += value;
    bins->most = bins->value[i] > bins->most ? bins->value[i] : bins->most;
}

static void print_bins(FILE *out, const char *label, const struct bins *bins, unsigned count,
                       double most, bool utf8, const char *what)
{
    fprintf(out, "  %-8s|", label);
    for (unsigned i = 0; i < count; i++) {
        double share = most > 0 ? bins->value[i] / most : 0;
        int level = share <= 0 ? 0 : 1 + (int)(share * (LEVELS - 2) + 0.499);

        level = level > LEVELS - 1 ? LEVELS - 1 : level;
        fputs(utf8 ? blocks[level] : ascii[level], out);
    }
    fprintf(out, "|%s\n", what);
}

/* Bars of four rows, a row in eight steps with blocks and in three without. */
static void print_bars(FILE *out, const struct bins *bins, bool utf8)
{
    for (int row = ROWS - 1; row >= 0; row--) {
        fprintf(out, "  %8s|", row == ROWS - 1 ? "often " : row == 0 ? "rare " : "");
        for (unsigned i = 0; i < BINS; i++) {
            double fill = ROWS * bins->value[i] / bins->most - row;

            fill = fill < 0 ? 0 : fill > 1 ? 1 : fill;
            if (bins->value[i] > 0 && row == 0 && fill < 0.13)
                fill = 0.13; /* what happens at all is seen */
            fputs(utf8         ? blocks[(int)(8 * fill)]
                  : fill <= 0  ? " "
                  : fill < 0.5 ? "."
                  : fill < 0.9 ? ":"
                               : "#",
                  out);
        }
        fputs("|\n", out);
    }
}

void netsim_picture_strip(FILE *out, const struct netsim_trips *trips, bool utf8)
{
    struct bins bins = {.most = 0};
    double low = INFINITY, high = 0, step;
    size_t arrived = 0;

    for (size_t i = 0; i < trips->count; i++)
        if (trips->trip[i].arrivals > 0) {
            double ns = (double)(trips->trip[i].arrival[0].t_ns - trips->trip[i].sent_ns);

            low = fmin(low, ns);
            high = fmax(high, ns);
            arrived++;
        }
    if (arrived == 0)
        return;
    step = high > low ? (high - low) / BINS : 1;
    for (size_t i = 0; i < trips->count; i++)
        if (trips->trip[i].arrivals > 0)
            add(&bins,
                ((double)(trips->trip[i].arrival[0].t_ns - trips->trip[i].sent_ns) - low) /
                    step,
                1);
    print_bars(out, &bins, utf8);
    fprintf(out, "  %8s %-26s%26s\n", "", netsim_say_about_time(low).text,
            netsim_say_about_time(high).text);
}

static char port_at(const struct netsim_plan *plan, uint64_t t_ns)
{
    uint64_t count = 0;

    for (unsigned k = 0; k < plan->count; k++) {
        const struct netsim_words *w = &plan->stages[k].steps[0].words;

        if (w->has_rebind)
            count += w->rebind_repeats ? t_ns / w->rebind_ns : t_ns >= w->rebind_ns;
    }
    return (char)('A' + count % 26);
}

static void print_ports(FILE *out, const struct netsim_plan *plan, unsigned count, double step)
{
    fprintf(out, "  %-8s|", "port");
    for (unsigned i = 0; i < count; i++)
        fputc(port_at(plan, (uint64_t)(step * (i + 0.5))), out);
    fputs("|\n", out);
}

struct lines {
    struct bins sent, arrived, lost, no_room, wait, waiters;
    unsigned count; /* of columns */
    double step;    /* nanoseconds of one */
};

static void add_trip(struct lines *l, const struct netsim_trip *trip)
{
    double out = (double)trip->sent_ns / l->step;

    add(&l->sent, out, 1);
    for (unsigned i = 0; i < trip->arrivals; i++)
        add(&l->arrived, (double)trip->arrival[i].t_ns / l->step, 1);
    if (trip->arrivals == 0)
        add(netsim_picture_mark(trip) == 'Q' ? &l->no_room : &l->lost, out, 1);
    if (trip->arrivals > 0) {
        add(&l->wait, out, (double)(trip->arrival[0].t_ns - trip->sent_ns));
        add(&l->waiters, out, 1);
    }
}

static void print_waits(FILE *out, struct lines *l, bool utf8)
{
    double least = INFINITY;
    char what[48];

    l->wait.most = 0;
    for (unsigned i = 0; i < BINS; i++) {
        if (l->waiters.value[i] <= 0)
            continue;
        l->wait.value[i] /= l->waiters.value[i];
        l->wait.most = fmax(l->wait.most, l->wait.value[i]);
        least = fmin(least, l->wait.value[i]);
    }
    if (l->wait.most <= 0 || least >= l->wait.most * 0.999) /* the same for all: no news */
        return;
    snprintf(what, sizeof(what), " %s", netsim_say_about_time(l->wait.most).text);
    print_bins(out, "delay", &l->wait, l->count, l->wait.most, utf8, what);
}

/* Columns are a whole number of intervals, so that the same is sent in each. */
static void choose_columns(struct lines *l, const struct netsim_trips *trips)
{
    double interval = trips->count > 1 ? (double)trips->trip[1].sent_ns : 1;
    double end = (double)trips->trip[trips->count - 1].sent_ns + interval;

    end = fmax(end, (double)trips->end_ns + 1);
    l->step = interval * ceil(end / interval / BINS);
    l->count = (unsigned)fmin(ceil(end / l->step), BINS);
}

void netsim_picture_time_line(FILE *out, const struct netsim_trips *trips, bool utf8,
                              const struct netsim_plan *rebinds)
{
    struct lines l = {.count = 0};
    char what[48];
    double most;

    choose_columns(&l, trips);
    for (size_t i = 0; i < trips->count; i++)
        add_trip(&l, &trips->trip[i]);
    most = fmax(l.sent.most, l.arrived.most);
    snprintf(what, sizeof(what), " %s", netsim_say_count(most).text);
    print_bins(out, "sent", &l.sent, l.count, most, utf8, what);
    print_bins(out, "arrived", &l.arrived, l.count, most, utf8, "");
    if (l.lost.most > 0)
        print_bins(out, "lost", &l.lost, l.count, most, utf8, "");
    if (l.no_room.most > 0)
        print_bins(out, "no room", &l.no_room, l.count, most, utf8, "");
    print_waits(out, &l, utf8);
    if (rebinds != NULL)
        print_ports(out, rebinds, l.count, l.step);
    fprintf(out, "  %8s 0%*s\n", "", (int)l.count - 1,
            netsim_say_about_time(l.step * l.count).text);
}
