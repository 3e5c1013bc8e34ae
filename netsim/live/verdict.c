#include "netsim/live/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_US 1000
#define NS_PER_MS 1000000

__attribute__((format(printf, 2, 3))) static void add(char out[NETSIM_VERDICT_SIZE],
                                                      const char *format, ...)
{
    size_t len = strlen(out);
    va_list args;

    if (len > 0 && len + 2 < NETSIM_VERDICT_SIZE) {
        strcpy(out + len, ", ");
        len += 2;
    }
    va_start(args, format);
    vsnprintf(out + len, NETSIM_VERDICT_SIZE - len, format, args);
    va_end(args);
}

static void add_delay(char out[NETSIM_VERDICT_SIZE], uint64_t delay_ns)
{
    if (delay_ns >= NS_PER_MS)
        add(out, "delayed %.1f ms", (double)delay_ns / NS_PER_MS);
    else
        add(out, "delayed %.0f us", (double)delay_ns / NS_PER_US);
}

const char *netsim_verdict(const struct netsim_outcome *outcome, const char *lost,
                           uint64_t now_ns, char out[NETSIM_VERDICT_SIZE])
{
    out[0] = '\0';
    if (outcome->why != NETSIM_NOT_DROPPED)
        lost = netsim_why_name(outcome->why);
    if (lost != NULL)
        add(out, "dropped: %s", lost);
    if (outcome->why != NETSIM_NOT_DROPPED && outcome->stage > 0)
        add(out, "in stage %u", outcome->stage + 1);
    if (outcome->duplicate)
        add(out, "duplicate");
    if (outcome->reordered)
        add(out, "reordered");
    if (outcome->t_ns > outcome->sent_ns) /* the link's doing, not only the system's */
        add_delay(out, now_ns - outcome->sent_ns);
    if (outcome->ce)
        add(out, "marked CE");
    for (unsigned i = 0; i < outcome->corrupt_bits; i++)
        add(out, "bit %" PRIu64 " flipped", outcome->corrupt_bit[i]);
    return out;
}
