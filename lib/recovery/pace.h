/*
 * pace.h - private to recovery: the pacer's rate and burst from window and round trip.
 *
 * Without a word of the controller: window / srtt, times 5/4 (RFC 9002, section 7.7), times 2
 * in slow start, where the window doubles in a round trip. The burst is what goes in 1 ms and
 * in the lateness that was measured, up to 10 ms of it, since what a sender that sleeps too
 * long does not send is lost rate; and ten datagrams at least: RFC 9002 allows an initial
 * window at once.
 *
 * Below a round trip of 1 ms that burst would be more than the window: nothing is left to pace,
 * whatever the controller says.
 */
#ifndef BELAY_RECOVERY_PACE_H
#define BELAY_RECOVERY_PACE_H

#include "recovery/recovery.h"

void belay_recovery_pace(struct belay_recovery *r, uint64_t now_ns);

#endif
