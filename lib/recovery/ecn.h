/*
 * ecn.h - may packets of this path carry ECT(0), and what do the peer's counts say of them?
 * RFC 3168; validation as RFC 9000, section 13.4.2 and appendix A.4.
 *
 *     TESTING ---- ten marked packets left ----> WAITING
 *        |   \______ counts add up ______         |   |
 *        |                               \        |   |
 *        v  counts are missing or wrong   v       v   |
 *     FAILED <--------------------------- CAPABLE     |
 *        ^____________________________________________|
 *
 * A path that falls silent may have begun to drop what is marked: it gets no marks until
 * something is acknowledged (SILENT), and is then tested again. So marks that vanish cost ten
 * packets, and never the connection.
 *
 * Only an ACK that raises the largest number acknowledged is judged: the counts of others may
 * be older than what is known.
 */
#ifndef BELAY_RECOVERY_ECN_H
#define BELAY_RECOVERY_ECN_H

#include <stdbool.h>
#include <stdint.h>

enum belay_ecn_mark { BELAY_ECN_NOT = 0, BELAY_ECN_ECT0 = 2 }; /* of those, what we send */

enum belay_ecn_state {
    BELAY_ECN_OFF, /* by configuration */
    BELAY_ECN_TESTING,
    BELAY_ECN_WAITING,
    BELAY_ECN_CAPABLE,
    BELAY_ECN_FAILED,
    BELAY_ECN_SILENT,
};

struct belay_ecn {
    enum belay_ecn_state state;
    unsigned tested;     /* packets of this test */
    uint64_t sent;       /* marked, on all paths: the peer counts so, too */
    uint64_t acked;      /* of those, as many as the counts must have at least */
    uint64_t before;     /* counted when this path began */
    uint64_t counted[3]; /* by the peer: ECT(0), ECT(1), CE */
};

void belay_ecn_init(struct belay_ecn *ecn, bool is_on);
/* The path is another. */
void belay_ecn_restart(struct belay_ecn *ecn);
/* A PTO in a row of so many. */
void belay_ecn_silence(struct belay_ecn *ecn, uint32_t pto_count);

/* What the next packet carries; and that it left with it. */
enum belay_ecn_mark belay_ecn_mark(const struct belay_ecn *ecn);
void belay_ecn_sent(struct belay_ecn *ecn);

/*
 * An ACK that raised the largest number; counts NULL: it has none. acked_marked: packets of
 * this path with our mark that it newly acknowledges. Returns how many more came as CE:
 * congestion, when not 0.
 */
uint64_t belay_ecn_acked(struct belay_ecn *ecn, const uint64_t *counts, uint64_t acked_marked);

#endif
