#include "recovery/hystart.h"

/* RFC 9406, section 4.3. */
#define RTT_GROWTH_MIN_NS   UINT64_C(4000000)
#define RTT_GROWTH_MAX_NS   UINT64_C(16000000)
#define RTT_GROWTH_DIVISOR  8
#define SAMPLES_MIN         8
#define CONSERVATIVE_GROWTH 4
#define CONSERVATIVE_ROUNDS 5

static void begin_round(struct belay_hystart *h, uint64_t now_ns)
{
    h->round_start_ns = now_ns;
    h->last_rtt_ns = h->rtt_ns;
    h->rtt_ns = 0;
    h->samples = 0;
}

static bool has_grown(const struct belay_hystart *h)
{
    uint64_t growth_ns = h->last_rtt_ns / RTT_GROWTH_DIVISOR;
    if (growth_ns < RTT_GROWTH_MIN_NS)
        growth_ns = RTT_GROWTH_MIN_NS;
    if (growth_ns > RTT_GROWTH_MAX_NS)
        growth_ns = RTT_GROWTH_MAX_NS;
    return h->samples >= SAMPLES_MIN && h->last_rtt_ns > 0 &&
           h->rtt_ns >= h->last_rtt_ns + growth_ns;
}

static void look(struct belay_hystart *h)
{
    if (h->conservative_rounds == 0) {
        if (has_grown(h)) {
            h->base_rtt_ns = h->rtt_ns;
            h->conservative_rounds = 1;
        }
    } else if (h->samples >= SAMPLES_MIN && h->rtt_ns < h->base_rtt_ns) {
        h->conservative_rounds = 0; /* it was a passing cloud */
    }
}

uint64_t belay_hystart_acked(struct belay_hystart *h,
                             const struct belay_congestion_acked *acked, uint64_t now_ns,
                             bool *is_over)
{
    *is_over = false;
    if (acked->rtt_ns > 0) {
        h->samples++;
        if (h->rtt_ns == 0 || acked->rtt_ns < h->rtt_ns)
            h->rtt_ns = acked->rtt_ns;
    }
    look(h);
    if (acked->sent_ns >= h->round_start_ns) {
        begin_round(h, now_ns);
        if (h->conservative_rounds > 0 && h->conservative_rounds++ >= CONSERVATIVE_ROUNDS)
            *is_over = true;
    }
    return h->conservative_rounds > 0 ? acked->bytes / CONSERVATIVE_GROWTH : acked->bytes;
}
