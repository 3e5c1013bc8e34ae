/*
 * outsettle.h - how messages end: acknowledged whole, by parts, or given up; and what is due
 * again when a piece of one was lost.
 */
#ifndef BELAY_DELIVERY_OUTSETTLE_H
#define BELAY_DELIVERY_OUTSETTLE_H

#include "delivery/outsequence.h"

/* Ends an open message: counts, reports, lets go of its bytes. Its source's release may queue
 * new messages and so move the ring: keep no pointer into it. */
void belay_out_settle(struct belay_outbox *box, struct belay_out_message *m, int error);

#endif
