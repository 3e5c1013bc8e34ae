/*
 * whims.h - what an app may do, drawn: to a connection, one of its listening endpoints, or with
 * a new dial. life_whim (life.h) is what it does in a callback.
 *
 * Order: whims_begin; life_whim while whims_are_left; when all connections are freed and no
 * whims_drain, whims_end.
 */
#ifndef BELAY_TESTS_EVENT_WHIMS_H
#define BELAY_TESTS_EVENT_WHIMS_H

#include <stdbool.h>
#include <stdint.h>

/* base is there; some endpoints listen from now on. */
void whims_begin(uint64_t seed);
bool whims_are_left(void);
/* Whether an endpoint has yet to say that it is drained. */
bool whims_drain(void);
/* The endpoints end, those with connections in the background when these have. */
void whims_end(void);

#endif
