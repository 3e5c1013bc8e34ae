/*
 * recovery.h - which packets arrived, which are lost, and how much may be sent when.
 *
 * RFC 9002 with one packet number space; thresholds that adapt to reordering (after RFC 8985);
 * a congestion controller (congestion.h) and a pacer. Knows packet numbers, never a message:
 * what a packet carried are opaque records, handed back when its fate is known.
 *
 * Order of calls, for each packet sent:
 *     belay_recovery_reserve      (the only call that needs memory)
 *     number = belay_recovery_next_number, build the packet
 *     belay_recovery_sent
 * for each ACK: belay_recovery_acked. When deadline has passed: belay_recovery_timeout.
 *
 * The sink hears each record of a packet at most once as acked; lost may come before
 * (then acked after it means that the loss was spurious). It must not call back.
 */
#ifndef BELAY_RECOVERY_RECOVERY_H
#define BELAY_RECOVERY_RECOVERY_H

#include "base/ranges.h"
#include "recovery/congestion.h"
#include "recovery/ecn.h"
#include "recovery/mtu.h"
#include "recovery/pacer.h"
#include "recovery/rate.h"
#include "recovery/rtt.h"
#include "recovery/sentlog.h"

struct belay_recovery_sink {
    void (*acked)(void *ctx, const struct belay_record *record);
    void (*lost)(void *ctx, const struct belay_record *record);
    void *ctx;
};

struct belay_recovery_config {
    uint64_t first_packet_number;
    uint32_t datagram_bytes;    /* the largest packet, for the controller and pacer */
    uint64_t peer_ack_delay_ns; /* its max_ack_delay */
    const struct belay_congestion *congestion;
    bool ecn; /* mark packets where the path lets marks through */
};

#define BELAY_SKIPPED_KEPT 8 /* packet numbers left out that are remembered */

/* Public for embedding; read it through the getters. */
struct belay_recovery {
    struct belay_sentlog log;
    struct belay_rtt rtt;
    struct belay_pacer pacer;
    struct belay_ecn ecn;
    struct belay_mtu mtu;
    struct belay_rate rate;
    const struct belay_congestion *congestion;
    _Alignas(8) unsigned char congestion_state[BELAY_CONGESTION_STATE_BYTES];
    uint64_t in_flight_bytes;
    uint64_t largest_acked; /* UINT64_MAX: none yet */
    uint64_t loss_time_ns;  /* BELAY_NEVER: none pending */
    uint64_t last_eliciting_sent_ns;
    uint32_t eliciting_in_flight;
    uint32_t pto_count; /* PTOs since the last ACK of something new */
    uint32_t packet_threshold;
    uint64_t
        time_threshold_ns; /* what reordering was seen to take; 0: RFC 9002's 9/8 suffice */
    uint64_t peer_ack_delay_ns;
    uint64_t packets_lost, packets_spurious, probe_timeouts;
    uint64_t packets_ce; /* came marked "congestion experienced", as the peer says */
    /* Private. */
    struct {
        uint64_t first_number;  /* the first ever sent */
        uint64_t oldest_number; /* no packet below it is in flight */
        uint64_t repeat_number; /* no packet below it is left to repeat */
        uint64_t path_number;   /* the first sent on this path */
        /* Of the congestion window, the newest. */
        uint64_t reduction_start_ns, lost_in_reduction, spurious_in_reduction;
        uint32_t reduction_serial;
        bool is_reduced;
        /* Packets lost in a row, for persistent congestion: the first of them. */
        bool has_lost_run;
        uint64_t lost_run_sent_ns;
        uint64_t first_rtt_sample_ns, last_decay_ns, last_pto_ns;
        uint64_t pacer_quantum_bytes;
        uint64_t late_ns; /* by how much this host wakes late: the largest, slowly forgotten */
        uint32_t datagram_bytes;
        bool app_limited;
        uint64_t *skipped; /* the i-th at i modulo BELAY_SKIPPED_KEPT; NULL: none yet */
        uint64_t skipped_count;
    } own;
};

int belay_recovery_init(struct belay_recovery *r, const struct belay_recovery_config *config,
                        struct belay_mem *mem);
void belay_recovery_dispose(struct belay_recovery *r);

/* The search for larger datagrams begins, from the present size up to most_bytes. What it found
 * is mtu.size_bytes, and is used when it is set: */
void belay_recovery_search_mtu(struct belay_recovery *r, uint32_t most_bytes);
void belay_recovery_set_datagram_bytes(struct belay_recovery *r, uint32_t bytes,
                                       uint64_t now_ns);

/* After the handshake: the peer's word, and an RTT sample (0: none). */
void belay_recovery_set_peer(struct belay_recovery *r, uint64_t peer_ack_delay_ns,
                             uint32_t datagram_bytes, uint64_t rtt_ns, uint64_t now_ns);

/*
 * From here on packets take another path (RFC 9000, section 9.4): window, round trip,
 * reordering and the PTO's backoff begin anew. What is in flight is waited for as before, but
 * is in no window any more, and its fate says nothing of this path. rtt_ns: a first guess (0:
 * none); it is no sample.
 */
void belay_recovery_new_path(struct belay_recovery *r, uint64_t rtt_ns, uint64_t now_ns);

/* Room for one more packet with record_count records: 0 or BELAY_ENOMEM. */
int belay_recovery_reserve(struct belay_recovery *r, size_t record_count);
uint64_t belay_recovery_next_number(const struct belay_recovery *r);

#define BELAY_SENT_ELICITING 1u /* in flight, wants an ACK */
#define BELAY_SENT_PROBE     2u /* a PTO probe: allowed past the window */
#define BELAY_SENT_MARKED    4u /* with ECT(0), as belay_recovery_ecn_mark said */
#define BELAY_SENT_MTU_PROBE 8u /* eliciting, but not in flight for window and PTO */
/* The packet of next_number left now. Without ELICITING its fate is nobody's business: its
 * records are not kept. */
void belay_recovery_sent(struct belay_recovery *r, size_t bytes, unsigned flags,
                         const struct belay_record *records, size_t record_count,
                         uint64_t now_ns);

/* What the next packet is to carry in its IP header. */
enum belay_ecn_mark belay_recovery_ecn_mark(const struct belay_recovery *r);

/* Leaves out next_number, after reserve of a packet (without memory it does not): who
 * acknowledges it never saw what it acknowledges (an optimistic ACK). The last
 * BELAY_SKIPPED_KEPT are remembered. */
void belay_recovery_skip(struct belay_recovery *r, uint64_t now_ns);

/*
 * An ACK: ranges from the highest down, [lo, hi) each. 0, or BELAY_EPROTO when it names a
 * number never sent (nothing has changed then).
 */
int belay_recovery_acked(struct belay_recovery *r, const struct belay_range *ranges,
                         size_t count, uint64_t delay_ns, uint64_t now_ns,
                         const struct belay_recovery_sink *sink);
/* The same for one with counts of ECT(0), ECT(1), CE; ecn NULL: it has none. */
int belay_recovery_acked_ecn(struct belay_recovery *r, const struct belay_range *ranges,
                             size_t count, uint64_t delay_ns, const uint64_t *ecn,
                             uint64_t now_ns, const struct belay_recovery_sink *sink);

/* Loss timer or PTO; BELAY_NEVER when nothing is in flight. */
uint64_t belay_recovery_deadline(const struct belay_recovery *r);

/* The deadline has passed: lost packets go to the sink; returns how many probe packets are
 * wanted (0: it was the loss timer; else PTO: 1 or 2). */
unsigned belay_recovery_timeout(struct belay_recovery *r, uint64_t now_ns,
                                const struct belay_recovery_sink *sink);

/* For a probe with nothing new to send: the records of the oldest packet in flight that no
 * earlier probe repeated go to sink->lost, though it is not declared lost (and not again when
 * it is: they are the newer packet's then). False: there is none. */
bool belay_recovery_repeat_oldest(struct belay_recovery *r,
                                  const struct belay_recovery_sink *sink);

/* Bytes that the window still allows; 0 when full. */
uint64_t belay_recovery_window_left(const struct belay_recovery *r);
/* Bytes that the pacer allows now, at most its burst; and when it allows what is worth waking
 * up for: a datagram, and about 250 us of its rate. 0: it does already. */
uint64_t belay_recovery_pacer_left(struct belay_recovery *r, uint64_t now_ns);
uint64_t belay_recovery_pacer_time(const struct belay_recovery *r);

/* The pacer was waited for, and the time that it gave passed by so much. What could not be sent
 * meanwhile may be made up for, up to 10 ms of it, from now on. Before
 * belay_recovery_pacer_left. */
void belay_recovery_woken_late(struct belay_recovery *r, uint64_t late_ns);

/* Nothing will be sent for a while: gives back what memory it can. Nothing is in flight. */
void belay_recovery_rest(struct belay_recovery *r, uint64_t now_ns);

/* Tell it when sending stopped for want of data rather than of window. */
void belay_recovery_set_app_limited(struct belay_recovery *r, bool limited);

/* PTO without backoff, RFC 9002, section 6.2.1; and with, capped at 2 s (or one PTO, when
 * that is longer). */
uint64_t belay_recovery_pto_ns(const struct belay_recovery *r);
uint64_t belay_recovery_pto_backed_off_ns(const struct belay_recovery *r);
uint64_t belay_recovery_window_bytes(const struct belay_recovery *r);

#endif
