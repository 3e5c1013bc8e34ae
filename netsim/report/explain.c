#include "netsim/report/explain.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "netsim/report/numbers.h"
#include "netsim/report/sentences.h"
#include "netsim/report/warnings.h"

#define WORDS_SIZE 4096

static void print_plan(FILE *out, const char *label, const struct netsim_plan *plan)
{
    char text[WORDS_SIZE];

    netsim_plan_format(plan, text, sizeof(text));
    fprintf(out, "%s%s\n", label, text[0] != '\0' ? text : "(no words)");
}

static void tell_words(FILE *out, const struct netsim_words *words,
                       const struct netsim_traffic *traffic)
{
    struct netsim_warning warnings[NETSIM_WARNINGS_MAX];
    struct netsim_forecast forecast;
    unsigned count;

    netsim_forecast(&forecast, words, traffic);
    netsim_sentences(out, words, &forecast, traffic);
    count = netsim_warnings(warnings, words, &forecast, traffic);
    for (unsigned i = 0; i < count; i++)
        netsim_sentence(out, "! beware", "%s", warnings[i].text);
}

static void tell_stage(FILE *out, const struct netsim_plan *plan, unsigned k,
                       const struct netsim_traffic *traffic)
{
    const struct netsim_stage *stage = &plan->stages[k];
    char text[WORDS_SIZE];

    for (unsigned i = 0; i < stage->count; i++) {
        const struct netsim_step *step = &stage->steps[i];

        netsim_words_format(&step->words, text, sizeof(text));
        if (plan->count > 1 && i == 0)
            fprintf(out, "\nStage %u: %s\n", k + 1, text);
        else if (stage->count > 1)
            fprintf(out, "\n");
        if (stage->count > 1)
            fprintf(out, "From %s on: %s\n", netsim_say_time((double)step->at_ns).text,
                    text[0] != '\0' ? text : "(no words)");
        tell_words(out, &step->words, traffic);
    }
}

void netsim_sum_up(struct netsim_sum *sum, const struct netsim_plan *plan,
                   const struct netsim_traffic *traffic)
{
    double arrive = 1;

    *sum = (struct netsim_sum){0};
    for (unsigned k = 0; k < plan->count; k++) {
        struct netsim_forecast e;

        netsim_forecast(&e, &plan->stages[k].steps[0].words, traffic);
        arrive *= 1 - e.losses.lost;
        sum->delay_min_ns += e.delay.min_ns + e.line_ns;
        sum->delay_mean_ns += e.delay.mean_ns + e.line_ns;
        sum->delay_max_ns += e.delay.max_ns + e.line_ns;
        if (e.line_pps > 0 && (sum->line_pps <= 0 || e.line_pps < sum->line_pps))
            sum->line_pps = e.line_pps;
    }
    sum->lost = 1 - arrive;
}

static void tell_sum(FILE *out, const struct netsim_plan *plan,
                     const struct netsim_traffic *traffic)
{
    struct netsim_sum sum;

    if (plan->count < 2)
        return;
    netsim_sum_up(&sum, plan, traffic);
    fprintf(out, "\nAll stages\n");
    netsim_sentence(out, "delay", "%s to %s without any queue.",
                    netsim_say_time(sum.delay_min_ns).text,
                    netsim_say_time(sum.delay_max_ns).text);
    if (sum.lost > 0)
        netsim_sentence(out, "loss", "%s of the packets, besides what queues drop.",
                        netsim_say_share(sum.lost).text);
    if (sum.line_pps > 0)
        netsim_sentence(out, "rate", "%s packets of %u bytes a second.",
                        netsim_say_count(sum.line_pps).text, traffic->size_bytes);
}

static void tell_trip_times(FILE *out, const struct netsim_sum *there,
                            const struct netsim_sum *home)
{
    double min_ns = there->delay_min_ns + home->delay_min_ns;
    double max_ns = there->delay_max_ns + home->delay_max_ns;

    if (min_ns == max_ns)
        netsim_sentence(out, "delay", "%s, without any queue.", netsim_say_time(min_ns).text);
    else
        netsim_sentence(out, "delay", "%s to %s, %s on average, without any queue.",
                        netsim_say_time(min_ns).text, netsim_say_time(max_ns).text,
                        netsim_say_time(there->delay_mean_ns + home->delay_mean_ns).text);
}

static void tell_round_trip(FILE *out, const struct netsim_plan *plan,
                            const struct netsim_plan *back,
                            const struct netsim_traffic *traffic)
{
    struct netsim_sum there, home;
    double lost;

    netsim_sum_up(&there, plan, traffic);
    if (back == NULL) {
        if (there.lost > 0 && there.lost < 1)
            netsim_sentence(out, "both ways",
                            "With the same words on the way back %s of the "
                            "round trips fail.",
                            netsim_say_share(1 - (1 - there.lost) * (1 - there.lost)).text);
        return;
    }
    netsim_sum_up(&home, back, traffic);
    lost = 1 - (1 - there.lost) * (1 - home.lost);
    fprintf(out, "\nRound trip\n");
    tell_trip_times(out, &there, &home);
    netsim_sentence(out, "loss", "%s of them fail, besides what queues drop.",
                    netsim_say_share(lost).text);
}

static void tell_plan(FILE *out, const char *label, const struct netsim_plan *plan,
                      const struct netsim_traffic *traffic)
{
    print_plan(out, label, plan);
    for (unsigned k = 0; k < plan->count; k++)
        tell_stage(out, plan, k, traffic);
    tell_sum(out, plan, traffic);
}

int netsim_explain_text(FILE *out, const struct netsim_plan *plan,
                        const struct netsim_plan *back, const struct netsim_traffic *traffic)
{
    tell_plan(out, "", plan, traffic);
    if (back != NULL) {
        fputc('\n', out);
        tell_plan(out, "Back: ", back, traffic);
    }
    tell_round_trip(out, plan, back, traffic);
    return ferror(out) ? -1 : 0;
}
