#include "netsim/model/gate.h"

static bool is_listed(const struct netsim_words *words, uint64_t i)
{
    for (unsigned k = 0; k < words->drops && words->drop[k].first <= i; k++)
        if (i <= words->drop[k].last)
            return true;
    return false;
}

static bool is_dark(const struct netsim_words *words, uint64_t now_ns)
{
    uint64_t on = words->blackout_on_ns, off = words->blackout_off_ns;

    if (!words->has_blackout || off == 0)
        return false;
    if (words->blackout_repeats)
        now_ns %= on + off;
    return now_ns >= on && now_ns - on < off;
}

enum netsim_why netsim_gate_judge(struct netsim_gate *gate, const struct netsim_words *words,
                                  uint32_t ip_len, uint64_t now_ns)
{
    if (is_listed(words, gate->arrived++))
        return NETSIM_DROP_LISTED;
    if (is_dark(words, now_ns))
        return NETSIM_DROP_BLACKOUT;
    if (words->mtu_bytes > 0 && ip_len > words->mtu_bytes)
        return NETSIM_DROP_MTU;
    return NETSIM_NOT_DROPPED;
}

/* How many of its times are before end_ns. The first is not 0. */
static uint64_t strikes(const struct netsim_words *words, uint64_t end_ns)
{
    if (!words->has_rebind || words->rebind_ns == 0 || end_ns <= words->rebind_ns)
        return 0;
    return words->rebind_repeats ? (end_ns - 1) / words->rebind_ns : 1;
}

uint64_t netsim_gate_rebinds(const struct netsim_stage *stage, uint64_t now_ns)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < stage->count && stage->steps[i].at_ns <= now_ns; i++) {
        const struct netsim_step *step = &stage->steps[i];
        uint64_t end_ns = now_ns < UINT64_MAX ? now_ns + 1 : now_ns;

        if (i + 1 < stage->count && step[1].at_ns < end_ns)
            end_ns = step[1].at_ns;
        count += strikes(&step->words, end_ns) - strikes(&step->words, step->at_ns);
    }
    return count;
}

/* Its first time that is not before from_ns. */
static uint64_t next_strike(const struct netsim_words *words, uint64_t from_ns)
{
    uint64_t n;

    if (!words->has_rebind || words->rebind_ns == 0)
        return BELAY_NEVER;
    if (from_ns <= words->rebind_ns)
        return words->rebind_ns;
    n = (from_ns - 1) / words->rebind_ns + 1;
    return words->rebind_repeats && n <= BELAY_NEVER / words->rebind_ns ? n * words->rebind_ns
                                                                        : BELAY_NEVER;
}

uint64_t netsim_gate_next_rebind(const struct netsim_stage *stage, uint64_t after_ns)
{
    for (unsigned i = 0; i < stage->count && after_ns < BELAY_NEVER; i++) {
        const struct netsim_step *step = &stage->steps[i];
        uint64_t end_ns = i + 1 < stage->count ? step[1].at_ns : BELAY_NEVER;
        uint64_t from_ns = after_ns < step->at_ns ? step->at_ns : after_ns + 1;
        uint64_t ns = next_strike(&step->words, from_ns);

        if (ns < end_ns)
            return ns;
    }
    return BELAY_NEVER;
}
