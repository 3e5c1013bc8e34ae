/*
 * reorder.h - private to recovery: how much reordering is taken for loss.
 *
 * RFC 9002, section 6.1, starts at 3 packets and 9/8 of a round trip. A loss that proves
 * spurious raises both, so far that it would not have been declared; 64 time thresholds
 * without one halve what was learnt, again and again (as RFC 8985, section 6.2, forgets). What
 * was learnt of time is kept in time, not in round trips: when packets overtake by as much as
 * the path's own delay, the early ones pull the smoothed round trip far down.
 *
 * The bounds. Time: 2 PTO; RFC 8985 bounds its reordering window by a round trip, which such a
 * path makes too short. Packets: 1024; a bound that high costs at most patience, since the
 * time threshold finds the loss anyway; it keeps the way back at 10 halvings.
 */
#ifndef BELAY_RECOVERY_REORDER_H
#define BELAY_RECOVERY_REORDER_H

#include "recovery/recovery.h"

#define BELAY_REORDER_PACKETS_START 3
#define BELAY_REORDER_PACKETS_MAX   1024

void belay_reorder_init(struct belay_recovery *r);
/* Older than this, and something newer acknowledged: lost. */
uint64_t belay_reorder_time_ns(const struct belay_recovery *r);
/* A packet declared lost came after all, when packets up to number + distance had, and
 * took_ns after it was sent. */
void belay_reorder_spurious(struct belay_recovery *r, uint64_t distance, uint64_t took_ns,
                            uint64_t now_ns);
/* Has reordering been seen, and not been forgotten? */
bool belay_reorder_is_seen(const struct belay_recovery *r);
void belay_reorder_decay(struct belay_recovery *r, uint64_t now_ns);

#endif
