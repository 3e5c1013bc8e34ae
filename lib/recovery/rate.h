/*
 * rate.h - private to recovery: how fast the path delivers, estimated for each ACK
 * (draft-cheng-iccrg-delivery-rate-estimation).
 *
 * A packet remembers how much had been delivered when it left. When it is acknowledged,
 *
 *     rate = delivered since / max(time it took to send that, time it took to be told)
 *
 * so that neither a burst of sends nor a burst of ACKs looks like a fast path. A sample is app
 * limited when the sender had paused for want of data: it says what was sent, not what could.
 */
#ifndef BELAY_RECOVERY_RATE_H
#define BELAY_RECOVERY_RATE_H

#include "recovery/congestion.h"
#include "recovery/sentlog.h"

struct belay_rate {
    uint64_t delivered_bytes, lost_bytes; /* of this connection so far */
    uint64_t delivered_ns;                /* when the newest were */
    uint64_t first_sent_ns;               /* of the flight being measured */
    uint64_t limited_until_bytes;         /* packets sent now are app limited, until so many are
                                             delivered; 0: they are not */
};

/* A packet of so many bytes leaves, in_flight_bytes (itself included) are under way. Anything
 * in the packet but its time of sending may be overwritten by a loss later. */
void belay_rate_sent(struct belay_rate *rate, struct belay_sent_packet *packet,
                     uint64_t in_flight_bytes);
/* The newest packet of an ACK, before belay_rate_delivered of it. */
void belay_rate_sample_begin(struct belay_rate *rate, const struct belay_sent_packet *packet,
                             struct belay_rate_sample *sample);
/* Every packet of an ACK that was in flight. */
void belay_rate_delivered(struct belay_rate *rate, uint64_t bytes, uint64_t now_ns);
/* After the last. min_rtt_ns: an interval shorter than any round trip is no sample. */
void belay_rate_sample_end(struct belay_rate *rate, struct belay_rate_sample *sample,
                           uint64_t rtt_min_ns);
/* A packet in flight is lost: bytes lost since it was sent, itself included. */
uint64_t belay_rate_lost(struct belay_rate *rate, const struct belay_sent_packet *packet);
/* Sending stopped for want of data, with room in the window. */
void belay_rate_limit(struct belay_rate *rate, uint64_t in_flight_bytes);

#endif
