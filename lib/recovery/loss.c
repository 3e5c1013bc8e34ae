#include "recovery/loss.h"

#include <assert.h>

#include "recovery/reorder.h"

/* RFC 9002, section 7.6.1: kPersistentCongestionThreshold. */
#define PERSISTENT_PTOS 3
/* A packet later than that after it was declared lost is a stranger. */
#define REMEMBER_PTOS 3
/* The lost part of the log: this many packets, or so many times the part in flight. */
#define REMEMBER_PACKETS 256
#define REMEMBER_SHARE   2

void belay_loss_leave_flight(struct belay_recovery *r, uint64_t number,
                             const struct belay_sent_packet *packet)
{
    assert(r->eliciting_in_flight > 0);
    r->eliciting_in_flight--;
    if (!belay_loss_is_of_path(r, number))
        return;
    assert(r->in_flight_bytes >= packet->bytes);
    r->in_flight_bytes -= packet->bytes;
}

/* Is the packet, lost next after those before it, the end of persistent congestion? Only what
 * was sent after the first RTT sample counts, section 7.6.2. */
static bool ends_persistent_run(struct belay_recovery *r,
                                const struct belay_sent_packet *packet)
{
    if (!r->rtt.has_sample || packet->sent_ns < r->own.first_rtt_sample_ns)
        return false;
    if (r->own.has_lost_run &&
        packet->sent_ns - r->own.lost_run_sent_ns <= PERSISTENT_PTOS * belay_recovery_pto_ns(r))
        return false;
    bool ends = r->own.has_lost_run;
    r->own.has_lost_run = true;
    r->own.lost_run_sent_ns = packet->sent_ns;
    return ends;
}

static void count_in_reduction(struct belay_recovery *r, uint64_t sent_ns, uint64_t now_ns)
{
    if (!belay_congestion_is_answered(r->own.is_reduced, r->own.reduction_start_ns, sent_ns)) {
        r->own.is_reduced = true;
        r->own.reduction_start_ns = now_ns;
        r->own.reduction_serial++;
        r->own.lost_in_reduction = r->own.spurious_in_reduction = 0;
    }
    r->own.lost_in_reduction++;
}

/* What the window must answer. */
static void blame(struct belay_recovery *r, uint64_t number, struct belay_sent_packet *packet,
                  struct belay_congestion_lost *lost, uint64_t now_ns)
{
    belay_mtu_lost(&r->mtu, number, packet->bytes, r->log.next_number);
    lost->bytes += packet->bytes;
    lost->sent_ns = packet->sent_ns;
    lost->sent_in_flight_bytes = packet->in_flight_bytes;
    lost->since_sent_bytes = belay_rate_lost(&r->rate, packet);
    if (ends_persistent_run(r, packet))
        lost->persistent = true;
    count_in_reduction(r, packet->sent_ns, now_ns);
    packet->loss.reduction = r->own.reduction_serial;
}

static void declare_lost(struct belay_recovery *r, uint64_t number,
                         struct belay_sent_packet *packet, struct belay_congestion_lost *lost,
                         const struct belay_recovery_sink *sink, uint64_t now_ns)
{
    bool is_of_path = belay_loss_is_of_path(r, number);

    packet->state = BELAY_SENT_LOST;
    packet->loss.at_ns = now_ns;
    packet->loss.reduction = 0;
    if (packet->mtu_probe && is_of_path) {
        belay_mtu_probe_lost(&r->mtu, packet->bytes);
    } else if (!packet->mtu_probe) {
        belay_loss_leave_flight(r, number, packet);
        r->packets_lost++;
        if (is_of_path)
            blame(r, number, packet, lost, now_ns);
    }

    /* What a probe repeated is in the newer packet's hands. */
    for (uint32_t i = 0; i < packet->record_count && !packet->repeated; i++)
        sink->lost(sink->ctx, belay_sentlog_record(&r->log, packet->record_start + i));
}

static bool is_lost(const struct belay_recovery *r, uint64_t number,
                    const struct belay_sent_packet *packet, uint64_t threshold_ns,
                    uint64_t now_ns)
{
    return r->largest_acked - number >= r->packet_threshold ||
           packet->sent_ns + threshold_ns <= now_ns;
}

/* Declares packets lost from the oldest on, up to the first that isn't. Goes past the largest
 * acknowledged itself: it ends a run of losses, and the log may forget it soon. */
static void scan(struct belay_recovery *r, struct belay_congestion_lost *lost,
                 const struct belay_recovery_sink *sink, uint64_t now_ns)
{
    uint64_t threshold_ns = belay_reorder_time_ns(r);
    for (; r->own.oldest_number <= r->largest_acked; r->own.oldest_number++) {
        struct belay_sent_packet *packet = belay_sentlog_find(&r->log, r->own.oldest_number);
        r->log.visits++;
        if (packet->state == BELAY_SENT_ACKED)
            r->own.has_lost_run = false;
        if (packet->state != BELAY_SENT_IN_FLIGHT)
            continue;
        if (!is_lost(r, r->own.oldest_number, packet, threshold_ns, now_ns)) {
            r->loss_time_ns = packet->sent_ns + threshold_ns;
            return;
        }
        declare_lost(r, r->own.oldest_number, packet, lost, sink, now_ns);
    }
}

void belay_loss_detect(struct belay_recovery *r, const struct belay_recovery_sink *sink,
                       uint64_t now_ns)
{
    r->loss_time_ns = BELAY_NEVER;
    if (r->largest_acked == UINT64_MAX)
        return;
    struct belay_congestion_lost lost = {0};
    scan(r, &lost, sink, now_ns);
    if (lost.bytes == 0)
        return;
    lost.in_flight_bytes = r->in_flight_bytes;
    r->congestion->on_lost(r->congestion_state, &lost, now_ns);
    if (lost.persistent)
        r->rtt.min_ns = r->rtt.latest_ns; /* RFC 9002, section 5.2 */
}

/* A mark counts as a loss that never proves spurious: its reduction is not taken back. */
void belay_loss_congested(struct belay_recovery *r, uint64_t sent_ns, uint64_t now_ns)
{
    const struct belay_congestion_lost lost = {
        .in_flight_bytes = r->in_flight_bytes, .sent_ns = sent_ns, .ecn_ce = true};

    count_in_reduction(r, sent_ns, now_ns);
    r->congestion->on_lost(r->congestion_state, &lost, now_ns);
}

bool belay_loss_spurious(struct belay_recovery *r, const struct belay_sent_packet *packet)
{
    r->packets_spurious++;
    if (r->own.has_lost_run && packet->sent_ns >= r->own.lost_run_sent_ns)
        r->own.has_lost_run = false;
    if (!r->own.is_reduced || packet->loss.reduction != r->own.reduction_serial)
        return false;
    r->own.spurious_in_reduction++;
    if (r->own.spurious_in_reduction < r->own.lost_in_reduction)
        return false;
    r->own.is_reduced = false; /* the next loss, of whatever age, is a new one */
    return true;
}

/* The oldest packet is one that was lost: is it time to forget it? */
static bool is_forgettable(const struct belay_recovery *r,
                           const struct belay_sent_packet *packet, uint64_t now_ns)
{
    uint64_t lost_span = r->own.oldest_number - r->log.first_number;
    uint64_t flight_span = r->log.next_number - r->own.oldest_number;
    if (lost_span > REMEMBER_PACKETS && lost_span > REMEMBER_SHARE * flight_span)
        return true;
    return now_ns - packet->loss.at_ns >= REMEMBER_PTOS * belay_recovery_pto_ns(r);
}

void belay_loss_forget(struct belay_recovery *r, uint64_t now_ns)
{
    for (;;) {
        belay_sentlog_trim(&r->log);
        if (r->own.oldest_number < r->log.first_number)
            r->own.oldest_number = r->log.first_number;
        struct belay_sent_packet *packet = belay_sentlog_find(&r->log, r->log.first_number);
        if (packet == NULL || packet->state != BELAY_SENT_LOST ||
            !is_forgettable(r, packet, now_ns))
            return;
        packet->state = BELAY_SENT_NONE;
    }
}
