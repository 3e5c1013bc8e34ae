/*
 * congestion.h - congestion control as a const table of functions over a private state:
 * numbers in, a window and a rate out. No controller knows a packet, a path or a connection.
 *
 * To add one: write a file with a table, name it in belay_congestion_find, run the recovery
 * tests (tests/recovery/congestion.c runs every table through the same cases).
 */
#ifndef BELAY_RECOVERY_CONGESTION_H
#define BELAY_RECOVERY_CONGESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BELAY_CONGESTION_STATE_BYTES 320 /* what the largest controller may use */

/* What one ACK tells of the path's rate; rate.h. All zero: nothing. */
struct belay_rate_sample {
    uint64_t delivered_bytes, interval_ns; /* 0 ns: no sample */
    uint64_t prior_delivered_bytes;        /* by when its packet was sent */
    uint64_t prior_delivered_ns;
    uint64_t in_flight_bytes; /* when that left, itself included */
    uint64_t lost_bytes;      /* declared lost since */
    bool app_limited;         /* the sender had paused: the path may be faster */
    bool from_idle;           /* nothing else was in flight when it left */
};

struct belay_congestion_acked {
    uint64_t bytes;           /* newly acknowledged, in flight before */
    uint64_t in_flight_bytes; /* after */
    uint64_t sent_ns;         /* when the newest of them was sent */
    uint64_t rtt_ns;          /* this ACK's sample without its delay, 0 when it gave none */
    uint64_t rtt_min_ns, rtt_smoothed_ns;
    uint64_t delivered_bytes, lost_bytes; /* on this path so far */
    struct belay_rate_sample rate;
    bool app_limited;  /* the window was not full: do not grow it */
    bool is_reordered; /* packets overtake each other on this path */
};

struct belay_congestion_lost {
    uint64_t bytes;
    uint64_t in_flight_bytes;                        /* after */
    uint64_t sent_ns;                                /* when the newest of them was sent; */
    uint64_t sent_in_flight_bytes, since_sent_bytes; /* in flight then, and lost since then */
    bool persistent;                                 /* RFC 9002, section 7.6 */
    bool ecn_ce; /* marked, not lost (RFC 9002, section 7.1): bytes may be 0 */
};

struct belay_congestion {
    const char *name;
    void (*init)(void *state, uint64_t datagram_bytes);
    /* The largest packet is another one from here on: the windows stand. */
    void (*set_datagram_bytes)(void *state, uint64_t datagram_bytes);
    void (*on_acked)(void *state, const struct belay_congestion_acked *acked, uint64_t now_ns);
    void (*on_lost)(void *state, const struct belay_congestion_lost *lost, uint64_t now_ns);
    /* Every loss of the newest reduction was spurious: take that reduction back. */
    void (*on_spurious)(void *state, uint64_t now_ns);
    uint64_t (*window_bytes)(const void *state);
    /* What the pacer may send at; 0: derive it from window and smoothed RTT. */
    uint64_t (*rate_bytes_per_s)(const void *state);
    /* Is the window still being searched for? It is paced faster then. */
    bool (*is_slow_start)(const void *state);
};

/* One reduction answers all losses of packets that were sent before it (RFC 9002, section
 * 7.3.2): a controller reduces only when this is false of lost.sent_ns (and, as persistent
 * congestion asks, may go further down at any time). Recovery counts losses for on_spurious by
 * the same rule. has_reduced, reduced_ns: its newest reduction, and no undone one. */
static inline bool belay_congestion_is_answered(bool has_reduced, uint64_t reduced_ns,
                                                uint64_t sent_ns)
{
    return has_reduced && sent_ns <= reduced_ns;
}

extern const struct belay_congestion belay_newreno, belay_cubic, belay_bbr;

/* By name, or NULL: "newreno", "cubic" and "bbr" are there. */
const struct belay_congestion *belay_congestion_find(const char *name);

/* RFC 9002, section 7.2. */
static inline uint64_t belay_congestion_window_first(uint64_t datagram_bytes)
{
    uint64_t most = 2 * datagram_bytes > 14720 ? 2 * datagram_bytes : 14720;
    return 10 * datagram_bytes < most ? 10 * datagram_bytes : most;
}

/*
 * RFC 9002 says two datagrams. With fewer than four in flight no loss is ever found by three
 * later packets, only by a timer, so that a smaller window makes every loss a pause.
 */
static inline uint64_t belay_congestion_window_min(uint64_t datagram_bytes)
{
    return 4 * datagram_bytes;
}

#endif
