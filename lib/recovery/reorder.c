#include "recovery/reorder.h"

#define GRANULARITY_NS UINT64_C(1000000)
#define DECAY_ROUNDS   64

/* Of the two, as RFC 9002, section 6.1.2: the smoothed one is slow to see that the path grew.
 */
static uint64_t round_trip_ns(const struct belay_recovery *r)
{
    return r->rtt.latest_ns > r->rtt.smoothed_ns ? r->rtt.latest_ns : r->rtt.smoothed_ns;
}

void belay_reorder_init(struct belay_recovery *r)
{
    r->packet_threshold = BELAY_REORDER_PACKETS_START;
    r->time_threshold_ns = 0;
}

uint64_t belay_reorder_time_ns(const struct belay_recovery *r)
{
    uint64_t round_ns = round_trip_ns(r), pto_ns = belay_recovery_pto_ns(r);
    uint64_t threshold_ns = round_ns + round_ns / 8;
    uint64_t most_ns = 2 * (pto_ns > round_ns ? pto_ns : round_ns);
    if (threshold_ns < r->time_threshold_ns)
        threshold_ns = r->time_threshold_ns < most_ns ? r->time_threshold_ns : most_ns;
    return threshold_ns > GRANULARITY_NS ? threshold_ns : GRANULARITY_NS;
}

void belay_reorder_spurious(struct belay_recovery *r, uint64_t distance, uint64_t took_ns,
                            uint64_t now_ns)
{
    uint64_t packets = distance + 1;
    if (packets > BELAY_REORDER_PACKETS_MAX)
        packets = BELAY_REORDER_PACKETS_MAX;
    if (packets > r->packet_threshold)
        r->packet_threshold = (uint32_t)packets;
    /* Lost is what is as old as the threshold: an eighth more than it took. */
    if (took_ns >= belay_reorder_time_ns(r))
        r->time_threshold_ns = took_ns + took_ns / 8;
    r->own.last_decay_ns = now_ns;
}

bool belay_reorder_is_seen(const struct belay_recovery *r)
{
    return r->packet_threshold > BELAY_REORDER_PACKETS_START || r->time_threshold_ns > 0;
}

void belay_reorder_decay(struct belay_recovery *r, uint64_t now_ns)
{
    if (!belay_reorder_is_seen(r))
        return;
    if (now_ns - r->own.last_decay_ns < DECAY_ROUNDS * belay_reorder_time_ns(r))
        return;
    r->packet_threshold =
        BELAY_REORDER_PACKETS_START + (r->packet_threshold - BELAY_REORDER_PACKETS_START) / 2;
    r->time_threshold_ns /= 2;
    r->own.last_decay_ns = now_ns;
}
