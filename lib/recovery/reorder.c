#include "recovery/reorder.h"

#define GRANULARITY_NS UINT64_C(1000000)
#define DECAY_ROUNDS   16

/* Of the two, as RFC 9002, section 6.1.2: the smoothed one is slow to see that the path grew.
 */
static uint64_t round_trip_ns(const struct belay_recovery *r)
{
    return r->rtt.latest_ns > r->rtt.smoothed_ns ? r->rtt.latest_ns : r->rtt.smoothed_ns;
}

void belay_reorder_init(struct belay_recovery *r)
{
    r->packet_threshold = BELAY_REORDER_PACKETS_START;
    r->time_threshold_eighths = BELAY_REORDER_EIGHTHS_START;
}

uint64_t belay_reorder_time_ns(const struct belay_recovery *r)
{
    uint64_t threshold_ns = r->time_threshold_eighths * round_trip_ns(r) / 8;
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

    /* Lost is what is as old as the threshold: one eighth more than it took, rounded down. */
    uint64_t round_ns = round_trip_ns(r);
    if (took_ns >= belay_reorder_time_ns(r)) {
        uint64_t eighths = BELAY_REORDER_EIGHTHS_MAX;
        if (took_ns < 2 * round_ns)
            eighths = took_ns * 8 / round_ns + 1;
        r->time_threshold_eighths = (uint32_t)eighths;
    }
    r->own.last_decay_ns = now_ns;
}

void belay_reorder_decay(struct belay_recovery *r, uint64_t now_ns)
{
    uint32_t packets = r->packet_threshold - BELAY_REORDER_PACKETS_START;
    uint32_t eighths = r->time_threshold_eighths - BELAY_REORDER_EIGHTHS_START;
    if (packets == 0 && eighths == 0)
        return;
    if (now_ns - r->own.last_decay_ns < DECAY_ROUNDS * r->rtt.smoothed_ns)
        return;
    r->packet_threshold = BELAY_REORDER_PACKETS_START + packets / 2;
    r->time_threshold_eighths = BELAY_REORDER_EIGHTHS_START + eighths / 2;
    r->own.last_decay_ns = now_ns;
}
