/* BBR's phases, and the rate and window that follow from its model; bbr.h. */
#include "recovery/bbr.h"

#define SECOND_NS UINT64_C(1000000000)
#define MS        UINT64_C(1000000)

/* In percent. */
#define MARGIN         1
#define STARTUP_PACING 277
#define DRAIN_PACING   50
#define UP_PACING      125
#define DOWN_PACING    90
#define WINDOW         200
#define CRUISE_WINDOW  175
#define UP_WINDOW      225
#define RTT_WINDOW     50
#define FULL_GROWTH    125
#define AGAIN_GROWTH   120
#define HEADROOM       15
#define BETA           70

#define FULL_ROUNDS     3
#define DOWN_ROUNDS     4
#define YIELD_ROUNDS    20
#define CLEAN_ROUNDS    64
#define BURST_NS        MS
#define BURST_BYTES_MAX 65536
#define RTT_PROBE_NS    (200 * MS)
#define WAIT_MIN_NS     (2 * SECOND_NS)
#define WAIT_SPREAD_NS  SECOND_NS
#define WAIT_ROUNDS     63 /* as long as Reno takes for its cycle on a 25 Mbit/s, 30 ms path */

static const struct {
    uint16_t pacing, window;
} gains[] = {
    [BELAY_BBR_STARTUP] = {STARTUP_PACING, WINDOW},
    [BELAY_BBR_DRAIN] = {DRAIN_PACING, WINDOW},
    [BELAY_BBR_DOWN] = {DOWN_PACING, CRUISE_WINDOW},
    [BELAY_BBR_CRUISE] = {100, CRUISE_WINDOW},
    [BELAY_BBR_REFILL] = {100, WINDOW},
    [BELAY_BBR_UP] = {UP_PACING, UP_WINDOW},
    [BELAY_BBR_PROBE_RTT] = {100, RTT_WINDOW},
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t window_min_bytes(const struct belay_bbr *b)
{
    return belay_congestion_window_min(b->datagram_bytes);
}

static void init(void *state, uint64_t datagram_bytes)
{
    *(struct belay_bbr *)state = (struct belay_bbr){
        .datagram_bytes = (uint32_t)datagram_bytes,
        .window_bytes = belay_congestion_window_first(datagram_bytes),
        .bounds = {BELAY_BBR_NONE, BELAY_BBR_NONE, BELAY_BBR_NONE},
        .before = {BELAY_BBR_NONE, BELAY_BBR_NONE, BELAY_BBR_NONE},
    };
}

static void set_datagram_bytes(void *state, uint64_t datagram_bytes)
{
    ((struct belay_bbr *)state)->datagram_bytes = (uint32_t)datagram_bytes;
}

/* ------------------------------------------------------------------ phases */

static void enter(struct belay_bbr *b, enum belay_bbr_phase phase, uint64_t now_ns)
{
    b->phase = (uint8_t)phase;
    b->phase_ns = now_ns;
}

static void forget_low(struct belay_bbr *b)
{
    belay_bbr_forget_yield(b);
    b->bounds.in_flight_low = BELAY_BBR_NONE;
}

/* Flows that share a bottleneck must not probe at the same time: a spread from the clock's
 * lower digits, which differ enough. */
static uint64_t spread_ns(uint64_t now_ns)
{
    return (now_ns * UINT64_C(0x9e3779b97f4a7c15) >> 32) * WAIT_SPREAD_NS >> 32;
}

static void enter_down(struct belay_bbr *b, uint64_t now_ns)
{
    enter(b, BELAY_BBR_DOWN, now_ns);
    b->wait_ns = now_ns + WAIT_MIN_NS + spread_ns(now_ns);
    b->rounds = 0;
    b->is_probe_counted = false;
}

/* Has the rate stopped growing? Asked once a round. */
static bool is_plateau(struct belay_bbr *b, unsigned rounds)
{
    if (belay_bbr_rate_max(b) * 100 >= b->full_rate * FULL_GROWTH) {
        b->full_rate = belay_bbr_rate_max(b);
        b->full_count = 0;
        return false;
    }
    return ++b->full_count >= rounds;
}

static void startup(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                    uint64_t now_ns)
{
    if (b->is_round_start && !acked->rate.app_limited && is_plateau(b, FULL_ROUNDS))
        b->is_full = true;
    if (b->is_full)
        enter(b, BELAY_BBR_DRAIN, now_ns);
}

static void drain(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                  uint64_t now_ns)
{
    if (acked->in_flight_bytes <= belay_bbr_target(b, belay_bbr_rate_max(b), 100))
        enter_down(b, now_ns);
}

static uint64_t with_headroom(const struct belay_bbr *b)
{
    if (b->bounds.in_flight_high == BELAY_BBR_NONE)
        return BELAY_BBR_NONE;
    return larger(b->bounds.in_flight_high / 100 * (100 - HEADROOM), window_min_bytes(b));
}

/* A queue that YIELD_ROUNDS did not drain is somebody's who takes what we leave. */
static bool is_time_to_probe(const struct belay_bbr *b, uint64_t now_ns)
{
    uint64_t packets = belay_bbr_target(b, belay_bbr_rate(b), 100) / b->datagram_bytes;
    return now_ns >= b->wait_ns || b->rounds >= smaller(packets, WAIT_ROUNDS) ||
           b->yield_rounds >= YIELD_ROUNDS;
}

static void enter_refill(struct belay_bbr *b, uint64_t now_ns)
{
    forget_low(b);
    b->before = b->bounds;
    b->is_probe_answered = b->is_rtt_raised = false;
    b->calm_rounds = 0;
    b->rounds = 0;
    enter(b, BELAY_BBR_REFILL, now_ns);
}

/* STARTUP once more: it ended too early, or the path has become faster. */
static void start_again(struct belay_bbr *b, uint64_t now_ns)
{
    b->is_full = b->is_full_by_loss = false;
    b->full_count = 0;
    b->full_rate = b->rate_max[0];
    forget_low(b);
    enter(b, BELAY_BBR_STARTUP, now_ns);
}

/*
 * A round after the probe, when all that it measured is known. A path that carried nearly all
 * that a probe added, and showed no queue, is far from full.
 */
static void count_probe(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                        uint64_t now_ns)
{
    if (!b->is_round_start || b->is_probe_counted || b->rounds < 2 || acked->rate.app_limited)
        return;
    b->is_probe_counted = true;
    if (!b->is_queue_seen && b->full_rate > 0 &&
        b->rate_max[0] >= b->full_rate / 100 * AGAIN_GROWTH)
        start_again(b, now_ns);
    b->is_queue_seen = false;
    belay_bbr_model_advance(b);
}

static void down(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                 uint64_t now_ns)
{
    count_probe(b, acked, now_ns);
    if (b->phase == BELAY_BBR_STARTUP)
        return;
    if (is_time_to_probe(b, now_ns))
        enter_refill(b, now_ns);
    else if (b->rounds >= DOWN_ROUNDS ||
             (acked->in_flight_bytes <= with_headroom(b) &&
              acked->in_flight_bytes <= belay_bbr_target(b, belay_bbr_rate_max(b), 100)))
        enter(b, BELAY_BBR_CRUISE, now_ns);
}

static void cruise(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                   uint64_t now_ns)
{
    count_probe(b, acked, now_ns);
    if (b->phase == BELAY_BBR_STARTUP)
        return;
    if (is_time_to_probe(b, now_ns))
        enter_refill(b, now_ns);
}

static void refill(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                   uint64_t now_ns)
{
    (void)acked;
    if (!b->is_round_start)
        return;
    b->up_rounds = 0;
    b->full_rate = belay_bbr_rate_max(b);
    b->full_count = 0;
    enter(b, BELAY_BBR_UP, now_ns);
}

/* The long-term bound rises while it is what holds us back, faster with each round. */
static void raise_high(struct belay_bbr *b, const struct belay_congestion_acked *acked)
{
    if (b->is_round_start && b->up_rounds < 20)
        b->up_rounds++;
    if (b->bounds.in_flight_high == BELAY_BBR_NONE || acked->app_limited ||
        b->window_bytes < b->bounds.in_flight_high)
        return;
    b->bounds.in_flight_high +=
        (acked->bytes * b->datagram_bytes << b->up_rounds) / b->window_bytes;
}

static void up(struct belay_bbr *b, const struct belay_congestion_acked *acked, uint64_t now_ns)
{
    uint64_t in_flight = acked->in_flight_bytes + acked->bytes;
    raise_high(b, acked);
    if (now_ns - b->phase_ns < b->rtt_min_ns)
        return;
    bool is_bound = in_flight + b->datagram_bytes >= b->bounds.in_flight_high;
    bool is_over =
        in_flight > belay_bbr_target(b, belay_bbr_rate_max(b), UP_PACING) + belay_bbr_extra(b);
    bool is_flat = b->is_round_start && !is_bound && is_plateau(b, FULL_ROUNDS);
    if (is_over || is_flat)
        enter_down(b, now_ns);
}

/* ------------------------------------------------------------------ the round trip */

static void begin_probe_rtt(struct belay_bbr *b, uint64_t now_ns)
{
    b->window_before_bytes = b->window_bytes;
    b->rtt_probe_ns = 0;
    b->is_rtt_old = false;
    enter(b, BELAY_BBR_PROBE_RTT, now_ns);
}

static uint64_t probe_rtt_window(const struct belay_bbr *b)
{
    return larger(belay_bbr_target(b, belay_bbr_rate(b), RTT_WINDOW), window_min_bytes(b));
}

static void end_probe_rtt(struct belay_bbr *b, uint64_t now_ns)
{
    b->rtt_recent_at_ns = now_ns;
    b->window_bytes = larger(b->window_bytes, b->window_before_bytes);
    forget_low(b);
    if (!b->is_full) {
        enter(b, BELAY_BBR_STARTUP, now_ns);
        return;
    }
    enter_down(b, now_ns);
    b->is_probe_counted = true; /* nothing was probed */
    enter(b, BELAY_BBR_CRUISE, now_ns);
}

static void probe_rtt(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                      uint64_t now_ns)
{
    if (b->rtt_probe_ns == 0) {
        if (acked->in_flight_bytes > probe_rtt_window(b))
            return;
        b->rtt_probe_ns = now_ns + RTT_PROBE_NS;
        b->round_end_bytes = acked->delivered_bytes;
    } else if (now_ns >= b->rtt_probe_ns && b->is_round_start) {
        end_probe_rtt(b, now_ns);
    }
}

/* ------------------------------------------------------------------ rate and window */

/* What is lost on the way for no fault of ours is sent on top; not all of it, so that where the
 * loss is of our own making after all, it dies out. */
static uint64_t with_ambient(const struct belay_bbr *b, uint64_t rate)
{
    uint64_t share = smaller(b->ambient_loss, BELAY_BBR_SHARE_ONE / 10) / 4 * 3;
    return rate * BELAY_BBR_SHARE_ONE / (BELAY_BBR_SHARE_ONE - share);
}

/* Losses make the samples of the rate uneven, and the greatest of them too great: that is what
 * the margin is for. Where there were none for long, it would be given away. */
static unsigned margin(const struct belay_bbr *b)
{
    return b->clean_rounds >= CLEAN_ROUNDS ? 0 : MARGIN;
}

static void set_rate(struct belay_bbr *b)
{
    uint64_t rate = belay_bbr_rate(b) / 100 * gains[b->phase].pacing;
    rate = with_ambient(b, rate / 100 * (100 - margin(b)));
    if (rate > 0 && (b->is_full || rate > b->rate))
        b->rate = rate;
}

static uint64_t bounded(const struct belay_bbr *b, uint64_t window_bytes)
{
    uint64_t high = b->bounds.in_flight_high;
    if (b->phase == BELAY_BBR_DOWN || b->phase == BELAY_BBR_CRUISE)
        high = with_headroom(b);
    if (b->phase == BELAY_BBR_PROBE_RTT)
        high = smaller(with_headroom(b), probe_rtt_window(b));
    window_bytes = smaller(window_bytes, smaller(high, b->bounds.in_flight_low));
    return larger(window_bytes, window_min_bytes(b));
}

/* Three of the sender's bursts, so that none ever waits for an ACK (draft, section 5.6.4.2). */
static uint64_t bursts_bytes(const struct belay_bbr *b)
{
    uint64_t burst_bytes = smaller(b->rate / (SECOND_NS / BURST_NS), BURST_BYTES_MAX);
    return 3 * larger(burst_bytes, 2 * (uint64_t)b->datagram_bytes);
}

static void set_window(struct belay_bbr *b, const struct belay_congestion_acked *acked)
{
    uint64_t most = belay_bbr_target(b, belay_bbr_rate(b), gains[b->phase].window) +
                    belay_bbr_extra(b) + 3 * (uint64_t)b->datagram_bytes;
    most = larger(most, bursts_bytes(b));
    if (b->is_full)
        b->window_bytes = smaller(b->window_bytes + acked->bytes, most);
    else if (!acked->app_limited && (b->window_bytes < most || b->rate == 0))
        b->window_bytes += acked->bytes;
    b->window_bytes = bounded(b, b->window_bytes);
}

/* ------------------------------------------------------------------ the table */

static void on_acked(void *state, const struct belay_congestion_acked *acked, uint64_t now_ns)
{
    static void (*const phases[])(struct belay_bbr *, const struct belay_congestion_acked *,
                                  uint64_t) = {
        [BELAY_BBR_STARTUP] = startup,     [BELAY_BBR_DRAIN] = drain,   [BELAY_BBR_DOWN] = down,
        [BELAY_BBR_CRUISE] = cruise,       [BELAY_BBR_REFILL] = refill, [BELAY_BBR_UP] = up,
        [BELAY_BBR_PROBE_RTT] = probe_rtt,
    };
    struct belay_bbr *b = state;
    b->is_from_idle = acked->rate.from_idle;
    belay_bbr_model_acked(b, acked, now_ns);
    phases[b->phase](b, acked, now_ns);
    if (b->is_rtt_old && !b->is_from_idle && b->phase != BELAY_BBR_PROBE_RTT)
        begin_probe_rtt(b, now_ns);
    set_rate(b);
    set_window(b, acked);
}

/* A probe of the rate was too much: so much in flight is the most from now on. */
static void answer_probe(struct belay_bbr *b, const struct belay_congestion_lost *lost,
                         uint64_t now_ns)
{
    uint64_t least = belay_bbr_target(b, belay_bbr_rate(b), BETA);
    b->is_probe_answered = true;
    b->bounds.in_flight_high =
        larger(larger(lost->sent_in_flight_bytes, least), window_min_bytes(b));
    if (b->phase == BELAY_BBR_UP)
        enter_down(b, now_ns);
}

/* A mark is congestion whatever the round trip says (RFC 3168, RFC 9002, section 7.1). */
static void answer_mark(struct belay_bbr *b, const struct belay_congestion_lost *lost,
                        uint64_t now_ns)
{
    if (b->marked_ns > 0 && lost->sent_ns <= b->marked_ns)
        return;
    b->marked_ns = now_ns;
    b->is_full = true;
    if (b->phase == BELAY_BBR_UP)
        enter_down(b, now_ns);
    if (b->phase != BELAY_BBR_STARTUP)
        belay_bbr_model_marked(b, lost->in_flight_bytes);
}

static void on_lost(void *state, const struct belay_congestion_lost *lost, uint64_t now_ns)
{
    struct belay_bbr *b = state;
    bool is_probe = b->phase == BELAY_BBR_UP || (b->phase == BELAY_BBR_DOWN && b->rounds < 2);
    if (b->bounds.rate_low == BELAY_BBR_NONE) {
        b->before.rate_low = BELAY_BBR_NONE;
        b->before.in_flight_low = b->bounds.in_flight_low;
    }
    if (lost->ecn_ce)
        answer_mark(b, lost, now_ns);
    if (is_probe && !b->is_probe_answered &&
        belay_bbr_is_too_much(b, lost->since_sent_bytes, lost->sent_in_flight_bytes))
        answer_probe(b, lost, now_ns);
    if (lost->persistent)
        b->window_bytes = window_min_bytes(b);
}

static void on_spurious(void *state, uint64_t now_ns)
{
    struct belay_bbr *b = state;
    if (b->is_full_by_loss)
        start_again(b, now_ns);
    b->is_round_spurious = true;
    b->bounds.rate_low = larger(b->bounds.rate_low, b->before.rate_low);
    b->bounds.in_flight_low = larger(b->bounds.in_flight_low, b->before.in_flight_low);
    b->bounds.in_flight_high = larger(b->bounds.in_flight_high, b->before.in_flight_high);
}

static uint64_t window_bytes(const void *state)
{
    return ((const struct belay_bbr *)state)->window_bytes;
}

static uint64_t rate_bytes_per_s(const void *state)
{
    return ((const struct belay_bbr *)state)->rate;
}

static bool is_slow_start(const void *state)
{
    return !((const struct belay_bbr *)state)->is_full;
}

const struct belay_congestion belay_bbr = {
    .name = "bbr",
    .init = init,
    .set_datagram_bytes = set_datagram_bytes,
    .on_acked = on_acked,
    .on_lost = on_lost,
    .on_spurious = on_spurious,
    .window_bytes = window_bytes,
    .rate_bytes_per_s = rate_bytes_per_s,
    .is_slow_start = is_slow_start,
};
