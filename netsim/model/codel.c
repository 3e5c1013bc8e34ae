#include "netsim/model/codel.h"

#include <math.h>

void netsim_codel_empty(struct netsim_codel *codel)
{
    codel->above_ns = 0;
    codel->dropping = false;
    codel->hit = false;
}

/* RFC 8289, section 5: has the wait been above TARGET for an INTERVAL? One packet on a slow
 * line is no queue. */
static bool is_standing(struct netsim_codel *codel, uint64_t waited_ns, uint64_t behind_bytes,
                        uint64_t now_ns)
{
    if (waited_ns < NETSIM_CODEL_TARGET_NS || behind_bytes <= NETSIM_CODEL_MTU_BYTES) {
        codel->above_ns = 0;
        return false;
    }
    if (codel->above_ns == 0) {
        codel->above_ns = now_ns + NETSIM_CODEL_INTERVAL_NS;
        return false;
    }
    return now_ns >= codel->above_ns;
}

static uint64_t after(uint64_t t_ns, uint32_t count)
{
    return t_ns + (uint64_t)((double)NETSIM_CODEL_INTERVAL_NS / sqrt(count));
}

/* A queue that comes back soon is met with the pace at which it went. */
static void begin(struct netsim_codel *codel, uint64_t now_ns)
{
    uint32_t paced = codel->count - codel->last_count;
    bool soon = now_ns < codel->next_ns + 16 * NETSIM_CODEL_INTERVAL_NS;

    codel->dropping = true;
    codel->count = paced > 1 && soon ? paced : 1;
    codel->last_count = codel->count;
    codel->next_ns = after(now_ns, codel->count);
}

bool netsim_codel_hits(struct netsim_codel *codel, uint64_t waited_ns, uint64_t behind_bytes,
                       uint64_t now_ns)
{
    bool standing = is_standing(codel, waited_ns, behind_bytes, now_ns), hit = codel->hit;

    codel->hit = false;
    if (!standing) {
        codel->dropping = false;
        return false;
    }
    if (!codel->dropping) {
        begin(codel, now_ns);
        return true;
    }
    if (hit)
        codel->next_ns = after(codel->next_ns, codel->count);
    if (now_ns < codel->next_ns)
        return false;
    codel->count++;
    codel->hit = true;
    return true;
}
