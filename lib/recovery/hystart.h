/*
 * hystart.h - private to controllers: HyStart++ (RFC 9406), which ends slow start when the
 * round trip begins to grow, before the queue overflows.
 *
 *     SLOW_START -- a round's least RTT grew --> CONSERVATIVE -- 5 rounds --> over
 *          ^------ it fell again ----------------------'
 *
 * Rounds are told by time: one ends when what was sent after its start is acknowledged. All
 * that is sent is paced, so that L (section 4.3) bounds nothing.
 */
#ifndef BELAY_RECOVERY_HYSTART_H
#define BELAY_RECOVERY_HYSTART_H

#include "recovery/congestion.h"

struct belay_hystart {
    uint64_t round_start_ns;
    uint64_t last_rtt_ns, rtt_ns, base_rtt_ns; /* least of the round before, of this one; of
                                                  the slow start that was left; 0: none */
    uint32_t samples;
    uint8_t conservative_rounds; /* 0: not in it */
};

/* Bytes by which the window grows for this ACK. *is_over: congestion avoidance begins. */
uint64_t belay_hystart_acked(struct belay_hystart *h,
                             const struct belay_congestion_acked *acked, uint64_t now_ns,
                             bool *is_over);

#endif
