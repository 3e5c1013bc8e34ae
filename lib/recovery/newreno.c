/* NewReno as RFC 9002, section 7.3 and appendix B, with HyStart++ (RFC 9406), and the undoing
 * of a reduction whose losses were all spurious, as RFC 4015 does it. */
#include "recovery/hystart.h"

struct newreno {
    uint64_t datagram_bytes;
    uint64_t window_bytes, threshold_bytes; /* ssthresh; UINT64_MAX before the first loss */
    uint64_t credit_bytes; /* acknowledged towards the next datagram of growth */
    uint64_t recovery_start_ns;
    uint64_t prior_window_bytes, prior_threshold_bytes; /* before the newest reduction */
    bool has_reduced;                                   /* and it was not undone */
    struct belay_hystart hystart;
};

_Static_assert(sizeof(struct newreno) <= BELAY_CONGESTION_STATE_BYTES, "state too large");
_Static_assert(_Alignof(struct newreno) <= 8, "recovery.h aligns it so");

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void init(void *state, uint64_t datagram_bytes)
{
    *(struct newreno *)state = (struct newreno){
        .datagram_bytes = datagram_bytes,
        .window_bytes = belay_congestion_window_first(datagram_bytes),
        .threshold_bytes = UINT64_MAX,
    };
}

static void set_datagram_bytes(void *state, uint64_t datagram_bytes)
{
    ((struct newreno *)state)->datagram_bytes = datagram_bytes;
}

static bool is_slow_start(const void *state)
{
    const struct newreno *c = state;
    return c->window_bytes < c->threshold_bytes;
}

static void on_acked(void *state, const struct belay_congestion_acked *acked, uint64_t now_ns)
{
    struct newreno *c = state;
    if (acked->app_limited ||
        belay_congestion_is_answered(c->has_reduced, c->recovery_start_ns, acked->sent_ns))
        return;
    if (is_slow_start(c)) {
        bool is_over;
        c->window_bytes += belay_hystart_acked(&c->hystart, acked, now_ns, &is_over);
        if (is_over)
            c->threshold_bytes = c->window_bytes;
        return;
    }
    /* A datagram for each window acknowledged, counted in bytes so that nothing is rounded off.
     */
    c->credit_bytes += acked->bytes;
    while (c->credit_bytes >= c->window_bytes) {
        c->credit_bytes -= c->window_bytes;
        c->window_bytes += c->datagram_bytes;
    }
}

static void on_lost(void *state, const struct belay_congestion_lost *lost, uint64_t now_ns)
{
    struct newreno *c = state;
    if (!belay_congestion_is_answered(c->has_reduced, c->recovery_start_ns, lost->sent_ns)) {
        c->prior_window_bytes = c->window_bytes;
        c->prior_threshold_bytes = c->threshold_bytes;
        c->has_reduced = true;
        c->recovery_start_ns = now_ns;
        c->window_bytes =
            larger(c->window_bytes / 2, belay_congestion_window_min(c->datagram_bytes));
        c->threshold_bytes = c->window_bytes;
        c->credit_bytes = 0;
    }
    /* The recovery period goes on, unlike in appendix B.8: so later finds among what was sent
     * before don't take the threshold down as well. */
    if (lost->persistent) {
        c->window_bytes = belay_congestion_window_min(c->datagram_bytes);
        c->credit_bytes = 0;
        c->hystart = (struct belay_hystart){0};
    }
}

static void on_spurious(void *state, uint64_t now_ns)
{
    struct newreno *c = state;
    (void)now_ns;
    if (!c->has_reduced)
        return;
    c->has_reduced = false;
    c->window_bytes = larger(c->window_bytes, c->prior_window_bytes);
    c->threshold_bytes = c->prior_threshold_bytes;
    c->credit_bytes = 0;
}

static uint64_t window_bytes(const void *state)
{
    return ((const struct newreno *)state)->window_bytes;
}

static uint64_t rate_bytes_per_s(const void *state)
{
    (void)state;
    return 0;
}

const struct belay_congestion belay_newreno = {
    .name = "newreno",
    .init = init,
    .set_datagram_bytes = set_datagram_bytes,
    .on_acked = on_acked,
    .on_lost = on_lost,
    .on_spurious = on_spurious,
    .window_bytes = window_bytes,
    .rate_bytes_per_s = rate_bytes_per_s,
    .is_slow_start = is_slow_start,
};
