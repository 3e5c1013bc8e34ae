/*
 * story.h - one sender in virtual time, for stories about recovery: packets of 1000 bytes
 * leave, ACKs come in, and what the sink heard is written down by packet number.
 */
#ifndef BELAY_TESTS_RECOVERY_STORY_H
#define BELAY_TESTS_RECOVERY_STORY_H

#include "support/memory.h"

#include "recovery/recovery.h"

#define MS UINT64_C(1000000)

enum { PACKET_BYTES = 1000, HEARD_MAX = 8192 };

struct story {
    struct test_memory memory;
    struct belay_mem mem;
    struct belay_recovery r;
    struct belay_recovery_sink sink;
    uint64_t now_ns;
    uint64_t acked[HEARD_MAX], lost[HEARD_MAX]; /* word[0] of records, in order */
    size_t acked_count, lost_count;
};

static inline void story_hear_acked(void *ctx, const struct belay_record *record)
{
    struct story *s = ctx;
    assert_true(s->acked_count < HEARD_MAX);
    s->acked[s->acked_count++] = record->word[0];
}

static inline void story_hear_lost(void *ctx, const struct belay_record *record)
{
    struct story *s = ctx;
    assert_true(s->lost_count < HEARD_MAX);
    s->lost[s->lost_count++] = record->word[0];
}

/* An ACK delay of 25 ms at most, as the protocol's default; the time is 1 s. */
static inline void story_start(struct story *s, uint64_t first_number)
{
    memset(s, 0, sizeof(*s));
    test_memory_init(&s->memory);
    belay_mem_init(&s->mem, &s->memory.hook);
    s->sink = (struct belay_recovery_sink){story_hear_acked, story_hear_lost, s};
    s->now_ns = 1000 * MS;
    const struct belay_recovery_config config = {
        .first_packet_number = first_number,
        .datagram_bytes = PACKET_BYTES,
        .peer_ack_delay_ns = 25 * MS,
        .congestion = &belay_newreno,
    };
    assert_int_equal(belay_recovery_init(&s->r, &config, &s->mem), 0);
}

static inline void story_finish(struct story *s)
{
    belay_recovery_dispose(&s->r);
    assert_int_equal(s->mem.used_bytes, 0);
    test_memory_assert_empty(&s->memory);
}

/* Sends count packets with one record each, their number; gives the number of the first. */
static inline uint64_t story_send(struct story *s, size_t count)
{
    uint64_t first = belay_recovery_next_number(&s->r);
    for (size_t i = 0; i < count; i++) {
        const struct belay_record record = {{first + i, 0, 0}};
        assert_int_equal(belay_recovery_reserve(&s->r, 1), 0);
        belay_recovery_sent(&s->r, PACKET_BYTES, BELAY_SENT_ELICITING, &record, 1, s->now_ns);
    }
    return first;
}

/* Sends one packet that carries nothing but an ACK. */
static inline uint64_t story_send_ack_only(struct story *s)
{
    assert_int_equal(belay_recovery_reserve(&s->r, 0), 0);
    belay_recovery_sent(&s->r, 50, 0, NULL, 0, s->now_ns);
    return belay_recovery_next_number(&s->r) - 1;
}

static inline void story_wait(struct story *s, uint64_t ns)
{
    s->now_ns += ns;
}

/* An ACK of [lo, hi), without delay. */
static inline void story_ack(struct story *s, uint64_t lo, uint64_t hi)
{
    const struct belay_range range = {lo, hi};
    assert_int_equal(belay_recovery_acked(&s->r, &range, 1, 0, s->now_ns, &s->sink), 0);
}

static inline void story_forget_heard(struct story *s)
{
    s->acked_count = s->lost_count = 0;
}

/* A round trip of rtt_ns, measured on one packet: srtt is rtt_ns when it is the first. */
static inline uint64_t story_round_trip(struct story *s, uint64_t rtt_ns)
{
    uint64_t number = story_send(s, 1);
    story_wait(s, rtt_ns);
    story_ack(s, number, number + 1);
    story_forget_heard(s);
    return number;
}

#endif
