/*
 * CUBIC (RFC 9438), with fast convergence, HyStart++ (RFC 9406), and the undoing of a reduction
 * whose losses were all spurious (section 4.9).
 *
 *     W_cubic(t) = C (t - K)^3 + W_max,  K = cbrt((W_max - cwnd_epoch) / C),  C = 0.4
 *
 * in datagrams and seconds; here in bytes and milliseconds, in whole numbers.
 */
#include "recovery/hystart.h"

#define MS UINT64_C(1000000)

/* C is 2/5; datagrams to bytes and seconds to milliseconds: (t ms)^3 * C = t^3 * 2 / 5e9. */
#define CUBE_UP   2
#define CUBE_DOWN UINT64_C(5000000000)

/* A difference of that many milliseconds, cubed, times CUBE_UP and a datagram, fits 64 bits. */
#define TIME_MAX_MS 50000

struct cubic {
    uint64_t datagram_bytes;
    uint64_t window_bytes, threshold_bytes; /* ssthresh; UINT64_MAX before the first loss */
    uint64_t max_bytes;                     /* W_max */
    uint64_t credit;                        /* of growth: bytes times bytes */
    uint64_t epoch_ns;                      /* congestion avoidance began; 0: not yet */
    uint64_t inflection_ms;                 /* K */
    uint64_t reno_bytes, reno_credit;       /* W_est, section 4.3 */
    uint64_t limited_ns;                    /* since then the window was not used; 0: it is */
    uint64_t recovery_start_ns;
    struct {
        uint64_t window_bytes, threshold_bytes, max_bytes, epoch_ns, inflection_ms, reno_bytes;
    } prior;          /* before the newest reduction */
    bool has_reduced; /* and it was not undone */
    struct belay_hystart hystart;
};

_Static_assert(sizeof(struct cubic) <= BELAY_CONGESTION_STATE_BYTES, "state too large");
_Static_assert(_Alignof(struct cubic) <= 8, "recovery.h aligns it so");

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t cube_root(uint64_t value)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 20; bit > 0; bit /= 2) {
        uint64_t next = root + bit;
        if (next * next * next <= value)
            root = next;
    }
    return root;
}

static void init(void *state, uint64_t datagram_bytes)
{
    *(struct cubic *)state = (struct cubic){
        .datagram_bytes = datagram_bytes,
        .window_bytes = belay_congestion_window_first(datagram_bytes),
        .threshold_bytes = UINT64_MAX,
    };
}

static void set_datagram_bytes(void *state, uint64_t datagram_bytes)
{
    ((struct cubic *)state)->datagram_bytes = datagram_bytes;
}

static bool is_slow_start(const void *state)
{
    const struct cubic *c = state;
    return c->window_bytes < c->threshold_bytes;
}

/* ------------------------------------------------------------------ growth */

static void begin_epoch(struct cubic *c, uint64_t now_ns)
{
    c->epoch_ns = now_ns;
    c->reno_bytes = c->window_bytes;
    c->credit = c->reno_credit = 0;
    c->inflection_ms = 0;
    if (c->max_bytes <= c->window_bytes) {
        c->max_bytes = c->window_bytes;
        return;
    }
    uint64_t datagrams = (c->max_bytes - c->window_bytes) / c->datagram_bytes;
    c->inflection_ms = cube_root(smaller(datagrams, UINT32_MAX) * (CUBE_DOWN / CUBE_UP));
}

static uint64_t cubic_bytes(const struct cubic *c, uint64_t time_ms)
{
    bool after = time_ms >= c->inflection_ms;
    uint64_t t = after ? time_ms - c->inflection_ms : c->inflection_ms - time_ms;
    t = smaller(t, TIME_MAX_MS);
    uint64_t bytes = t * t * t * CUBE_UP / 1000 * c->datagram_bytes / (CUBE_DOWN / 1000);
    if (after)
        return c->max_bytes + bytes;
    return c->max_bytes > bytes ? c->max_bytes - bytes : 0;
}

/* Section 4.3: what Reno would have, with alpha 3 (1 - 0.7) / (1 + 0.7), and 1 once it is past
 * the window of the loss. */
static void grow_reno(struct cubic *c, uint64_t acked_bytes)
{
    uint64_t per_mille = c->reno_bytes < c->prior.window_bytes ? 529 : 1000;
    c->reno_credit += acked_bytes * per_mille / 1000;
    if (c->reno_credit >= c->reno_bytes) {
        c->reno_credit -= c->reno_bytes;
        c->reno_bytes += c->datagram_bytes;
    }
}

/* (target - window) / window for each byte, section 4.4; in credit, so that nothing is lost to
 * rounding. */
static void grow(struct cubic *c, const struct belay_congestion_acked *acked, uint64_t now_ns)
{
    if (c->epoch_ns == 0)
        begin_epoch(c, now_ns);
    grow_reno(c, acked->bytes);
    uint64_t time_ms = (now_ns - c->epoch_ns + acked->rtt_smoothed_ns) / MS;
    uint64_t target = smaller(cubic_bytes(c, time_ms), c->window_bytes + c->window_bytes / 2);
    if (target > c->window_bytes) {
        c->credit += (target - c->window_bytes) * acked->bytes;
        c->window_bytes += c->credit / c->window_bytes;
        c->credit %= c->window_bytes;
    }
    if (c->window_bytes < c->reno_bytes)
        c->window_bytes = c->reno_bytes;
}

/* Time in which the window was not used is no time of the curve, section 4.2. */
static bool is_limited(struct cubic *c, bool app_limited, uint64_t now_ns)
{
    if (app_limited) {
        if (c->limited_ns == 0)
            c->limited_ns = now_ns;
        return true;
    }
    if (c->limited_ns > 0 && c->epoch_ns > 0)
        c->epoch_ns += now_ns - larger(c->limited_ns, c->epoch_ns);
    c->limited_ns = 0;
    return false;
}

static void on_acked(void *state, const struct belay_congestion_acked *acked, uint64_t now_ns)
{
    struct cubic *c = state;
    if (is_limited(c, acked->app_limited, now_ns) ||
        belay_congestion_is_answered(c->has_reduced, c->recovery_start_ns, acked->sent_ns))
        return;
    if (!is_slow_start(c)) {
        grow(c, acked, now_ns);
        return;
    }
    bool is_over;
    c->window_bytes += belay_hystart_acked(&c->hystart, acked, now_ns, &is_over);
    if (is_over)
        c->threshold_bytes = c->window_bytes;
}

/* ------------------------------------------------------------------ loss */

static void reduce(struct cubic *c, uint64_t now_ns)
{
    c->prior.window_bytes = c->window_bytes;
    c->prior.threshold_bytes = c->threshold_bytes;
    c->prior.max_bytes = c->max_bytes;
    c->prior.epoch_ns = c->epoch_ns;
    c->prior.inflection_ms = c->inflection_ms;
    c->prior.reno_bytes = c->reno_bytes;
    c->has_reduced = true;
    c->recovery_start_ns = now_ns;
    /* Fast convergence, section 4.7: others want a share; times (1 + 0.7) / 2. */
    c->max_bytes = c->window_bytes < c->max_bytes ? c->window_bytes / 20 * 17 : c->window_bytes;
    c->window_bytes =
        larger(c->window_bytes / 10 * 7, belay_congestion_window_min(c->datagram_bytes));
    c->threshold_bytes = c->window_bytes;
    c->epoch_ns = 0;
}

static void on_lost(void *state, const struct belay_congestion_lost *lost, uint64_t now_ns)
{
    struct cubic *c = state;
    if (!belay_congestion_is_answered(c->has_reduced, c->recovery_start_ns, lost->sent_ns))
        reduce(c, now_ns);
    if (lost->persistent) {
        c->window_bytes = belay_congestion_window_min(c->datagram_bytes);
        c->epoch_ns = 0;
        c->hystart = (struct belay_hystart){0};
    }
}

static void on_spurious(void *state, uint64_t now_ns)
{
    struct cubic *c = state;
    (void)now_ns;
    if (!c->has_reduced)
        return;
    c->has_reduced = false;
    c->window_bytes = larger(c->window_bytes, c->prior.window_bytes);
    c->threshold_bytes = c->prior.threshold_bytes;
    c->max_bytes = c->prior.max_bytes;
    c->epoch_ns = c->prior.epoch_ns;
    c->inflection_ms = c->prior.inflection_ms;
    c->reno_bytes = c->prior.reno_bytes;
}

static uint64_t window_bytes(const void *state)
{
    return ((const struct cubic *)state)->window_bytes;
}

static uint64_t rate_bytes_per_s(const void *state)
{
    (void)state;
    return 0;
}

const struct belay_congestion belay_cubic = {
    .name = "cubic",
    .init = init,
    .set_datagram_bytes = set_datagram_bytes,
    .on_acked = on_acked,
    .on_lost = on_lost,
    .on_spurious = on_spurious,
    .window_bytes = window_bytes,
    .rate_bytes_per_s = rate_bytes_per_s,
    .is_slow_start = is_slow_start,
};
