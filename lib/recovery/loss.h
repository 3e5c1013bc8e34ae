/*
 * loss.h - private to recovery: which packets in flight are lost, RFC 9002, sections 6.1
 * and 7.6, and for how long lost ones are remembered.
 *
 * Both thresholds are monotone in the packet number, so packets are lost in order: in the log
 *
 *     first_number        own.oldest_number          largest_acked         next_number
 *     |  lost or settled  |  in flight or settled ...                      |
 *
 * and each packet is passed once by either cursor, whatever the peer acknowledges.
 */
#ifndef BELAY_RECOVERY_LOSS_H
#define BELAY_RECOVERY_LOSS_H

#include "recovery/recovery.h"

/* Declares what is lost by now, tells the sink and the controller, and sets loss_time_ns. */
void belay_loss_detect(struct belay_recovery *r, const struct belay_recovery_sink *sink,
                       uint64_t now_ns);
/* The packet of this time, lost before, came after all: takes it out of the books of loss. True
 * when with it all losses of the newest reduction were spurious. */
bool belay_loss_spurious(struct belay_recovery *r, const struct belay_sent_packet *packet);
/* The path marked what was sent then, instead of losing it: the window answers as to a loss. */
void belay_loss_congested(struct belay_recovery *r, uint64_t sent_ns, uint64_t now_ns);
/* Settles what was lost long ago, and trims the log. */
void belay_loss_forget(struct belay_recovery *r, uint64_t now_ns);
/* A packet in flight is acknowledged or lost. */
void belay_loss_leave_flight(struct belay_recovery *r, uint64_t number,
                             const struct belay_sent_packet *packet);

/* Was it sent on the path that is measured? */
static inline bool belay_loss_is_of_path(const struct belay_recovery *r, uint64_t number)
{
    return number >= r->own.path_number;
}

#endif
