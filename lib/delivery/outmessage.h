/*
 * outmessage.h - one message on its way out: where its bytes are, how far it was handed out,
 * which parts were acknowledged or lost.
 *
 * The common message is copied, acknowledged from its ends inwards (whole, or piece by piece,
 * up or down), and lost whole if at all: all of that fits into the 32 bytes of struct
 * belay_out_message, which lies in its sequence's ring (so it may move: keep no pointer to
 * one). Sets of parts are made when there is more to say.
 */
#ifndef BELAY_DELIVERY_OUTMESSAGE_H
#define BELAY_DELIVERY_OUTMESSAGE_H

#include "delivery/outbox.h"

/* Of the whole protocol (transport parameter message_size). */
#define BELAY_OUT_MESSAGE_MAX (1u << 30)

struct belay_out_parts {
    struct belay_ranges acked; /* byte offsets */
    struct belay_ranges lost;  /* to be handed out again; none of them is in acked */
};

struct belay_out_message {
    union {
        uint8_t *copy;               /* len bytes of the pool; NULL: none */
        struct belay_source *source; /* has_source: of the pool, too */
    };
    union {
        struct {
            uint32_t first, last; /* so many bytes from its beginning, and at its end */
        } acked;
        struct belay_out_parts *parts; /* has_parts */
    };
    uint64_t id : 59;
    uint64_t notify : 1;
    uint64_t settled : 1; /* acknowledged or given up; nothing is held any more */
    uint64_t lost : 1;    /* was handed out fully, nothing was acknowledged; [sent, len) is due
                             again. Only without parts */
    uint64_t has_source : 1;
    uint64_t has_parts : 1;
    uint32_t len;
    uint32_t sent; /* bytes handed out; with lost set: from here on they are due again */
};

_Static_assert(sizeof(struct belay_out_message) <= 32, "every message queued costs this");

/* Its first byte, contiguous; NULL: it is empty, or to be read from its source. */
static inline const uint8_t *belay_out_message_data(const struct belay_out_message *m)
{
    return m->has_source ? m->source->data : m->copy;
}

/* What the message takes of the peer's credit. */
static inline uint64_t belay_out_message_cost(const struct belay_out_message *m)
{
    return (uint64_t)m->len + BELAY_MESSAGE_COST;
}

/* Copies data, or keeps a copy of *source. BELAY_ENOMEM: nothing is held, nothing released. */
int belay_out_message_init(struct belay_out_message *m, struct belay_pool *pool,
                           const void *data, const struct belay_source *source, size_t len);

/* Lets go of bytes and parts, and marks it settled. len stays readable. */
void belay_out_message_release_all(struct belay_out_message *m, struct belay_pool *pool);
static inline void belay_out_message_release(struct belay_out_message *m,
                                             struct belay_pool *pool)
{
    if (m->has_parts || m->has_source) {
        belay_out_message_release_all(m, pool);
        return;
    }
    belay_pool_give(pool, m->copy, m->len);
    m->copy = NULL;
    m->lost = false;
    m->settled = true;
}

/* [lo, hi) arrived. 1: that completes the message; 0; or BELAY_ENOMEM, nothing changed. */
int belay_out_message_acked(struct belay_out_message *m, struct belay_pool *pool, uint64_t lo,
                            uint64_t hi);

/* [lo, hi) is due again, but for what was acknowledged. 0 or BELAY_ENOMEM. */
int belay_out_message_lost(struct belay_out_message *m, struct belay_pool *pool, uint64_t lo,
                           uint64_t hi);

/* The lowest range that is due again, or false. An empty message's is empty. */
bool belay_out_message_due(const struct belay_out_message *m, struct belay_range *range);

/* The first len bytes of what is due again are under way. */
void belay_out_message_resent(struct belay_out_message *m, uint64_t len);

#endif
