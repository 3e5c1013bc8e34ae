/* BBR's model of the path: rate, round trip, heaps of ACKs, and whose fault losses are. */
#include "recovery/bbr.h"

#define SECOND_NS UINT64_C(1000000000)
#define MS        UINT64_C(1000000)

#define LOSS_THRESHOLD (BELAY_BBR_SHARE_ONE / 50)     /* 2 %, as in the draft */
#define AMBIENT_MAX    (BELAY_BBR_SHARE_ONE / 10 * 3) /* beyond that a path is not usable */
#define RTT_EVERY_NS   (5 * SECOND_NS)
#define RTT_KEPT_NS    (10 * SECOND_NS)
#define LOSS_PACKETS   3
#define BETA           70
#define YIELD          92
#define CALM_ROUNDS    20
#define RAISED_SHARE   8
#define AMBIENT_ROUNDS 8 /* of the moving average */
#define EXTRA_ROUNDS   5 /* a half of the filter's 10 */
#define STOOD_ROUNDS   3
#define QUEUED_SHARE   16 /* of the round trip: a queue */
#define FLAT_SHARE     32 /* of it: none */
#define NEAR_SHARE     64 /* of it: no more than timers are late */
#define OWN_SHARE      32 /* of the rate: the path is ours */

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* rate * time, without overflow up to 144 Gbit/s and 1000 s. */
static uint64_t bytes_in(uint64_t rate, uint64_t time_ns)
{
    return rate / 1000 * (time_ns / 1000) / 1000;
}

uint64_t belay_bbr_rate_max(const struct belay_bbr *b)
{
    return larger(b->rate_max[0], b->rate_max[1]);
}

uint64_t belay_bbr_rate(const struct belay_bbr *b)
{
    return smaller(belay_bbr_rate_max(b), b->bounds.rate_low);
}

uint64_t belay_bbr_target(const struct belay_bbr *b, uint64_t rate, unsigned gain)
{
    if (b->rtt_min_ns == 0)
        return 10 * (uint64_t)b->datagram_bytes;
    return bytes_in(rate, b->rtt_min_ns) / 100 * gain;
}

uint64_t belay_bbr_extra(const struct belay_bbr *b)
{
    return larger(b->extra_bytes[0], b->extra_bytes[1]);
}

void belay_bbr_model_advance(struct belay_bbr *b)
{
    b->rate_max[1] = b->rate_max[0];
    b->rate_max[0] = 0;
}

static uint64_t above_min_ns(const struct belay_bbr *b, unsigned share)
{
    return b->rtt_min_ns + larger(b->rtt_min_ns / share, MS);
}

static uint64_t part_of(uint64_t bytes, uint64_t share)
{
    return bytes / BELAY_BBR_SHARE_ONE * share +
           bytes % BELAY_BBR_SHARE_ONE * share / BELAY_BBR_SHARE_ONE;
}

bool belay_bbr_is_too_much(const struct belay_bbr *b, uint64_t lost_bytes, uint64_t of_bytes)
{
    uint64_t own_bytes = part_of(of_bytes, b->ambient_loss);
    bool has_queue = b->round_rtt_max_ns > above_min_ns(b, QUEUED_SHARE);
    uint64_t most_bytes = own_bytes + (has_queue ? 0 : part_of(of_bytes, LOSS_THRESHOLD));
    if (lost_bytes <= most_bytes)
        return false;
    /* Counts of random losses scatter by their square root: three times that is no news. */
    uint64_t packets = (lost_bytes - own_bytes) / b->datagram_bytes;
    return packets >= LOSS_PACKETS && packets * packets >= 9 * (own_bytes / b->datagram_bytes);
}

/* ------------------------------------------------------------------ a round */

static bool is_queued(const struct belay_bbr *b)
{
    return b->round_rtt_min_ns > above_min_ns(b, QUEUED_SHARE);
}

/* Losses while no queue stood are the path's own: of the phases that are not meant to make
 * one. */
static void learn_ambient(struct belay_bbr *b, uint64_t lost_bytes, uint64_t sent_bytes)
{
    if (b->is_round_queued)
        b->ambient_loss -= b->ambient_loss / (2 * AMBIENT_ROUNDS);
    bool is_calm = b->phase == BELAY_BBR_DOWN || b->phase == BELAY_BBR_CRUISE ||
                   b->phase == BELAY_BBR_REFILL;
    if (!is_calm || b->calm_rounds == 0 || sent_bytes == 0)
        return;
    int64_t share = (int64_t)(lost_bytes * BELAY_BBR_SHARE_ONE / sent_bytes);
    int64_t learnt = b->ambient_loss + (share - (int64_t)b->ambient_loss) / AMBIENT_ROUNDS;
    b->ambient_loss = (uint32_t)smaller((uint64_t)learnt, AMBIENT_MAX);
}

static uint64_t larger_share(uint64_t floor, uint64_t value)
{
    return larger(floor, value / 100 * BETA);
}

/* A queue stood all through the round: so much less than what the path delivers lets it drain.
 * It is our own where nobody took a part of what the path delivers. */
static void yield_rate(struct belay_bbr *b)
{
    uint64_t rate_max = belay_bbr_rate_max(b);
    uint64_t rate = smaller(b->bounds.rate_low, rate_max);
    b->bounds.rate_low = larger_share(b->round_rate / 100 * YIELD, rate);
    b->is_queue_own = b->round_rate >= rate_max - rate_max / OWN_SHARE;
    b->yield_rounds++;
}

void belay_bbr_forget_yield(struct belay_bbr *b)
{
    b->bounds.rate_low = BELAY_BBR_NONE;
    b->is_queue_own = false;
    b->yield_rounds = 0;
}

/*
 * With what is in flight now our own queue will be gone. That shows a round trip later: to wait
 * for it would leave the path idle for as long.
 */
static void end_yield(struct belay_bbr *b, uint64_t in_flight_bytes)
{
    if (b->is_queue_own &&
        in_flight_bytes <= belay_bbr_target(b, b->bounds.rate_low, 10000 / YIELD))
        belay_bbr_forget_yield(b);
}

/* And there was loss: others want room. What the path holds without a queue remains ours. */
static void yield_window(struct belay_bbr *b, uint64_t used_bytes)
{
    uint64_t window_bytes = smaller(b->bounds.in_flight_low, used_bytes);
    b->bounds.in_flight_low =
        larger_share(belay_bbr_target(b, belay_bbr_rate_max(b), 100), window_bytes);
}

void belay_bbr_model_marked(struct belay_bbr *b, uint64_t in_flight_bytes)
{
    yield_window(b, smaller(b->window_bytes, in_flight_bytes));
    b->bounds.rate_low = smaller(b->bounds.rate_low, belay_bbr_rate_max(b)) / 100 * YIELD;
    b->is_queue_own = false;
}

/*
 * Where packets overtake each other, an ACK that came early tells at once what arrived in a
 * longer time: the greatest samples of the rate, which the model keeps, are too great. What was
 * delivered while a queue stood is what the path carries.
 */
static void correct_rate(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                         uint64_t now_ns)
{
    if (!acked->is_reordered || acked->rate.app_limited || b->yield_rounds < STOOD_ROUNDS)
        return;
    uint64_t bytes = acked->delivered_bytes - b->yield_delivered_bytes;
    uint64_t rate = bytes * 1000000 / ((now_ns - b->yield_ns) / 1000 + 1);
    if (rate < belay_bbr_rate_max(b))
        b->rate_max[0] = b->rate_max[1] = rate;
}

/* The short-term bounds (draft, section 5.5.10.3) answer a queue, and loss with it; loss alone
 * they don't. */
static void adapt_low(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                      uint64_t lost_bytes, uint64_t now_ns)
{
    bool is_probing = b->phase == BELAY_BBR_STARTUP || b->phase == BELAY_BBR_REFILL ||
                      b->phase == BELAY_BBR_UP;
    if (b->round_rtt_min_ns <= above_min_ns(b, FLAT_SHARE)) {
        correct_rate(b, acked, now_ns);
        belay_bbr_forget_yield(b);
    }
    if (!b->is_full || !b->is_round_queued || is_probing)
        return;
    if (lost_bytes > 0)
        yield_window(b, b->window_bytes);
    if (b->yield_rounds == 0) {
        b->yield_ns = now_ns;
        b->yield_delivered_bytes = acked->delivered_bytes;
    }
    yield_rate(b);
}

/*
 * A path that is ours alone need not be drained to be measured: the queue that a probe made
 * was gone afterwards, and the round trip remained flat for a long time. In somebody else's
 * queue it would be flat only where the queue is full, and then a probe doesn't raise it.
 */
static void note_calm(struct belay_bbr *b, uint64_t now_ns)
{
    b->calm_rounds =
        b->round_rtt_max_ns <= above_min_ns(b, FLAT_SHARE) ? b->calm_rounds + 1 : 0;
    if (b->is_rtt_raised && b->calm_rounds >= CALM_ROUNDS)
        b->rtt_recent_at_ns = b->rtt_min_at_ns = now_ns;
}

static void judge_round(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                        uint64_t now_ns)
{
    uint64_t lost_bytes = b->is_round_spurious ? 0 : acked->lost_bytes - b->round_lost_bytes;
    uint64_t sent_bytes = acked->delivered_bytes - b->round_delivered_bytes + lost_bytes;

    b->is_round_queued = is_queued(b);
    b->is_queue_seen |= b->is_round_queued;
    b->clean_rounds = lost_bytes == 0 ? b->clean_rounds + 1 : 0;
    note_calm(b, now_ns);
    learn_ambient(b, lost_bytes, sent_bytes);
    adapt_low(b, acked, lost_bytes, now_ns);
    if (b->phase == BELAY_BBR_STARTUP && b->is_round_queued &&
        belay_bbr_is_too_much(b, lost_bytes, sent_bytes))
        b->is_full = b->is_full_by_loss = true;
}

static void begin_round(struct belay_bbr *b, const struct belay_congestion_acked *acked)
{
    b->round_end_bytes = acked->delivered_bytes;
    b->round_delivered_bytes = acked->delivered_bytes;
    b->round_lost_bytes = acked->lost_bytes;
    b->round_rtt_min_ns = b->round_rtt_max_ns = 0;
    b->round_rate = b->round_in_flight_bytes = 0;
    b->is_round_spurious = false;
    b->rounds++;
    if (++b->extra_rounds >= EXTRA_ROUNDS) {
        b->extra_rounds = 0;
        b->extra_bytes[1] = b->extra_bytes[0];
        b->extra_bytes[0] = 0;
    }
}

/* ------------------------------------------------------------------ an ACK */

/* What came beyond the path's rate: ACKs that were held up on their way. */
static void take_extra(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                       uint64_t now_ns)
{
    uint64_t expected = bytes_in(belay_bbr_rate(b), now_ns - b->extra_since_ns);
    uint64_t came = acked->delivered_bytes - b->extra_from_bytes;
    if (came <= expected || b->extra_since_ns == 0 || acked->rate.from_idle) {
        b->extra_since_ns = now_ns;
        b->extra_from_bytes = acked->delivered_bytes - acked->bytes;
        came = acked->bytes;
        expected = 0;
    }
    b->extra_bytes[0] = larger(b->extra_bytes[0], smaller(came - expected, b->window_bytes));
}

static void take_rate(struct belay_bbr *b, const struct belay_rate_sample *sample)
{
    if (sample->interval_ns == 0)
        return;
    uint64_t rate = sample->delivered_bytes * SECOND_NS / sample->interval_ns;
    b->round_rate = larger(b->round_rate, rate);
    b->round_in_flight_bytes = larger(b->round_in_flight_bytes, sample->delivered_bytes);
    if (!sample->app_limited || rate >= belay_bbr_rate_max(b))
        b->rate_max[0] = larger(b->rate_max[0], rate);
}

static void take_rtt(struct belay_bbr *b, uint64_t rtt_ns, uint64_t now_ns)
{
    if (rtt_ns == 0)
        return;
    if (b->round_rtt_min_ns == 0 || rtt_ns < b->round_rtt_min_ns)
        b->round_rtt_min_ns = rtt_ns;
    b->round_rtt_max_ns = larger(b->round_rtt_max_ns, rtt_ns);
    if ((b->phase == BELAY_BBR_UP || b->phase == BELAY_BBR_DOWN) &&
        rtt_ns > above_min_ns(b, RAISED_SHARE))
        b->is_rtt_raised = true;
    if (rtt_ns <= b->rtt_min_ns + b->rtt_min_ns / NEAR_SHARE)
        b->rtt_recent_at_ns = b->rtt_min_at_ns = now_ns;
    b->is_rtt_old = b->rtt_min_ns > 0 && now_ns - b->rtt_recent_at_ns > RTT_EVERY_NS;
    if (b->rtt_min_ns == 0 || rtt_ns < b->rtt_recent_ns || b->is_rtt_old) {
        b->rtt_recent_ns = rtt_ns;
        b->rtt_recent_at_ns = now_ns;
    }
    if (b->rtt_min_ns == 0 || b->rtt_recent_ns < b->rtt_min_ns ||
        now_ns - b->rtt_min_at_ns > RTT_KEPT_NS) {
        if (b->rtt_recent_ns < b->rtt_min_ns - b->rtt_min_ns / QUEUED_SHARE)
            b->ambient_loss = 0; /* what was calm was somebody's queue */
        b->rtt_min_ns = b->rtt_recent_ns;
        b->rtt_min_at_ns = b->rtt_recent_at_ns;
    }
}

void belay_bbr_model_acked(struct belay_bbr *b, const struct belay_congestion_acked *acked,
                           uint64_t now_ns)
{
    take_rtt(b, acked->rtt_ns, now_ns);
    take_rate(b, &acked->rate);
    b->is_round_start = acked->rate.prior_delivered_bytes >= b->round_end_bytes;
    if (b->is_round_start) {
        judge_round(b, acked, now_ns);
        begin_round(b, acked);
        b->round_rtt_min_ns = b->round_rtt_max_ns = acked->rtt_ns;
    }
    end_yield(b, acked->in_flight_bytes);
    take_extra(b, acked, now_ns);
}
