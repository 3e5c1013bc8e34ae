/* rtt.h - round-trip time estimation as RFC 9002, section 5. */
#ifndef BELAY_RECOVERY_RTT_H
#define BELAY_RECOVERY_RTT_H

#include <stdbool.h>
#include <stdint.h>

struct belay_rtt {
    bool has_sample;
    uint64_t latest_ns, smoothed_ns, variance_ns, min_ns;
};

/* Before a sample: smoothed 100 ms (RFC 9002 says 333), variance half of it. */
void belay_rtt_init(struct belay_rtt *rtt);
/* ack_delay_ns is subtracted as section 5.3 says; pass 0 for a handshake's sample. */
void belay_rtt_sample(struct belay_rtt *rtt, uint64_t sample_ns, uint64_t ack_delay_ns);
/* smoothed + max(4 variance, 1 ms) + ack_delay */
uint64_t belay_rtt_pto_ns(const struct belay_rtt *rtt, uint64_t ack_delay_ns);

#endif
