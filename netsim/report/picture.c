#include "netsim/report/picture.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "netsim/report/forecast.h"
#include "netsim/report/numbers.h"

#define RASTER_COUNT 128
#define LADDER_COUNT 6
#define STRIP_COUNT  100000
#define TIME_COUNT   224 /* four a column */
#define COUNT_MAX    100000

/* What there is to see in a plan. */
struct view {
    bool one_by_one; /* fates of single packets */
    bool jitter, over_time, rebinds;
    bool line;          /* packets wait for a line or a turn */
    double span_ns;     /* of what changes over time; 0: nothing does */
    double interval_ns; /* that shows it */
};

static double least(double a, double b)
{
    return a <= 0 ? b : b <= 0 ? a : fmin(a, b);
}

/* A round number, at most ns. */
static int64_t round_down(double ns)
{
    static const int64_t tenths[] = {80, 60, 50, 40, 30, 25, 20, 15, 12};
    int64_t unit = 1;

    while ((double)(10 * unit) <= ns)
        unit *= 10;
    for (size_t i = 0; unit >= 10 && i < sizeof(tenths) / sizeof(tenths[0]); i++)
        if ((double)(tenths[i] * unit / 10) <= ns)
            return tenths[i] * unit / 10;
    return unit;
}

static double blackout_span(const struct netsim_words *w)
{
    double on = (double)w->blackout_on_ns, off = (double)w->blackout_off_ns;

    return w->blackout_repeats ? 2 * (on + off) : 1.5 * on + off;
}

/* What takes long is seen over time, with a few packets a column. */
static double span_of(const struct netsim_stage *stage)
{
    const struct netsim_words *w = &stage->steps[0].words;
    double span = 0;

    if (w->has_blackout)
        span = fmax(span, blackout_span(w));
    if (w->has_rebind)
        span = fmax(span, (double)w->rebind_ns * (w->rebind_repeats ? 3.5 : 2));
    if (stage->count > 1)
        span = fmax(span, 1.3 * (double)stage->steps[stage->count - 1].at_ns);
    return span;
}

/* What is quick is seen packet by packet: several on their way, a line that is too slow. */
static double pace_of(const struct netsim_words *w, const struct netsim_traffic *traffic)
{
    struct netsim_forecast e;

    netsim_forecast(&e, w, traffic);
    if (e.line_ns > 0)
        return e.line_ns / 1.5;
    if (e.slot_pps > 0)
        return 1e9 / e.slot_pps / 1.5;
    if (e.slot_ns > 0)
        return e.slot_ns / 8;
    if (w->limit < 1000 && w->delay_ns > 0)
        return (double)w->delay_ns / w->limit / 2;
    if (w->jitter_ns > 0)
        return (double)w->jitter_ns / 2;
    return (double)w->delay_ns / 4;
}

static bool is_line(const struct netsim_words *w)
{
    return w->rate_bytes_per_s > 0 || w->trace_file[0] != '\0' || w->has_slot;
}

/* The line, if there is one, sets the pace; else the quickest thing. */
static void look_at_stage(struct view *view, const struct netsim_stage *stage,
                          const struct netsim_traffic *traffic)
{
    const struct netsim_words *w = &stage->steps[0].words;
    double pace = pace_of(w, traffic);

    view->span_ns = fmax(view->span_ns, span_of(stage));
    view->jitter |= w->jitter_ns > 0;
    view->rebinds |= w->has_rebind;
    view->over_time |= is_line(w) || (w->limit < 1000 && w->delay_ns > 0);
    if (is_line(w) && !view->line)
        view->interval_ns = pace;
    else if (is_line(w) || !view->line)
        view->interval_ns =
            is_line(w) ? fmax(view->interval_ns, pace) : least(view->interval_ns, pace);
    view->line |= is_line(w);
}

static struct view look_at(const struct netsim_plan *plan, const struct netsim_traffic *traffic)
{
    struct view view = {.one_by_one = true};

    for (unsigned k = 0; k < plan->count; k++)
        look_at_stage(&view, &plan->stages[k], traffic);
    if (view.span_ns > 0) {
        view.interval_ns = view.span_ns / TIME_COUNT;
        view.over_time = true;
        view.one_by_one = false;
    }
    if (view.interval_ns <= 0)
        view.interval_ns = 1e6;
    return view;
}

static bool is_new(const char *seen, char mark)
{
    for (; *seen != '\0'; seen++)
        if (*seen == mark)
            return false;
    return true;
}

/* The first few packets to which as much as possible happens. */
static size_t best_window(const struct netsim_trips *trips, size_t count)
{
    size_t best = 0;
    int most = -1;

    for (size_t i = 0; i + count <= trips->count; i++) {
        char seen[16] = "";
        int kinds = 0;

        for (size_t k = i; k < i + count; k++) {
            char mark = netsim_picture_mark(&trips->trip[k]);

            if (is_new(seen, mark) && kinds < 15)
                seen[kinds++] = mark, seen[kinds] = '\0';
        }
        if (kinds > most) {
            most = kinds;
            best = i;
        }
    }
    return best;
}

struct picture {
    FILE *out;
    const struct netsim_plan *plan;
    struct netsim_traffic traffic;
    const struct netsim_picture_options *options;
    const struct belay_memory *memory;
};

static struct netsim_trips *run(const struct picture *p, size_t count)
{
    struct netsim_trips *trips;

    if (p->options->count > 0 && count != STRIP_COUNT)
        count = p->options->count;
    trips = netsim_trips_run(p->plan, p->options->seed, count, &p->traffic, p->memory);
    if (trips == NULL)
        errno = ENOMEM;
    return trips;
}

static void print_title(const struct picture *p, size_t count, const char *more)
{
    struct netsim_number every = netsim_say_time((double)p->traffic.interval_ns);

    fprintf(p->out, "%zu packets%s, one every %s\n", count, more, every.text);
}

static bool is_plain(const struct netsim_trips *trips)
{
    for (size_t i = 0; i < trips->count; i++)
        if (netsim_picture_mark(&trips->trip[i]) != '.')
            return false;
    return true;
}

static int draw_one_by_one(const struct picture *p, bool line)
{
    struct netsim_trips *trips = run(p, RASTER_COUNT);
    size_t count, first = 0;
    char more[48];

    if (trips == NULL)
        return -1;
    count = trips->count < LADDER_COUNT ? trips->count : LADDER_COUNT;
    if (!line)
        first = best_window(trips, count);
    if (!is_plain(trips)) {
        print_title(p, trips->count, "");
        netsim_picture_raster(p->out, trips);
        fputc('\n', p->out);
    }
    snprintf(more, sizeof(more), " (%zu to %zu)", first, first + count - 1);
    print_title(p, count, more);
    netsim_picture_ladder(p->out, trips, first, count, p->options->utf8);
    free(trips);
    return 0;
}

static int draw_strip(const struct picture *p)
{
    struct netsim_trips *trips = run(p, STRIP_COUNT);

    if (trips == NULL)
        return -1;
    fprintf(p->out, "\ndelays of %zu packets: how often which\n", trips->count);
    netsim_picture_strip(p->out, trips, p->options->utf8);
    free(trips);
    return 0;
}

static int draw_time_line(const struct picture *p, const struct view *view)
{
    double wanted = ceil(view->span_ns / (double)p->traffic.interval_ns);
    struct netsim_trips *trips =
        run(p, wanted > 0 && wanted < COUNT_MAX ? (size_t)wanted : TIME_COUNT);

    if (trips == NULL)
        return -1;
    if (view->one_by_one)
        fputc('\n', p->out);
    print_title(p, trips->count, "");
    netsim_picture_time_line(p->out, trips, p->options->utf8, view->rebinds ? p->plan : NULL);
    free(trips);
    return 0;
}

int netsim_picture(FILE *out, const struct netsim_plan *plan,
                   const struct netsim_traffic *traffic,
                   const struct netsim_picture_options *options,
                   const struct belay_memory *memory)
{
    struct view view = look_at(plan, traffic);
    struct picture p = {out, plan, *traffic, options, memory};
    int bad = 0;

    if (!options->interval_given)
        p.traffic.interval_ns = round_down(view.interval_ns);
    if (view.one_by_one)
        bad = draw_one_by_one(&p, view.line);
    if (bad == 0 && view.jitter)
        bad = draw_strip(&p);
    if (bad == 0 && view.over_time)
        bad = draw_time_line(&p, &view);
    return bad == 0 && !ferror(out) ? 0 : -1;
}
