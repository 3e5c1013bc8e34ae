/*
 * ready.h - deliveries on their way to the app: a ring in order of completion. It is bounded
 * by credit, which is given back when an item is popped.
 *
 * Items either own a block of the pool or, borrowed, point into the caller's packet.
 * Borrowed ones always came last, with the present packet; to own them walks back from the end.
 */
#ifndef BELAY_DELIVERY_READY_H
#define BELAY_DELIVERY_READY_H

#include "delivery/inbox.h"

struct belay_in_ready {
    const uint8_t *data;
    void *block; /* of the pool, len bytes; NULL: borrowed, or len is 0 */
    uint32_t len;
    uint32_t channel;
    uint8_t mode;
};

/* Makes room for count more, beside those promised. 0 or BELAY_ENOMEM. */
int belay_ready_reserve(struct belay_inbox *box, size_t count);

/* There must be room. block NULL: data is borrowed (len 0: data is not used). */
void belay_ready_add(struct belay_inbox *box, uint32_t channel, uint8_t mode,
                     const uint8_t *data, void *block, uint32_t len);

void belay_ready_dispose(struct belay_inbox *box);

#endif
