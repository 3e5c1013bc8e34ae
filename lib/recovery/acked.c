/* Taking an ACK: belay_recovery_acked. */
#include "recovery/recovery.h"

#include <assert.h>

#include "recovery/loss.h"
#include "recovery/pace.h"
#include "recovery/reorder.h"

/* What one ACK told. */
struct news {
    uint64_t packet_count; /* newly acknowledged: had been in flight, or lost */
    uint64_t flight_bytes; /* of those in flight */
    uint64_t newest_sent_ns;
    uint64_t marked_count; /* of this path, that left with ECT(0) */
    uint64_t rtt_ns;       /* 0: no sample */
    uint64_t ack_delay_ns; /* of the sample */
    struct belay_rate_sample rate;
    uint64_t spurious_count;                      /* had been declared lost */
    uint64_t spurious_distance, spurious_sent_ns; /* of that which was overtaken most */
    bool undo;                                    /* the newest reduction had no cause */
};

static bool has_skipped(const struct belay_recovery *r, struct belay_range range)
{
    uint64_t count = r->own.skipped_count;

    for (uint64_t i = 0; i < count && i < BELAY_SKIPPED_KEPT; i++)
        if (r->own.skipped[i] >= range.lo && r->own.skipped[i] < range.hi)
            return true;
    return false;
}

/* Ranges go down without overlap and name only what was sent. */
static bool is_valid(const struct belay_recovery *r, const struct belay_range *ranges,
                     size_t count)
{
    uint64_t end = r->log.next_number;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].lo >= ranges[i].hi || ranges[i].hi > end || has_skipped(r, ranges[i]))
            return false;
        end = ranges[i].lo;
    }
    return end >= r->own.first_number;
}

static void take_in_flight(struct belay_recovery *r, uint64_t number,
                           const struct belay_sent_packet *packet, struct news *news)
{
    belay_loss_leave_flight(r, number, packet);
    if (!belay_loss_is_of_path(r, number))
        return;
    belay_mtu_acked(&r->mtu, number, packet->bytes);
    if (news->flight_bytes == 0) { /* ranges go down: the first is the newest */
        news->newest_sent_ns = packet->sent_ns;
        belay_rate_sample_begin(&r->rate, packet, &news->rate);
    }
    news->flight_bytes += packet->bytes;
}

static void take_lost(struct belay_recovery *r, uint64_t number,
                      const struct belay_sent_packet *packet, struct news *news)
{
    uint64_t distance = r->largest_acked - number;
    if (!belay_loss_is_of_path(r, number)) {
        r->packets_spurious++;
        return;
    }
    if (news->spurious_count++ == 0 || distance > news->spurious_distance) {
        news->spurious_distance = distance;
        news->spurious_sent_ns = packet->sent_ns;
    }
    if (belay_loss_spurious(r, packet))
        news->undo = true;
}

/* It got through; that it was taken for lost before says nothing of the window. */
static void take_mtu_probe(struct belay_recovery *r, uint64_t number,
                           const struct belay_sent_packet *packet)
{
    if (belay_loss_is_of_path(r, number))
        belay_mtu_probe_acked(&r->mtu, packet->bytes);
}

static void take_packet(struct belay_recovery *r, uint64_t number, struct news *news,
                        const struct belay_recovery_sink *sink)
{
    struct belay_sent_packet *packet = belay_sentlog_find(&r->log, number);
    if (packet->mtu_probe)
        take_mtu_probe(r, number, packet);
    else if (packet->state == BELAY_SENT_IN_FLIGHT)
        take_in_flight(r, number, packet, news);
    else
        take_lost(r, number, packet, news);
    packet->state = BELAY_SENT_ACKED;
    news->packet_count++;
    news->marked_count += packet->marked && belay_loss_is_of_path(r, number);
    for (uint32_t i = 0; i < packet->record_count; i++)
        sink->acked(sink->ctx, belay_sentlog_record(&r->log, packet->record_start + i));
}

/* From the top, over all that is settled already. */
static void take_range(struct belay_recovery *r, struct belay_range range, struct news *news,
                       const struct belay_recovery_sink *sink)
{
    uint64_t end = range.hi;
    while ((end = belay_sentlog_unsettled_end(&r->log, end)) > range.lo &&
           end > r->log.first_number)
        take_packet(r, --end, news, sink);
    belay_sentlog_join(&r->log, range.lo, range.hi);
}

/* RFC 9002, section 5.1: a sample when the largest is new and something newly acknowledged
 * asked for this ACK. The peer's delay counts up to what it promised, section 5.3. */
static void sample_rtt(struct belay_recovery *r, uint64_t largest, uint64_t delay_ns,
                       struct news *news, uint64_t now_ns)
{
    if (news->packet_count == 0 || !belay_loss_is_of_path(r, largest))
        return;
    const struct belay_sent_packet *packet = belay_sentlog_find(&r->log, largest);
    assert(packet != NULL); /* the log reached down to one newly acknowledged */
    news->ack_delay_ns = delay_ns < r->peer_ack_delay_ns ? delay_ns : r->peer_ack_delay_ns;
    news->rtt_ns = now_ns > packet->sent_ns ? now_ns - packet->sent_ns : 1;
    if (!r->rtt.has_sample)
        r->own.first_rtt_sample_ns = now_ns;
    belay_rtt_sample(&r->rtt, news->rtt_ns, news->ack_delay_ns);
}

/* The delay in an ACK is that of its largest: without a new largest, what filled a gap was
 * acknowledged at once. */
static void learn_reordering(struct belay_recovery *r, const struct news *news, uint64_t now_ns)
{
    if (news->spurious_count == 0) {
        belay_reorder_decay(r, now_ns);
        return;
    }
    uint64_t took_ns = now_ns - news->spurious_sent_ns;
    took_ns -= took_ns > news->ack_delay_ns ? news->ack_delay_ns : 0;
    belay_reorder_spurious(r, news->spurious_distance, took_ns, now_ns);
}

/* The sample without the peer's delay, as RFC 9002, section 5.3, for the smoothed one. */
static uint64_t without_delay_ns(const struct belay_recovery *r, const struct news *news)
{
    uint64_t rtt_ns = news->rtt_ns;
    if (rtt_ns > 0 && rtt_ns - r->rtt.min_ns >= news->ack_delay_ns)
        rtt_ns -= news->ack_delay_ns;
    return rtt_ns;
}

static void tell_controller(struct belay_recovery *r, struct news *news, uint64_t now_ns)
{
    if (news->undo)
        r->congestion->on_spurious(r->congestion_state, now_ns);
    if (news->flight_bytes == 0)
        return;
    belay_rate_delivered(&r->rate, news->flight_bytes, now_ns);
    belay_rate_sample_end(&r->rate, &news->rate, r->rtt.min_ns);
    uint64_t before_bytes = r->in_flight_bytes + news->flight_bytes;
    uint64_t window_bytes = r->congestion->window_bytes(r->congestion_state);
    const struct belay_congestion_acked acked = {
        .bytes = news->flight_bytes,
        .in_flight_bytes = r->in_flight_bytes,
        .sent_ns = news->newest_sent_ns,
        .rtt_ns = without_delay_ns(r, news),
        .rtt_min_ns = r->rtt.min_ns,
        .rtt_smoothed_ns = r->rtt.smoothed_ns,
        .delivered_bytes = r->rate.delivered_bytes,
        .lost_bytes = r->rate.lost_bytes,
        .rate = news->rate,
        /* Data may have run out just when the window was full: that is no reason. */
        .app_limited =
            r->own.app_limited && before_bytes + r->own.datagram_bytes <= window_bytes,
        .is_reordered = belay_reorder_is_seen(r),
    };
    r->congestion->on_acked(r->congestion_state, &acked, now_ns);
}

/* RFC 9002, section 7.1: as a loss, by when the largest acknowledged was sent. */
static void take_ecn(struct belay_recovery *r, const uint64_t *counts, uint64_t largest,
                     const struct news *news, uint64_t now_ns)
{
    uint64_t ce = belay_ecn_acked(&r->ecn, counts, news->marked_count);
    const struct belay_sent_packet *packet = belay_sentlog_find(&r->log, largest);

    r->packets_ce += ce;
    if (ce > 0 && packet != NULL && belay_loss_is_of_path(r, largest))
        belay_loss_congested(r, packet->sent_ns, now_ns);
}

int belay_recovery_acked(struct belay_recovery *r, const struct belay_range *ranges,
                         size_t count, uint64_t delay_ns, uint64_t now_ns,
                         const struct belay_recovery_sink *sink)
{
    return belay_recovery_acked_ecn(r, ranges, count, delay_ns, NULL, now_ns, sink);
}

int belay_recovery_acked_ecn(struct belay_recovery *r, const struct belay_range *ranges,
                             size_t count, uint64_t delay_ns, const uint64_t *ecn,
                             uint64_t now_ns, const struct belay_recovery_sink *sink)
{
    if (!is_valid(r, ranges, count))
        return BELAY_EPROTO;
    if (count == 0)
        return 0;

    struct news news = {0};
    for (size_t i = 0; i < count; i++)
        take_range(r, ranges[i], &news, sink);

    uint64_t largest = ranges[0].hi - 1;
    bool is_newest = r->largest_acked == UINT64_MAX || largest > r->largest_acked;
    if (is_newest) {
        r->largest_acked = largest;
        sample_rtt(r, largest, delay_ns, &news, now_ns);
    }
    learn_reordering(r, &news, now_ns);
    tell_controller(r, &news, now_ns);
    if (is_newest)
        take_ecn(r, ecn, largest, &news, now_ns);
    if (news.packet_count > 0)
        r->pto_count = 0;
    belay_loss_detect(r, sink, now_ns);
    belay_recovery_pace(r, now_ns);
    belay_loss_forget(r, now_ns);
    return 0;
}
