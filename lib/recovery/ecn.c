#include "recovery/ecn.h"

#include <stddef.h>

#define TEST_PACKETS 10
#define SILENT_PTOS  3

enum { ECT0, ECT1, CE, COUNTS };

void belay_ecn_init(struct belay_ecn *ecn, bool is_on)
{
    *ecn = (struct belay_ecn){.state = is_on ? BELAY_ECN_TESTING : BELAY_ECN_OFF};
}

/* Nothing is owed for what another path made of its marks. */
void belay_ecn_restart(struct belay_ecn *ecn)
{
    ecn->tested = 0;
    ecn->acked = ecn->before = ecn->counted[ECT0] + ecn->counted[CE];
    if (ecn->state != BELAY_ECN_OFF)
        ecn->state = BELAY_ECN_TESTING;
}

void belay_ecn_silence(struct belay_ecn *ecn, uint32_t pto_count)
{
    if (ecn->state == BELAY_ECN_CAPABLE && pto_count >= SILENT_PTOS)
        ecn->state = BELAY_ECN_SILENT;
}

enum belay_ecn_mark belay_ecn_mark(const struct belay_ecn *ecn)
{
    return ecn->state == BELAY_ECN_TESTING || ecn->state == BELAY_ECN_CAPABLE ? BELAY_ECN_ECT0
                                                                              : BELAY_ECN_NOT;
}

void belay_ecn_sent(struct belay_ecn *ecn)
{
    ecn->sent++;
    if (ecn->state == BELAY_ECN_TESTING && ++ecn->tested == TEST_PACKETS)
        ecn->state = BELAY_ECN_WAITING;
}

/* Counts never fall; nobody but us marks; and what was acknowledged was counted. Over all time,
 * not from ACK to ACK: one that had no room for all ranges counted what a later one tells. */
static bool add_up(const struct belay_ecn *ecn, const uint64_t *counts)
{
    uint64_t marked = counts[ECT0] + counts[CE];

    return counts[ECT0] >= ecn->counted[ECT0] && counts[ECT1] == ecn->counted[ECT1] &&
           counts[CE] >= ecn->counted[CE] && marked <= ecn->sent && marked >= ecn->acked;
}

/* Marks that were counted got through, on whatever packets: who only receives has none that are
 * acknowledged but its PINGs. */
static void pass(struct belay_ecn *ecn)
{
    if (ecn->state == BELAY_ECN_SILENT)
        belay_ecn_restart(ecn);
    else if (ecn->counted[ECT0] + ecn->counted[CE] > ecn->before)
        ecn->state = BELAY_ECN_CAPABLE;
}

/* What is wrong counts as well: another path begins from there. */
static void note(struct belay_ecn *ecn, const uint64_t *counts)
{
    for (unsigned i = 0; counts != NULL && i < COUNTS; i++)
        if (counts[i] > ecn->counted[i])
            ecn->counted[i] = counts[i];
}

uint64_t belay_ecn_acked(struct belay_ecn *ecn, const uint64_t *counts, uint64_t acked_marked)
{
    uint64_t ce = ecn->counted[CE];
    bool is_right;

    if (ecn->state == BELAY_ECN_OFF || (counts == NULL && acked_marked == 0))
        return 0;
    ecn->acked += acked_marked;
    is_right = counts != NULL && add_up(ecn, counts);
    note(ecn, counts);
    if (!is_right)
        ecn->state = BELAY_ECN_FAILED;
    if (ecn->state == BELAY_ECN_FAILED)
        return 0;
    pass(ecn);
    return ecn->counted[CE] - ce;
}
