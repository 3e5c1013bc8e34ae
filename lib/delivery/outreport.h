/*
 * outreport.h - how messages ended, queued for the caller of belay_outbox_report. Room for a
 * report is taken when the message is queued, so that its end never fails for want of memory.
 */
#ifndef BELAY_DELIVERY_OUTREPORT_H
#define BELAY_DELIVERY_OUTREPORT_H

#include "delivery/outbox.h"

/* Room for one more report. 0 or BELAY_ENOMEM. */
int belay_out_report_promise(struct belay_outbox *box);
/* A promised one will not come. */
static inline void belay_out_report_waive(struct belay_outbox *box)
{
    box->reports.promised--;
}
/* A promised one comes. */
void belay_out_report_add(struct belay_outbox *box, uint64_t id, int error);
void belay_out_report_dispose(struct belay_outbox *box);

#endif
