#include "event/payload.h"

#include <event2/buffer.h>

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ shared copies */

struct belay_payload {
    size_t references;
    uint8_t bytes[];
};

struct belay_payload *belay_payload_new(const void *data, size_t len)
{
    struct belay_payload *payload;

    if (len > SIZE_MAX - sizeof(*payload))
        return NULL;
    payload = malloc(sizeof(*payload) + len);
    if (payload == NULL)
        return NULL;
    payload->references = 1;
    if (len > 0)
        memcpy(payload->bytes, data, len);
    return payload;
}

void belay_payload_unref(struct belay_payload *payload)
{
    if (--payload->references == 0)
        free(payload);
}

static void release_payload(void *ctx)
{
    belay_payload_unref(ctx);
}

struct belay_source belay_payload_source(struct belay_payload *payload)
{
    payload->references++;
    return (struct belay_source){
        .data = payload->bytes, .release = release_payload, .ctx = payload};
}

/* ------------------------------------------------------------------ evbuffers */

struct belay_parcel {
    struct evbuffer *buffer;
    struct evbuffer_ptr at; /* where the last read began, byte `offset`: */
    size_t offset;          /* reads go forward, so none walks all chains */
    bool kept, released;
};

struct belay_parcel *belay_parcel_new(struct evbuffer *buffer)
{
    struct belay_parcel *parcel = calloc(1, sizeof(*parcel));

    if (parcel == NULL)
        return NULL;
    parcel->buffer = evbuffer_new();
    if (parcel->buffer == NULL || evbuffer_add_buffer(parcel->buffer, buffer) != 0 ||
        evbuffer_ptr_set(parcel->buffer, &parcel->at, 0, EVBUFFER_PTR_SET) != 0) {
        if (parcel->buffer != NULL)
            evbuffer_free(parcel->buffer);
        free(parcel);
        return NULL;
    }
    return parcel;
}

static void destroy(struct belay_parcel *parcel)
{
    evbuffer_free(parcel->buffer);
    free(parcel);
}

static void release_parcel(void *ctx)
{
    struct belay_parcel *parcel = ctx;

    parcel->released = true;
    if (parcel->kept)
        destroy(parcel);
}

static bool seek(struct belay_parcel *parcel, size_t offset)
{
    bool forward = offset >= parcel->offset;
    size_t step = forward ? offset - parcel->offset : offset;
    enum evbuffer_ptr_how how = forward ? EVBUFFER_PTR_ADD : EVBUFFER_PTR_SET;

    if (step > 0 || !forward) {
        if (evbuffer_ptr_set(parcel->buffer, &parcel->at, step, how) != 0)
            return false;
    }
    parcel->offset = offset;
    return true;
}

static void read_parcel(void *ctx, uint64_t offset, void *out, size_t len)
{
    struct belay_parcel *parcel = ctx;
    ssize_t got = -1;

    if (seek(parcel, (size_t)offset))
        got = evbuffer_copyout_from(parcel->buffer, &parcel->at, out, len);
    /* Cannot be: the core reads inside of what it was given, and nobody else has the buffer. */
    if (got < 0 || (size_t)got < len)
        abort();
}

struct belay_source belay_parcel_source(struct belay_parcel *parcel)
{
    struct belay_source source = {
        .read = read_parcel, .release = release_parcel, .ctx = parcel};
    struct evbuffer_iovec chain;

    /* Its result says how many it filled in, not how many there are. */
    if (evbuffer_peek(parcel->buffer, -1, NULL, &chain, 1) == 1 &&
        chain.iov_len == evbuffer_get_length(parcel->buffer))
        source.data = chain.iov_base;
    return source;
}

void belay_parcel_keep(struct belay_parcel *parcel)
{
    parcel->kept = true;
    if (parcel->released)
        destroy(parcel);
}

void belay_parcel_restore(struct belay_parcel *parcel, struct evbuffer *buffer)
{
    evbuffer_prepend_buffer(buffer, parcel->buffer);
    destroy(parcel);
}
