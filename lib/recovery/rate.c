#include "recovery/rate.h"

static uint32_t capped(uint64_t value)
{
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

void belay_rate_sent(struct belay_rate *rate, struct belay_sent_packet *packet,
                     uint64_t in_flight_bytes)
{
    if (in_flight_bytes <= packet->bytes) /* a flight begins: what came before says nothing */
        rate->first_sent_ns = rate->delivered_ns = packet->sent_ns;
    packet->flight.delivered_ns = rate->delivered_ns;
    packet->flight.delivered = (uint32_t)rate->delivered_bytes;
    packet->flight.sending_ns = capped(packet->sent_ns - rate->first_sent_ns);
    packet->in_flight_bytes = capped(in_flight_bytes);
    packet->lost_before = (uint32_t)rate->lost_bytes;
    packet->app_limited = rate->limited_until_bytes > 0;
}

void belay_rate_sample_begin(struct belay_rate *rate, const struct belay_sent_packet *packet,
                             struct belay_rate_sample *sample)
{
    /* Counters are kept modulo 2^32: what one round trip delivers is less. */
    uint32_t since = (uint32_t)rate->delivered_bytes - packet->flight.delivered;

    *sample = (struct belay_rate_sample){
        .prior_delivered_bytes = rate->delivered_bytes - since,
        .interval_ns = packet->flight.sending_ns,
        .in_flight_bytes = packet->in_flight_bytes,
        .lost_bytes = (uint32_t)rate->lost_bytes - packet->lost_before,
        .prior_delivered_ns = packet->flight.delivered_ns,
        .app_limited = packet->app_limited,
        .from_idle = packet->in_flight_bytes <= packet->bytes,
    };
    rate->first_sent_ns = packet->sent_ns;
}

void belay_rate_delivered(struct belay_rate *rate, uint64_t bytes, uint64_t now_ns)
{
    rate->delivered_bytes += bytes;
    rate->delivered_ns = now_ns;
}

void belay_rate_sample_end(struct belay_rate *rate, struct belay_rate_sample *sample,
                           uint64_t rtt_min_ns)
{
    uint64_t told_ns = rate->delivered_ns - sample->prior_delivered_ns;

    sample->delivered_bytes = rate->delivered_bytes - sample->prior_delivered_bytes;
    if (sample->interval_ns < told_ns)
        sample->interval_ns = told_ns;
    if (sample->interval_ns < rtt_min_ns)
        sample->interval_ns = 0;
    if (rate->limited_until_bytes > 0 && rate->delivered_bytes > rate->limited_until_bytes)
        rate->limited_until_bytes = 0;
}

uint64_t belay_rate_lost(struct belay_rate *rate, const struct belay_sent_packet *packet)
{
    rate->lost_bytes += packet->bytes;
    return (uint32_t)rate->lost_bytes - packet->lost_before;
}

void belay_rate_limit(struct belay_rate *rate, uint64_t in_flight_bytes)
{
    rate->limited_until_bytes = rate->delivered_bytes + in_flight_bytes;
    if (rate->limited_until_bytes == 0)
        rate->limited_until_bytes = 1;
}
