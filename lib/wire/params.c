/*
 * params.c - transport parameters: a table with a row for each integer, and the two that are
 * none, the reset token and the list of AEADs.
 */
#include "wire/packet.h"

#include <string.h>

#include <belay/common.h>

#include "base/cursor.h"

#define ID_RESET_TOKEN    8
#define ID_AEADS          9
#define CREDIT_OF_MESSAGE 64 /* what a message costs besides its bytes */

/* Row i is the parameter with id i + 1. */
static const struct row {
    uint64_t min, max, absent;
    size_t at;    /* in struct belay_transport_params */
    bool is_wide; /* uint64_t there, else uint32_t */
} rows[] = {
#define U32(member) offsetof(struct belay_transport_params, member), false
#define U64(member) offsetof(struct belay_transport_params, member), true
    {BELAY_DATAGRAM_BYTES_MIN, BELAY_DATAGRAM_BYTES_MAX, 1200, U32(datagram_size)},
    {0, UINT64_C(1) << 30, 65536, U32(message_size)},
    {CREDIT_OF_MESSAGE, BELAY_VARINT_MAX, 65600, U64(max_data)},
    {1, UINT64_C(1) << 20, 16, U32(max_messages)},
    {1, 65536, 1, U32(channels)},
    {0, UINT64_C(1) << 24, 25000, U32(ack_delay_us)},
    {0, UINT64_C(1) << 32, 0, U64(idle_timeout_ms)},
#undef U32
#undef U64
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static void set(struct belay_transport_params *params, const struct row *row, uint64_t value)
{
    uint8_t *place = (uint8_t *)params + row->at;
    uint32_t narrow = (uint32_t)value;
    if (row->is_wide)
        memcpy(place, &value, sizeof(value));
    else
        memcpy(place, &narrow, sizeof(narrow));
}

static uint64_t get(const struct belay_transport_params *params, const struct row *row)
{
    const uint8_t *place = (const uint8_t *)params + row->at;
    uint64_t value;
    uint32_t narrow;
    if (row->is_wide) {
        memcpy(&value, place, sizeof(value));
        return value;
    }
    memcpy(&narrow, place, sizeof(narrow));
    return narrow;
}

void belay_transport_params_init(struct belay_transport_params *params)
{
    memset(params, 0, sizeof(*params));
    for (size_t i = 0; i < ROW_COUNT; i++)
        set(params, &rows[i], rows[i].absent);
}

/* The value of a known parameter. NULL, or what is wrong with it. */
static const char *take_value(struct belay_transport_params *params, uint64_t id,
                              const uint8_t *data, size_t len)
{
    if (id == ID_RESET_TOKEN) {
        if (len != BELAY_RESET_TOKEN_BYTES)
            return "a reset token's length is wrong";
        params->has_reset_token = true;
        memcpy(params->reset_token, data, len);
        return NULL;
    }

    if (id == ID_AEADS) {
        if (len < 1 || len > BELAY_AEADS_MAX)
            return "the list of AEADs has no right length";
        memcpy(params->aeads, data, len);
        params->aeads_count = len;
        return NULL;
    }

    const struct row *row = &rows[id - 1];
    struct belay_reader r;
    belay_reader_init(&r, data, len);
    uint64_t value = belay_read_varint(&r);
    if (r.bad || belay_reader_left(&r) > 0)
        return "a transport parameter's length is wrong";
    if (value < row->min || value > row->max)
        return "a transport parameter is out of range";
    set(params, row, value);
    return NULL;
}

static const char *take_param(struct belay_transport_params *params, struct belay_reader *r,
                              unsigned *seen)
{
    uint64_t id = belay_read_varint(r);
    uint64_t len = belay_read_varint(r);
    if (r->bad || len > belay_reader_left(r))
        return "a transport parameter is cut off";
    const uint8_t *value = belay_read_bytes(r, (size_t)len);

    if (id < 1 || id > ID_AEADS)
        return NULL; /* unknown: of a later revision */
    if (*seen & 1u << id)
        return "a transport parameter comes twice";
    *seen |= 1u << id;
    return take_value(params, id, value, (size_t)len);
}

int belay_transport_params_parse(struct belay_transport_params *params, const uint8_t *data,
                                 size_t len, const char **why)
{
    struct belay_reader r;
    unsigned seen = 0; /* bit id */

    belay_transport_params_init(params);
    belay_reader_init(&r, data, len);
    while (belay_reader_left(&r) > 0) {
        const char *wrong = take_param(params, &r, &seen);
        if (wrong != NULL) {
            *why = wrong;
            return BELAY_EPROTO;
        }
    }
    if (params->max_data < (uint64_t)params->message_size + CREDIT_OF_MESSAGE) {
        *why = "max_data is too small for the largest message";
        return BELAY_EPROTO;
    }
    return BELAY_OK;
}

size_t belay_transport_params_build(const struct belay_transport_params *params, uint8_t *out,
                                    size_t size)
{
    struct belay_writer w;

    belay_writer_init(&w, out, size);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        uint64_t value = get(params, &rows[i]);
        belay_write_varint(&w, i + 1);
        belay_write_varint(&w, belay_varint_size(value));
        belay_write_varint(&w, value);
    }
    if (params->has_reset_token) {
        belay_write_varint(&w, ID_RESET_TOKEN);
        belay_write_varint(&w, BELAY_RESET_TOKEN_BYTES);
        belay_write_bytes(&w, params->reset_token, BELAY_RESET_TOKEN_BYTES);
    }
    if (params->aeads_count > 0) {
        belay_write_varint(&w, ID_AEADS);
        belay_write_varint(&w, params->aeads_count);
        belay_write_bytes(&w, params->aeads, params->aeads_count);
    }
    return w.bad ? 0 : (size_t)(w.at - out);
}
