#include "recovery/pace.h"

#define UNPACED_BELOW_NS UINT64_C(1000000)
#define BURSTS_PER_S     1000
#define BURST_QUANTA     4
#define SECOND_NS        UINT64_C(1000000000)
#define LATE_MAX_NS      UINT64_C(10000000)
#define LATE_FORGET      16
#define BURST_DATAGRAMS  10
#define WINDOW_CONSIDERED                                                                      \
    (UINT64_C(1) << 40) /* more than any; times 2e6 still fits 64 bits                         \
                         */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* 0: unpaced. In microseconds, so that the product fits. */
static uint64_t derived_rate_bytes_per_s(const struct belay_recovery *r, uint64_t window_bytes)
{
    if (window_bytes > WINDOW_CONSIDERED)
        window_bytes = WINDOW_CONSIDERED;
    uint64_t factor = r->congestion->is_slow_start(r->congestion_state) ? 2000000 : 1250000;
    return larger(1, window_bytes * factor / (r->rtt.smoothed_ns / 1000));
}

/* What the rate makes in 1 ms and in the time by which this host wakes late. */
static uint64_t burst_bytes_of(const struct belay_recovery *r, uint64_t rate)
{
    uint64_t spare_us = (SECOND_NS / BURSTS_PER_S + r->own.late_ns) / 1000;

    return larger(rate / 1000 * spare_us / 1000,
                  (uint64_t)BURST_DATAGRAMS * r->own.datagram_bytes);
}

void belay_recovery_woken_late(struct belay_recovery *r, uint64_t late_ns)
{
    uint64_t burst_bytes;

    if (late_ns > LATE_MAX_NS)
        late_ns = LATE_MAX_NS;
    if (late_ns < r->own.late_ns)
        late_ns = r->own.late_ns - (r->own.late_ns - late_ns) / LATE_FORGET;
    r->own.late_ns = late_ns;
    burst_bytes = burst_bytes_of(r, r->pacer.rate_bytes_per_s);
    if (r->pacer.rate_bytes_per_s > 0 && burst_bytes > r->pacer.burst_bytes)
        r->pacer.burst_bytes = burst_bytes;
}

void belay_recovery_pace(struct belay_recovery *r, uint64_t now_ns)
{
    uint64_t window_bytes = r->congestion->window_bytes(r->congestion_state);
    uint64_t rate = r->congestion->rate_bytes_per_s(r->congestion_state);
    if (rate == 0 && r->rtt.smoothed_ns >= UNPACED_BELOW_NS)
        rate = derived_rate_bytes_per_s(r, window_bytes);
    if (rate > BELAY_PACER_RATE_MAX || r->rtt.smoothed_ns < UNPACED_BELOW_NS)
        rate = 0;
    uint64_t burst_bytes = rate > 0 ? rate / BURSTS_PER_S : window_bytes;
    /* A quarter of a burst is worth waking up for; a datagram is when that is less. */
    r->own.pacer_quantum_bytes = larger(r->own.datagram_bytes, burst_bytes / BURST_QUANTA);
    if (rate > 0)
        burst_bytes = burst_bytes_of(r, rate);
    burst_bytes = larger(burst_bytes, (uint64_t)BURST_DATAGRAMS * r->own.datagram_bytes);
    belay_pacer_set_rate(&r->pacer, rate, burst_bytes, now_ns);
}
