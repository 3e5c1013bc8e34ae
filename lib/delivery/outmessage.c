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
    m->data = source->data;
    return 0;
}

static int keep_copy(struct belay_out_message *m, struct belay_pool *pool, const void *data,
                     size_t len)
{
    void *block = belay_pool_take(pool, len);
    if (block == NULL)
        return BELAY_ENOMEM;
    memcpy(block, data, len);
    m->data = block;
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

static void drop_parts(struct belay_out_message *m, struct belay_pool *pool)
{
    belay_ranges_dispose(&m->parts->acked);
    belay_ranges_dispose(&m->parts->lost);
    belay_pool_give(pool, m->parts, sizeof(*m->parts));
    m->parts = NULL;
}

void belay_out_message_release(struct belay_out_message *m, struct belay_pool *pool)
{
    if (m->parts != NULL)
        drop_parts(m, pool);
    struct belay_source *kept = m->source;
    if (kept == NULL)
        belay_pool_give(pool, (void *)m->data, m->len);
    m->data = NULL;
    m->source = NULL;
    m->lost = false;
    m->settled = true;
    if (kept == NULL)
        return;
    struct belay_source source = *kept;
    belay_pool_give(pool, kept, sizeof(*kept));
    /* Last: it is the app's code, and may do anything. */
    if (source.release != NULL)
        source.release(source.ctx);
}

/* From now on parts say what is acknowledged and what is due again. */
static int make_parts(struct belay_out_message *m, struct belay_pool *pool)
{
    if (m->parts != NULL)
        return 0;
    m->parts = belay_pool_take(pool, sizeof(*m->parts));
    if (m->parts == NULL)
        return BELAY_ENOMEM;
    belay_ranges_init(&m->parts->acked, pool->mem, 0);
    belay_ranges_init(&m->parts->lost, pool->mem, 0);
    if (!m->lost)
        return 0;
    if (m->len > 0 && belay_ranges_add(&m->parts->lost, m->sent, m->len, NULL) != 0) {
        drop_parts(m, pool);
        return BELAY_ENOMEM;
    }
    m->lost = false;
    m->sent = m->len;
    return 0;
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
    if (m->parts == NULL && lo == 0 && hi == m->len) {
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
    if (m->parts == NULL || m->parts->lost.count == 0)
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
