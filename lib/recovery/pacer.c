#include "recovery/pacer.h"

#include <belay/common.h>

#define SECOND_NS UINT64_C(1000000000)

void belay_pacer_init(struct belay_pacer *pacer, uint64_t burst_bytes)
{
    *pacer = (struct belay_pacer){.burst_bytes = burst_bytes, .credit_bytes = burst_bytes};
}

/* Whole bytes that the rate earned since the last time, no more than enough. */
static uint64_t earn(struct belay_pacer *pacer, uint64_t enough, uint64_t now_ns)
{
    uint64_t elapsed_ns = now_ns - pacer->updated_ns;
    uint64_t seconds = elapsed_ns / SECOND_NS;
    if (seconds > enough / pacer->rate_bytes_per_s)
        return enough;

    /* Below 1e9 * RATE_MAX + 1e9, which is below 2^64. */
    uint64_t parts = elapsed_ns % SECOND_NS * pacer->rate_bytes_per_s + pacer->remainder;
    pacer->remainder = parts % SECOND_NS;
    return seconds * pacer->rate_bytes_per_s + parts / SECOND_NS;
}

static void refill(struct belay_pacer *pacer, uint64_t now_ns)
{
    if (now_ns <= pacer->updated_ns)
        return;
    uint64_t room = pacer->burst_bytes - pacer->credit_bytes + pacer->debt_bytes;
    uint64_t earned = room;
    if (pacer->rate_bytes_per_s > 0)
        earned = earn(pacer, room, now_ns);
    pacer->updated_ns = now_ns;
    if (earned >= room) {
        pacer->credit_bytes = pacer->burst_bytes;
        pacer->debt_bytes = 0;
        pacer->remainder = 0;
    } else if (earned > pacer->debt_bytes) {
        pacer->credit_bytes += earned - pacer->debt_bytes;
        pacer->debt_bytes = 0;
    } else {
        pacer->debt_bytes -= earned;
    }
}

void belay_pacer_set_rate(struct belay_pacer *pacer, uint64_t rate_bytes_per_s,
                          uint64_t burst_bytes, uint64_t now_ns)
{
    refill(pacer, now_ns);
    pacer->rate_bytes_per_s = rate_bytes_per_s > BELAY_PACER_RATE_MAX ? 0 : rate_bytes_per_s;
    pacer->burst_bytes = burst_bytes;
    if (pacer->credit_bytes >= burst_bytes) {
        pacer->credit_bytes = burst_bytes;
        pacer->remainder = 0; /* credit and remainder together never pass the burst */
    }
}

uint64_t belay_pacer_left(struct belay_pacer *pacer, uint64_t now_ns)
{
    if (pacer->rate_bytes_per_s == 0)
        return pacer->burst_bytes;
    refill(pacer, now_ns);
    return pacer->credit_bytes;
}

void belay_pacer_sent(struct belay_pacer *pacer, uint64_t bytes, uint64_t now_ns)
{
    if (pacer->rate_bytes_per_s == 0)
        return;
    refill(pacer, now_ns);
    if (bytes <= pacer->credit_bytes) {
        pacer->credit_bytes -= bytes;
        return;
    }
    pacer->debt_bytes += bytes - pacer->credit_bytes;
    pacer->credit_bytes = 0;
    if (pacer->debt_bytes > pacer->burst_bytes)
        pacer->debt_bytes = pacer->burst_bytes;
}

uint64_t belay_pacer_time(const struct belay_pacer *pacer, uint64_t bytes)
{
    if (bytes > pacer->burst_bytes)
        bytes = pacer->burst_bytes;
    if (pacer->rate_bytes_per_s == 0 || bytes <= pacer->credit_bytes)
        return 0;

    /* All missing bytes but one, and what the remainder lacks of that one, rounded up. */
    uint64_t rate = pacer->rate_bytes_per_s;
    uint64_t missing = bytes - pacer->credit_bytes + pacer->debt_bytes - 1;
    if (missing / rate >= BELAY_NEVER / SECOND_NS / 2)
        return BELAY_NEVER;
    uint64_t parts = missing % rate * SECOND_NS + (SECOND_NS - pacer->remainder);
    uint64_t wait_ns = missing / rate * SECOND_NS + parts / rate + (parts % rate != 0);
    return pacer->updated_ns + wait_ns;
}
