#include "recovery/rtt.h"

#define INITIAL_NS     (100 * UINT64_C(1000000))
#define GRANULARITY_NS UINT64_C(1000000)

void belay_rtt_init(struct belay_rtt *rtt)
{
    *rtt = (struct belay_rtt){
        .smoothed_ns = INITIAL_NS,
        .variance_ns = INITIAL_NS / 2,
    };
}

void belay_rtt_sample(struct belay_rtt *rtt, uint64_t sample_ns, uint64_t ack_delay_ns)
{
    rtt->latest_ns = sample_ns;
    if (!rtt->has_sample) {
        rtt->has_sample = true;
        rtt->min_ns = rtt->smoothed_ns = sample_ns;
        rtt->variance_ns = sample_ns / 2;
        return;
    }
    if (sample_ns < rtt->min_ns)
        rtt->min_ns = sample_ns;

    /* The peer's delay is its own word: it can't make the path faster than it ever was. */
    uint64_t adjusted_ns = sample_ns;
    if (sample_ns - rtt->min_ns >= ack_delay_ns)
        adjusted_ns -= ack_delay_ns;

    uint64_t error_ns = adjusted_ns > rtt->smoothed_ns ? adjusted_ns - rtt->smoothed_ns
                                                       : rtt->smoothed_ns - adjusted_ns;
    rtt->variance_ns = (3 * rtt->variance_ns + error_ns) / 4;
    rtt->smoothed_ns = (7 * rtt->smoothed_ns + adjusted_ns) / 8;
}

uint64_t belay_rtt_pto_ns(const struct belay_rtt *rtt, uint64_t ack_delay_ns)
{
    uint64_t margin_ns = 4 * rtt->variance_ns;
    if (margin_ns < GRANULARITY_NS)
        margin_ns = GRANULARITY_NS;
    return rtt->smoothed_ns + margin_ns + ack_delay_ns;
}
