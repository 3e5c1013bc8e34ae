#include <inttypes.h>

#include "sim/count.h"

static const char *const texts[SIM_COUNT_MAX] = {
#define SIM_COUNT_TEXT(name, text) [SIM_COUNT_##name] = text,
    SIM_COUNTS(SIM_COUNT_TEXT)
#undef SIM_COUNT_TEXT
};

void sim_counts_add(struct sim_counts *sum, const struct sim_counts *more)
{
    for (unsigned i = 0; i < SIM_COUNT_MAX; i++)
        sum->of[i] += more->of[i];
}

unsigned sim_counts_print(const struct sim_counts *counts, FILE *out)
{
    unsigned zeros = 0;

    for (unsigned i = 0; i < SIM_COUNT_MAX; i++) {
        bool never = counts->of[i] == 0;
        fprintf(out, "%12" PRIu64 "  %s%s\n", counts->of[i], texts[i],
                never ? "  <-- never" : "");
        zeros += never;
    }
    return zeros;
}
