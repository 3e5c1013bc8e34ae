/*
 * payload.h - bytes that the core reads where they are, until the message that carries them is
 * acknowledged (struct belay_source).
 */
#ifndef BELAY_EVENT_PAYLOAD_H
#define BELAY_EVENT_PAYLOAD_H

#include <belay/core.h>

struct evbuffer;

/* A copy that any number of messages share. One reference; NULL without memory. */
struct belay_payload;
struct belay_payload *belay_payload_new(const void *data, size_t len);
void belay_payload_unref(struct belay_payload *payload);
/* Takes a reference, which the source's release drops. */
struct belay_source belay_payload_source(struct belay_payload *payload);

/*
 * The content of an evbuffer, moved out of it without a copy. Between _new and _keep a release
 * by the core (a send that failed) is only noted, so that _restore can put everything back;
 * one of the two must be called.
 */
struct belay_parcel;
struct belay_parcel *belay_parcel_new(struct evbuffer *buffer);
struct belay_source belay_parcel_source(struct belay_parcel *parcel);
void belay_parcel_keep(struct belay_parcel *parcel);
void belay_parcel_restore(struct belay_parcel *parcel, struct evbuffer *buffer);

#endif
