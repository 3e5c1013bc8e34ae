#include "recovery/recovery.h"

#include <assert.h>

#include "recovery/loss.h"
#include "recovery/pace.h"
#include "recovery/reorder.h"

#define PTO_MAX_NS    (2 * UINT64_C(1000000000))
#define SKIPPED_BYTES (BELAY_SKIPPED_KEPT * sizeof(uint64_t))

int belay_recovery_init(struct belay_recovery *r, const struct belay_recovery_config *config,
                        struct belay_mem *mem)
{
    assert(config->congestion != NULL && config->datagram_bytes > 0);
    *r = (struct belay_recovery){
        .congestion = config->congestion,
        .largest_acked = UINT64_MAX,
        .loss_time_ns = BELAY_NEVER,
        .peer_ack_delay_ns = config->peer_ack_delay_ns,
        .own = {.first_number = config->first_packet_number,
                .oldest_number = config->first_packet_number,
                .repeat_number = config->first_packet_number,
                .datagram_bytes = config->datagram_bytes},
    };
    belay_sentlog_init(&r->log, mem, config->first_packet_number);
    belay_rtt_init(&r->rtt);
    belay_reorder_init(r);
    belay_ecn_init(&r->ecn, config->ecn);
    r->congestion->init(r->congestion_state, config->datagram_bytes);
    belay_pacer_init(&r->pacer, belay_recovery_window_bytes(r));
    belay_recovery_pace(r, 0);
    return 0;
}

void belay_recovery_dispose(struct belay_recovery *r)
{
    belay_mem_free(r->log.mem, r->own.skipped, SKIPPED_BYTES);
    r->own.skipped = NULL;
    belay_sentlog_dispose(&r->log);
}

void belay_recovery_set_datagram_bytes(struct belay_recovery *r, uint32_t bytes,
                                       uint64_t now_ns)
{
    assert(bytes > 0);
    r->own.datagram_bytes = bytes;
    r->congestion->set_datagram_bytes(r->congestion_state, bytes);
    belay_recovery_pace(r, now_ns);
}

void belay_recovery_set_peer(struct belay_recovery *r, uint64_t peer_ack_delay_ns,
                             uint32_t datagram_bytes, uint64_t rtt_ns, uint64_t now_ns)
{
    r->peer_ack_delay_ns = peer_ack_delay_ns;
    if (datagram_bytes != r->own.datagram_bytes && r->largest_acked == UINT64_MAX)
        r->congestion->init(r->congestion_state, datagram_bytes);
    r->own.datagram_bytes = datagram_bytes;
    if (rtt_ns > 0) {
        if (!r->rtt.has_sample)
            r->own.first_rtt_sample_ns = now_ns;
        belay_rtt_sample(&r->rtt, rtt_ns, 0);
    }
    belay_recovery_pace(r, now_ns);
}

void belay_recovery_search_mtu(struct belay_recovery *r, uint32_t most_bytes)
{
    belay_mtu_init(&r->mtu, r->own.datagram_bytes, most_bytes);
}

void belay_recovery_new_path(struct belay_recovery *r, uint64_t rtt_ns, uint64_t now_ns)
{
    r->own.path_number = r->log.next_number;
    r->own.is_reduced = r->own.has_lost_run = false;
    r->in_flight_bytes = 0;
    r->rate = (struct belay_rate){.delivered_ns = now_ns};
    r->pto_count = 0;
    belay_rtt_init(&r->rtt);
    if (rtt_ns > 0) {
        r->rtt.smoothed_ns = rtt_ns;
        r->rtt.variance_ns = rtt_ns / 2;
    }
    belay_reorder_init(r);
    belay_ecn_restart(&r->ecn);
    belay_mtu_restart(&r->mtu);
    if (r->mtu.size_bytes > 0)
        r->own.datagram_bytes = r->mtu.size_bytes;
    r->congestion->init(r->congestion_state, r->own.datagram_bytes);
    belay_pacer_init(&r->pacer, belay_recovery_window_bytes(r));
    belay_recovery_pace(r, now_ns);
}

int belay_recovery_reserve(struct belay_recovery *r, size_t record_count)
{
    return belay_sentlog_reserve(&r->log, record_count);
}

uint64_t belay_recovery_next_number(const struct belay_recovery *r)
{
    return r->log.next_number;
}

enum belay_ecn_mark belay_recovery_ecn_mark(const struct belay_recovery *r)
{
    return belay_ecn_mark(&r->ecn);
}

void belay_recovery_skip(struct belay_recovery *r, uint64_t now_ns)
{
    if (r->own.skipped == NULL)
        r->own.skipped = belay_mem_alloc(r->log.mem, SKIPPED_BYTES);
    if (r->own.skipped == NULL)
        return;
    r->own.skipped[r->own.skipped_count++ % BELAY_SKIPPED_KEPT] = r->log.next_number;
    belay_sentlog_append(&r->log, NULL, 0)->sent_ns = now_ns;
}

void belay_recovery_sent(struct belay_recovery *r, size_t bytes, unsigned flags,
                         const struct belay_record *records, size_t record_count,
                         uint64_t now_ns)
{
    assert(bytes > 0 && bytes <= UINT32_MAX);
    bool is_eliciting = (flags & BELAY_SENT_ELICITING) != 0;
    struct belay_sent_packet *packet =
        belay_sentlog_append(&r->log, records, is_eliciting ? record_count : 0);
    packet->sent_ns = now_ns;
    packet->bytes = (uint32_t)bytes;
    if ((flags & BELAY_SENT_MARKED) != 0) {
        packet->marked = true;
        belay_ecn_sent(&r->ecn);
    }
    if ((flags & BELAY_SENT_MTU_PROBE) != 0) {
        packet->state = BELAY_SENT_IN_FLIGHT;
        packet->mtu_probe = true;
        belay_mtu_probe_sent(&r->mtu, (uint32_t)bytes);
        belay_pacer_sent(&r->pacer, bytes, now_ns);
    } else if (is_eliciting) {
        packet->state = BELAY_SENT_IN_FLIGHT;
        r->in_flight_bytes += bytes;
        belay_rate_sent(&r->rate, packet, r->in_flight_bytes);
        r->eliciting_in_flight++;
        r->last_eliciting_sent_ns = now_ns;
        belay_pacer_sent(&r->pacer, bytes, now_ns);
    }
    belay_loss_forget(r, now_ns);
}

uint64_t belay_recovery_deadline(const struct belay_recovery *r)
{
    if (r->loss_time_ns != BELAY_NEVER)
        return r->loss_time_ns;
    if (r->eliciting_in_flight == 0)
        return BELAY_NEVER;
    /* From the PTO before when its probes could not be sent: or it would fire at once again. */
    uint64_t from_ns = r->last_eliciting_sent_ns;
    if (r->own.last_pto_ns > from_ns)
        from_ns = r->own.last_pto_ns;
    return from_ns + belay_recovery_pto_backed_off_ns(r);
}

/* Two, RFC 9002, section 6.2.4, when there is more than one packet to ask for, or when one did
 * not get through. */
static unsigned probe_count(const struct belay_recovery *r)
{
    return r->eliciting_in_flight > 1 || r->pto_count > 1 ? 2 : 1;
}

unsigned belay_recovery_timeout(struct belay_recovery *r, uint64_t now_ns,
                                const struct belay_recovery_sink *sink)
{
    unsigned probes = 0;
    if (now_ns < belay_recovery_deadline(r))
        return 0;
    if (r->loss_time_ns != BELAY_NEVER) {
        belay_loss_detect(r, sink, now_ns);
        belay_recovery_pace(r, now_ns);
    } else {
        r->pto_count++;
        r->probe_timeouts++;
        r->own.last_pto_ns = now_ns;
        belay_ecn_silence(&r->ecn, r->pto_count);
        belay_mtu_silence(&r->mtu, r->pto_count);
        probes = probe_count(r);
    }
    belay_loss_forget(r, now_ns);
    return probes;
}

bool belay_recovery_repeat_oldest(struct belay_recovery *r,
                                  const struct belay_recovery_sink *sink)
{
    if (r->own.repeat_number < r->own.oldest_number)
        r->own.repeat_number = r->own.oldest_number;
    while (r->own.repeat_number < r->log.next_number) {
        struct belay_sent_packet *packet = belay_sentlog_find(&r->log, r->own.repeat_number++);
        if (packet->state != BELAY_SENT_IN_FLIGHT || packet->record_count == 0 ||
            packet->mtu_probe)
            continue;
        packet->repeated = 1;
        for (uint32_t i = 0; i < packet->record_count; i++)
            sink->lost(sink->ctx, belay_sentlog_record(&r->log, packet->record_start + i));
        return true;
    }
    return false;
}

uint64_t belay_recovery_window_left(const struct belay_recovery *r)
{
    uint64_t window_bytes = belay_recovery_window_bytes(r);
    return window_bytes > r->in_flight_bytes ? window_bytes - r->in_flight_bytes : 0;
}

uint64_t belay_recovery_pacer_left(struct belay_recovery *r, uint64_t now_ns)
{
    return belay_pacer_left(&r->pacer, now_ns);
}

uint64_t belay_recovery_pacer_time(const struct belay_recovery *r)
{
    return belay_pacer_time(&r->pacer, r->own.pacer_quantum_bytes);
}

void belay_recovery_rest(struct belay_recovery *r, uint64_t now_ns)
{
    belay_loss_forget(r, now_ns);
    belay_sentlog_rest(&r->log);
}

void belay_recovery_set_app_limited(struct belay_recovery *r, bool limited)
{
    r->own.app_limited = limited;
    if (limited && belay_recovery_window_left(r) >= r->own.datagram_bytes)
        belay_rate_limit(&r->rate, r->in_flight_bytes);
}

uint64_t belay_recovery_pto_ns(const struct belay_recovery *r)
{
    return belay_rtt_pto_ns(&r->rtt, r->peer_ack_delay_ns);
}

uint64_t belay_recovery_pto_backed_off_ns(const struct belay_recovery *r)
{
    uint64_t pto_ns = belay_recovery_pto_ns(r);
    if (pto_ns >= PTO_MAX_NS)
        return pto_ns; /* on a path as slow as that, a probe any earlier is noise */
    uint32_t doublings = r->pto_count < 16 ? r->pto_count : 16;
    return pto_ns << doublings < PTO_MAX_NS ? pto_ns << doublings : PTO_MAX_NS;
}

uint64_t belay_recovery_window_bytes(const struct belay_recovery *r)
{
    return r->congestion->window_bytes(r->congestion_state);
}
