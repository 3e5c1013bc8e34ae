#include "delivery/outmessage.h"

#include <assert.h>
#include <string.h>

static int keep_source(struct belay_out_message *m, struct belay_pool *pool,
                       const struct belay_source *source)
{
    m->source = belay_pool_take(pool, sizeof(*m->source));
    if (m->source == NULL)
        return BELAY_ENOMEM;
    *m->source = *source;
    m->has_source = true;
    return 0;
}

static int keep_copy(struct belay_out_message *m, struct belay_pool *pool, const void *data,
                     size_t len)
{
    m->copy = belay_pool_take(pool, len);
    if (m->copy == NULL)
        return BELAY_ENOMEM;
    memcpy(m->copy, data, len);
    return 0;
}

int belay_out_message_init(struct belay_out_message *m, struct belay_pool *pool,
                           const void *data, const struct belay_source *source, size_t len)
{
    assert(len <= BELAY_OUT_MESSAGE_MAX);
    *m = (struct belay_out_message){.len = (uint32_t)len};
    if (source != NULL)
        return keep_source(m, pool, source);
    return len > 0 ? keep_copy(m, pool, data, len) : 0;
}

static void free_parts(struct belay_out_parts *parts, struct belay_pool *pool)
{
    belay_ranges_dispose(&parts->acked);
    belay_ranges_dispose(&parts->lost);
    belay_pool_give(pool, parts, sizeof(*parts));
}

static void release_source(struct belay_out_message *m, struct belay_pool *pool)
{
    struct belay_source source = *m->source;
    belay_pool_give(pool, m->source, sizeof(*m->source));
    m->source = NULL;
    m->has_source = false;
    /* Last: it is the app's code, and may do anything. */
    if (source.release != NULL)
        source.release(source.ctx);
}

void belay_out_message_release_all(struct belay_out_message *m, struct belay_pool *pool)
{
    m->settled = true;
    m->lost = false;
    if (m->has_parts) {
        free_parts(m->parts, pool);
        m->has_parts = false;
    }
    if (m->has_source) {
        release_source(m, pool);
        return;
    }
    belay_pool_give(pool, m->copy, m->len);
    m->copy = NULL;
}

/* What the message itself says of parts. */
static int fill_parts(struct belay_out_parts *parts, const struct belay_out_message *m)
{
    int error = 0;
    if (m->lost && m->sent < m->len)
        error = belay_ranges_add(&parts->lost, m->sent, m->len, NULL);
    if (error == 0 && m->acked.first > 0)
        error = belay_ranges_add(&parts->acked, 0, m->acked.first, NULL);
    if (error == 0 && m->acked.last > 0)
        error = belay_ranges_add(&parts->acked, m->len - m->acked.last, m->len, NULL);
    return error;
}

/* From now on parts say what is acknowledged and what is due again. */
static int make_parts(struct belay_out_message *m, struct belay_pool *pool)
{
    if (m->has_parts)
        return 0;
    struct belay_out_parts *parts = belay_pool_take(pool, sizeof(*parts));
    if (parts == NULL)
        return BELAY_ENOMEM;
    belay_ranges_init(&parts->acked, pool->mem, 0);
    belay_ranges_init(&parts->lost, pool->mem, 0);
    if (fill_parts(parts, m) != 0) {
        free_parts(parts, pool);
        return BELAY_ENOMEM;
    }
    if (m->lost)
        m->sent = m->len;
    m->lost = false;
    m->parts = parts;
    m->has_parts = true;
    return 0;
}

/* True: [lo, hi) goes on from what was acknowledged at one of the ends. */
static bool extend_end(struct belay_out_message *m, uint32_t lo, uint32_t hi)
{
    if (lo <= m->acked.first) {
        if (hi > m->acked.first)
            m->acked.first = hi;
        return true;
    }
    if (hi < m->len - m->acked.last)
        return false;
    if (m->len - lo > m->acked.last)
        m->acked.last = m->len - lo;
    return true;
}

int belay_out_message_acked(struct belay_out_message *m, struct belay_pool *pool, uint64_t lo,
                            uint64_t hi)
{
    if (hi > m->len)
        hi = m->len;
    if (lo == 0 && hi == m->len)
        return 1;
    if (lo >= hi)
        return 0;
    if (!m->has_parts && !m->lost && extend_end(m, (uint32_t)lo, (uint32_t)hi))
        return m->acked.last >= m->len - m->acked.first;
    if (make_parts(m, pool) != 0 || belay_ranges_add(&m->parts->acked, lo, hi, NULL) != 0)
        return BELAY_ENOMEM;
    /* Splitting may want memory. Without it the part goes once too often: harmless. */
    (void)belay_ranges_remove(&m->parts->lost, lo, hi);
    return belay_ranges_has_all(&m->parts->acked, 0, m->len);
}

int belay_out_message_lost(struct belay_out_message *m, struct belay_pool *pool, uint64_t lo,
                           uint64_t hi)
{
    uint64_t handed_out = m->lost ? m->len : m->sent;
    if (hi > handed_out)
        hi = handed_out;
    bool is_untouched = !m->has_parts && m->acked.first == 0 && m->acked.last == 0;
    if (is_untouched && lo == 0 && hi == m->len) {
        m->lost = true;
        m->sent = 0;
        return 0;
    }
    if (lo >= hi)
        return 0;
    if (make_parts(m, pool) != 0)
        return BELAY_ENOMEM;
    struct belay_range gap;
    for (; belay_ranges_first_gap(&m->parts->acked, lo, hi, &gap); lo = gap.hi) {
        if (belay_ranges_add(&m->parts->lost, gap.lo, gap.hi, NULL) != 0)
            return BELAY_ENOMEM;
    }
    return 0;
}

bool belay_out_message_due(const struct belay_out_message *m, struct belay_range *range)
{
    if (m->lost) {
        *range = (struct belay_range){m->sent, m->len};
        return true;
    }
    if (!m->has_parts || m->parts->lost.count == 0)
        return false;
    *range = *belay_ranges_at(&m->parts->lost, 0);
    return true;
}

void belay_out_message_resent(struct belay_out_message *m, uint64_t len)
{
    if (m->lost) {
        assert(len <= m->len - m->sent);
        m->sent += (uint32_t)len;
        m->lost = m->sent < m->len;
        return;
    }
    uint64_t lo = belay_ranges_at(&m->parts->lost, 0)->lo;
    /* From the low end: splits nothing, so it cannot fail. */
    (void)belay_ranges_remove(&m->parts->lost, lo, lo + len);
}
