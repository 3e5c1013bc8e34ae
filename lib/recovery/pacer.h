/*
 * pacer.h - a leaky bucket that spreads packets over the round trip.
 *
 * The contract as one inequality: over any span t in which it was asked before each packet,
 *     bytes sent <= burst + rate * t.
 * The burst is what may leave at once; it follows the timer's lateness, so that a late wake-up
 * loses no rate. What leaves without asking (probes) becomes a debt, of a burst at most, that
 * is paid before anything else may leave.
 */
#ifndef BELAY_RECOVERY_PACER_H
#define BELAY_RECOVERY_PACER_H

#include <stdint.h>

/* 144 Gbit/s. A faster pacer is none: and rate times a second fits 64 bits. */
#define BELAY_PACER_RATE_MAX UINT64_C(18000000000)

struct belay_pacer {
    uint64_t rate_bytes_per_s; /* 0: unpaced: always a burst left */
    uint64_t burst_bytes;
    uint64_t credit_bytes; /* may leave now */
    uint64_t debt_bytes;   /* left past the credit */
    uint64_t updated_ns;
    uint64_t remainder; /* of rate * time, in 1e-9 byte, so that nothing drifts */
};

void belay_pacer_init(struct belay_pacer *pacer, uint64_t burst_bytes);
void belay_pacer_set_rate(struct belay_pacer *pacer, uint64_t rate_bytes_per_s,
                          uint64_t burst_bytes, uint64_t now_ns);
uint64_t belay_pacer_left(struct belay_pacer *pacer, uint64_t now_ns);
void belay_pacer_sent(struct belay_pacer *pacer, uint64_t bytes, uint64_t now_ns);
/* The earliest time at which bytes (a burst at most) may leave; 0 when now. */
uint64_t belay_pacer_time(const struct belay_pacer *pacer, uint64_t bytes);

#endif
