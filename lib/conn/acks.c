#include "conn/acks.h"

#include "wire/frame.h"
#include "wire/packet.h"

#define LATE_SHARE 32 /* of a round trip's packets: the path reorders */

void belay_acks_init(struct belay_acks *acks, struct belay_mem *mem, uint64_t first_number,
                     size_t ranges_max, uint64_t delay_max_ns)
{
    *acks = (struct belay_acks){0};
    belay_ranges_init(&acks->received, mem, ranges_max);
    acks->floor = acks->report_floor = acks->next_expected = first_number;
    acks->late[0].low = acks->late[1].low = UINT64_MAX;
    acks->deadline_ns = BELAY_NEVER;
    acks->delay_max_ns = delay_max_ns;
    acks->every = BELAY_ACK_EVERY_MIN;
}

void belay_acks_dispose(struct belay_acks *acks)
{
    belay_ranges_dispose(&acks->received);
}

enum belay_packet_novelty belay_acks_check(const struct belay_acks *acks, uint64_t number)
{
    if (number < acks->floor)
        return BELAY_PACKET_TOO_OLD;
    if (acks->next_expected > number && acks->next_expected - 1 - number > BELAY_PACKET_AGE_MAX)
        return BELAY_PACKET_TOO_OLD;
    if (belay_ranges_has(&acks->received, number))
        return BELAY_PACKET_SEEN;
    return BELAY_PACKET_NEW;
}

void belay_acks_tune(struct belay_acks *acks, uint64_t rtt_ns, uint64_t delay_max_ns,
                     uint64_t now_ns)
{
    acks->delay_max_ns = delay_max_ns;
    if (now_ns - acks->round_ns < rtt_ns)
        return;
    bool is_long = now_ns - acks->round_ns >= 2 * rtt_ns; /* there was a pause */
    uint32_t every = is_long ? 0 : acks->round_count / BELAY_ACK_SHARE;
    acks->every = every < BELAY_ACK_EVERY_MIN   ? BELAY_ACK_EVERY_MIN
                  : every > BELAY_ACK_EVERY_MAX ? BELAY_ACK_EVERY_MAX
                                                : every;
    acks->is_reordering =
        every >= BELAY_ACK_EVERY_MIN && acks->round_late >= acks->round_count / LATE_SHARE;
    acks->round_ns = now_ns;
    acks->round_count = acks->round_late = 0;
}

static void count_ecn(struct belay_acks *acks, unsigned ecn)
{
    /* RFC 3168: 01 is ECT(1), 10 ECT(0), 11 CE. */
    if (ecn == 2)
        acks->ecn[0]++;
    else if (ecn == 1)
        acks->ecn[1]++;
    else if (ecn == 3)
        acks->ecn[2]++;
}

static void note_eliciting(struct belay_acks *acks, bool in_order, unsigned ecn,
                           uint64_t now_ns)
{
    acks->unacked++;
    acks->since_eliciting++;
    acks->round_count++;
    if ((!in_order && !acks->is_reordering) || ecn == 3 || acks->unacked >= acks->every)
        acks->immediate = true;
    if (acks->deadline_ns == BELAY_NEVER)
        acks->deadline_ns = now_ns + acks->delay_max_ns;
}

static void note_late(struct belay_acks *acks, uint64_t number)
{
    if (number < acks->late[1].low)
        acks->late[1].low = number;
    acks->late[1].largest = acks->next_expected - 1;
}

int belay_acks_received(struct belay_acks *acks, uint64_t number, bool eliciting, unsigned ecn,
                        uint64_t now_ns)
{
    struct belay_range evicted = {0, 0};
    bool in_order = number == acks->next_expected;
    int error = belay_ranges_add(&acks->received, number, number + 1, &evicted);

    if (error)
        return error;
    if (evicted.lo != evicted.hi) {
        acks->evicted++;
        if (acks->floor < evicted.hi)
            acks->floor = evicted.hi;
    }
    count_ecn(acks, ecn);
    if (number >= acks->next_expected) {
        acks->next_expected = number + 1;
        acks->largest_ns = now_ns;
    } else {
        note_late(acks, number);
        acks->round_late++;
    }
    if (number < acks->report_floor)
        acks->report_floor = number;
    if (eliciting)
        note_eliciting(acks, in_order, ecn, now_ns);
    return 0;
}

bool belay_acks_is_due(const struct belay_acks *acks, uint64_t now_ns)
{
    return acks->unacked > 0 && (acks->immediate || now_ns >= acks->deadline_ns);
}

bool belay_acks_is_pending(const struct belay_acks *acks)
{
    return acks->unacked > 0;
}

static bool nth_range(const void *ctx, size_t i, uint64_t *lo, uint64_t *hi)
{
    const struct belay_acks *acks = ctx;
    const struct belay_range *range;

    if (i >= acks->received.count || i >= BELAY_ACK_RANGES_SENT)
        return false;
    range = belay_ranges_at(&acks->received, acks->received.count - 1 - i);
    if (i > 0 && range->hi <= acks->report_floor)
        return false;
    *lo = range->lo;
    *hi = range->hi - 1;
    return true;
}

bool belay_acks_write(struct belay_acks *acks, struct belay_writer *w, uint64_t now_ns,
                      uint64_t *largest)
{
    bool has_ecn = (acks->ecn[0] | acks->ecn[1] | acks->ecn[2]) != 0;
    uint64_t delay_us = (now_ns - acks->largest_ns) / 1000;

    if (acks->received.count == 0)
        return false;
    if (belay_frame_write_ack(w, delay_us, has_ecn ? acks->ecn : NULL, nth_range, acks) == 0)
        return false;
    *largest = acks->next_expected - 1;
    return true;
}

void belay_acks_sent(struct belay_acks *acks)
{
    acks->unacked = 0;
    acks->immediate = false;
    acks->deadline_ns = BELAY_NEVER;
}

void belay_acks_repeat(struct belay_acks *acks)
{
    if (acks->received.count == 0)
        return;
    acks->immediate = true;
    if (acks->unacked == 0)
        acks->unacked = 1;
}

/* Forgets the late packets that an ACK up to largest told of. */
static void settle_late(struct belay_acks *acks, uint64_t largest)
{
    for (unsigned i = 0; i < 2; i++) {
        if (acks->late[0].low != UINT64_MAX && largest <= acks->late[0].largest)
            return;
        acks->late[0] = acks->late[1];
        acks->late[1].low = UINT64_MAX;
    }
}

void belay_acks_confirmed(struct belay_acks *acks, uint64_t largest)
{
    uint64_t floor = largest + 1;

    settle_late(acks, largest);
    for (unsigned i = 0; i < 2; i++)
        if (acks->late[i].low < floor)
            floor = acks->late[i].low;
    if (acks->report_floor < floor)
        acks->report_floor = floor;
}
