/*
 * bbr.h - private to bbr.c and bbr_model.c: BBR (draft-ietf-ccwg-bbr), a model of the path and
 * the phases in which it is measured.
 *
 *     STARTUP -> DRAIN -> DOWN -> CRUISE -> REFILL -> UP -> DOWN -> ...
 *
 * and PROBE_RTT from anywhere, when nothing near the least round trip was seen for 5 s. What is
 * not as in the draft stands in docs/congestion.md; above all: losses that come without a queue
 * are no congestion. They are measured (ambient loss), and only more than that counts.
 */
#ifndef BELAY_RECOVERY_BBR_H
#define BELAY_RECOVERY_BBR_H

#include "recovery/congestion.h"

#define BELAY_BBR_NONE      UINT64_MAX
#define BELAY_BBR_SHARE_ONE 65536 /* shares of loss are in parts of this */

enum belay_bbr_phase {
    BELAY_BBR_STARTUP,
    BELAY_BBR_DRAIN,
    BELAY_BBR_DOWN,
    BELAY_BBR_CRUISE,
    BELAY_BBR_REFILL,
    BELAY_BBR_UP,
    BELAY_BBR_PROBE_RTT,
};

struct belay_bbr_bounds {
    uint64_t rate_low, in_flight_low; /* short term, until the next probe; BELAY_BBR_NONE */
    uint64_t in_flight_high;          /* long term; BELAY_BBR_NONE */
};

struct belay_bbr {
    uint32_t datagram_bytes;
    uint8_t phase; /* enum belay_bbr_phase */
    uint8_t full_count;
    bool is_full; /* the path's rate has been found once */
    bool is_full_by_loss;
    bool is_round_start;    /* this ACK begins a round */
    bool is_round_queued;   /* the last round had a queue all through */
    bool is_round_spurious; /* what this one lost came after all */
    bool is_probe_answered; /* of this probe: too much was lost, and the bound is set */
    bool is_probe_counted;  /* its rate is in the filter, which has moved on */
    bool is_from_idle;
    bool is_rtt_old;      /* time to probe it */
    bool is_queue_seen;   /* since the last probe was counted */
    bool is_rtt_raised;   /* the last probe raised the round trip */
    bool is_queue_own;    /* the one that rate_low answers */
    uint8_t yield_rounds; /* that rate_low has answered a queue */
    uint8_t up_rounds;
    uint64_t window_bytes, window_before_bytes; /* before PROBE_RTT */
    uint64_t rate;                              /* the pacer's, bytes per s; 0: none yet */

    /* the model */
    uint64_t rate_max[2];                     /* of this probe's cycle, and of the one before */
    uint64_t rtt_min_ns, rtt_min_at_ns;       /* the least of 10 s, and when it was seen */
    uint64_t rtt_recent_ns, rtt_recent_at_ns; /* the same of 5 s: older, and it is probed */
    /* before: high as the newest probe found it, low before the newest reduction */
    struct belay_bbr_bounds bounds, before;
    uint64_t yield_ns, yield_delivered_bytes; /* yielding began, and what had come by then */
    uint64_t extra_bytes[2], extra_since_ns, extra_from_bytes; /* ACKs that come in heaps */
    uint32_t ambient_loss;

    /* the round */
    uint64_t round_end_bytes; /* it ends when what was delivered by then had been sent */
    uint64_t round_delivered_bytes, round_lost_bytes; /* counters at its start */
    uint64_t round_rtt_min_ns, round_rtt_max_ns;      /* 0: no sample */
    uint64_t round_rate, round_in_flight_bytes;       /* best of it */
    uint32_t rounds;                                  /* since the last probe of the rate */
    uint32_t extra_rounds;
    uint32_t calm_rounds, clean_rounds; /* so many without a queue, without a loss */

    uint64_t full_rate;
    uint64_t phase_ns, wait_ns; /* this phase, or cycle, began; how long to cruise */
    uint64_t marked_ns;         /* CE was answered: once for all that was sent before */
    uint64_t rtt_probe_ns;      /* PROBE_RTT: it is over then; 0: not drained yet */
};

_Static_assert(sizeof(struct belay_bbr) <= BELAY_CONGESTION_STATE_BYTES, "state too large");
_Static_assert(_Alignof(struct belay_bbr) <= 8, "recovery.h aligns it so");

/* The rate that the path was seen to deliver, and that which the short term allows. */
uint64_t belay_bbr_rate_max(const struct belay_bbr *b);
uint64_t belay_bbr_rate(const struct belay_bbr *b);
/* gain in percent of the path's bandwidth-delay product. */
uint64_t belay_bbr_target(const struct belay_bbr *b, uint64_t rate, unsigned gain);
uint64_t belay_bbr_extra(const struct belay_bbr *b);

/* Takes in an ACK: rounds, rate, round trip, heaps. */
void belay_bbr_model_acked(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                           uint64_t now_ns);
/* The path says itself that a queue stands (CE). */
void belay_bbr_model_marked(struct belay_bbr *b, uint64_t in_flight_bytes);
/* The rate is no longer held below what the path delivers. */
void belay_bbr_forget_yield(struct belay_bbr *b);
/* The cycle of the rate's filter is over. */
void belay_bbr_model_advance(struct belay_bbr *b);
/* Is what was lost more than noise and the path's own loss explain? */
bool belay_bbr_is_too_much(const struct belay_bbr *b, uint64_t lost_bytes, uint64_t of_bytes);

#endif
