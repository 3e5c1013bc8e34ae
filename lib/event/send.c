/* Messages from the app: to the core, or, while a name is dialed, to the dial's hold. */
#include "event/conn.h"
#include "event/dial.h"
#include "event/endpoint.h"
#include "event/payload.h"

#include <event2/buffer.h>

static void drop(const struct belay_source *source)
{
    if (source->release != NULL)
        source->release(source->ctx);
}

static unsigned notify(const struct belay_conn *conn)
{
    return conn->on_sent != NULL ? BELAY_SEND_NOTIFY : 0;
}

/* The core has it. What it refuses is no work: a loop that waits for room waits in peace. */
static int queued(struct belay_conn *conn, uint64_t number, size_t len, uint64_t *message)
{
    if (message != NULL)
        *message = belay_hold_number(conn, number);
    belay_endpoint_mark_queued(conn->endpoint, conn->core, len);
    return 0;
}

/* As belay_core_conn_send_source. A number from the core is one after those that the hold
 * counted and the core refused. */
static int send_source(struct belay_conn *conn, unsigned channel, enum belay_mode mode,
                       const struct belay_source *source, size_t len, uint64_t deadline_ns,
                       uint64_t *message)
{
    uint64_t number = 0;
    int error;

    if (conn->dial != NULL)
        return belay_dial_send(conn->dial, channel, mode, source, len, notify(conn),
                               deadline_ns, message);
    if (conn->core == NULL) {
        drop(source);
        return BELAY_ENOTCONN;
    }
    error = belay_core_conn_send_source(conn->core, channel, mode, source, len, notify(conn),
                                        deadline_ns, &number);
    return error == 0 ? queued(conn, number, len, message) : error;
}

/* The hold has no copy of its own to give to the core later. */
static int send_held_copy(struct belay_conn *conn, unsigned channel, enum belay_mode mode,
                          const void *data, size_t len, uint64_t deadline_ns, uint64_t *message)
{
    struct belay_payload *payload;
    struct belay_source source;
    int error;

    if (len > conn->endpoint->config.core.message_size_max)
        return BELAY_EMSGSIZE;
    payload = belay_payload_new(data, len);
    if (payload == NULL)
        return BELAY_ENOMEM;
    source = belay_payload_source(payload);
    error = send_source(conn, channel, mode, &source, len, deadline_ns, message);
    belay_payload_unref(payload);
    return error;
}

static int send_copy(struct belay_conn *conn, unsigned channel, enum belay_mode mode,
                     const void *data, size_t len, uint64_t deadline_ns, uint64_t *message)
{
    uint64_t number = 0;
    int error;

    if (data == NULL && len > 0)
        return BELAY_EINVAL;
    if (conn->dial != NULL)
        return send_held_copy(conn, channel, mode, data, len, deadline_ns, message);
    if (conn->core == NULL)
        return BELAY_ENOTCONN;
    error = belay_core_conn_send(conn->core, channel, mode, data, len, notify(conn),
                                 deadline_ns, &number);
    return error == 0 ? queued(conn, number, len, message) : error;
}

int belay_conn_send(struct belay_conn *conn, unsigned channel, const void *data, size_t len)
{
    return belay_conn_send_message(conn, channel, BELAY_RELIABLE_ORDERED, data, len, 0,
                                   BELAY_NEVER, NULL);
}

int belay_conn_send_message(struct belay_conn *conn, unsigned channel, enum belay_mode mode,
                            const void *data, size_t len, unsigned flags, uint64_t deadline_ns,
                            uint64_t *message)
{
    if (conn->freed || conn->endpoint == NULL)
        return BELAY_ENOTCONN;
    if (flags != 0)
        return BELAY_EINVAL;
    return send_copy(conn, channel, mode, data, len, deadline_ns, message);
}

int belay_conn_send_buffer(struct belay_conn *conn, unsigned channel, enum belay_mode mode,
                           struct evbuffer *buffer, unsigned flags, uint64_t deadline_ns,
                           uint64_t *message)
{
    size_t len = evbuffer_get_length(buffer);
    struct belay_parcel *parcel;
    struct belay_source source;
    int error;

    if (conn->freed || conn->endpoint == NULL)
        return BELAY_ENOTCONN;
    if (flags != 0)
        return BELAY_EINVAL;
    if (len == 0)
        return send_copy(conn, channel, mode, NULL, 0, deadline_ns, message);
    parcel = belay_parcel_new(buffer);
    if (parcel == NULL)
        return BELAY_ENOMEM;
    source = belay_parcel_source(parcel);
    error = send_source(conn, channel, mode, &source, len, deadline_ns, message);
    if (error == 0)
        belay_parcel_keep(parcel);
    else
        belay_parcel_restore(parcel, buffer);
    return error;
}

size_t belay_endpoint_broadcast(struct belay_endpoint *endpoint, unsigned channel,
                                enum belay_mode mode, const void *data, size_t len)
{
    struct belay_payload *payload;
    struct belay_conn *conn = NULL;
    size_t taken = 0;

    if (data == NULL && len > 0)
        return 0;
    payload = belay_payload_new(data, len);
    if (payload == NULL)
        return 0;
    while ((conn = belay_endpoint_next_conn(endpoint, conn)) != NULL) {
        struct belay_source source;

        if (!belay_conn_is_connected(conn))
            continue;
        source = belay_payload_source(payload);
        if (send_source(conn, channel, mode, &source, len, BELAY_NEVER, NULL) == 0)
            taken++;
    }
    belay_payload_unref(payload);
    return taken;
}
