#include "netsim/report/explain.h"

#include <jansson.h>
#include <math.h>

#include "netsim/report/warnings.h"

#define WORDS_SIZE 4096

/* A number, or null where there is no formula. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *losses_json(const struct netsim_losses *l)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "asked", number(l->asked), "events",
                     number(l->events), "lost", number(l->lost), "burst", number(l->burst),
                     "doubled", number(l->duplicate), "twice", number(l->twice), "about",
                     l->about);
}

static json_t *delay_json(const struct netsim_delays_summary *d)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "min_ns", number(d->min_ns), "mean_ns",
                     number(d->mean_ns), "p50_ns", number(d->p50_ns), "p99_ns",
                     number(d->p99_ns), "max_ns", number(d->max_ns), "at_once",
                     number(d->at_once));
}

static json_t *order_json(const struct netsim_order *o)
{
    return json_pack("{s:o, s:o, s:b}", "early", number(o->early), "late", number(o->late),
                     "about", o->about);
}

static json_t *queue_json(const struct netsim_forecast *e, const struct netsim_words *w)
{
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "limit", (json_int_t)w->limit, "held",
        number(e->held), "limit_pps", number(e->limit_pps > 0 ? e->limit_pps : NAN),
        "limit_lost", number(e->limit_lost), "line_ns", number(e->line_ns), "line_pps",
        number(e->line_pps > 0 ? e->line_pps : NAN), "load", number(e->load), "full_ns",
        number(e->full_ns), "slot_pps", number(e->slot_pps > 0 ? e->slot_pps : NAN));
}

static json_t *warnings_json(const struct netsim_words *words,
                             const struct netsim_forecast *forecast,
                             const struct netsim_traffic *traffic)
{
    struct netsim_warning warnings[NETSIM_WARNINGS_MAX];
    unsigned count = netsim_warnings(warnings, words, forecast, traffic);
    json_t *list = json_array();

    for (unsigned i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "id", warnings[i].id, "text", warnings[i].text));
    return list;
}

static json_t *step_json(const struct netsim_step *step, const struct netsim_traffic *traffic)
{
    struct netsim_forecast e;
    char text[WORDS_SIZE];

    netsim_forecast(&e, &step->words, traffic);
    netsim_words_format(&step->words, text, sizeof(text));
    return json_pack("{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "at_ns",
                     (json_int_t)step->at_ns, "words", text, "loss", losses_json(&e.losses),
                     "delay", delay_json(&e.delay), "order", order_json(&e.order), "corrupt",
                     number(e.corrupt.mean), "queue", queue_json(&e, &step->words), "blackout",
                     number(e.blackout_share), "warnings",
                     warnings_json(&step->words, &e, traffic));
}

static json_t *plan_json(const struct netsim_plan *plan, const struct netsim_traffic *traffic)
{
    json_t *stages;
    struct netsim_sum sum;
    char text[WORDS_SIZE];

    if (plan == NULL)
        return json_null();
    stages = json_array();
    for (unsigned k = 0; k < plan->count; k++) {
        json_t *steps = json_array();

        for (unsigned i = 0; i < plan->stages[k].count; i++)
            json_array_append_new(steps, step_json(&plan->stages[k].steps[i], traffic));
        json_array_append_new(stages, steps);
    }
    netsim_plan_format(plan, text, sizeof(text));
    netsim_sum_up(&sum, plan, traffic);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "words", text, "lost",
                     number(sum.lost), "delay_min_ns", number(sum.delay_min_ns),
                     "delay_mean_ns", number(sum.delay_mean_ns), "delay_max_ns",
                     number(sum.delay_max_ns), "line_pps",
                     number(sum.line_pps > 0 ? sum.line_pps : NAN), "stages", stages);
}

int netsim_explain_json(FILE *out, const struct netsim_plan *plan,
                        const struct netsim_plan *back, const struct netsim_traffic *traffic)
{
    json_t *whole =
        json_pack("{s:I, s:I, s:o, s:o}", "interval_ns", (json_int_t)traffic->interval_ns,
                  "size_bytes", (json_int_t)traffic->size_bytes, "link",
                  plan_json(plan, traffic), "back", plan_json(back, traffic));
    int bad = whole == NULL;

    if (!bad)
        bad = json_dumpf(whole, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) |
              (fputc('\n', out) == EOF);
    json_decref(whole);
    return bad ? -1 : 0;
}
