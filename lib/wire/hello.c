/*
 * hello.c - INIT, ACCEPT, RETRY, REFUSE and VERSIONS. All begin alike (type, version, client's
 * connection ID, nonce); what follows is a row of a table by type.
 */
#include "wire/packet.h"

#include <string.h>

#include <belay/common.h>

#include "base/cursor.h"

static bool is_our_cid_len(size_t len)
{
    return len == 0 || len == BELAY_CID_BYTES;
}

/* ------------------------------------------------------------------ reading */

static bool read_payload(struct belay_hello *hello, struct belay_reader *r)
{
    size_t len = belay_read_u16(r);
    if (r->bad || len < BELAY_HELLO_RANDOM_BYTES)
        return false;
    hello->random = belay_read_bytes(r, BELAY_HELLO_RANDOM_BYTES);
    hello->params_len = len - BELAY_HELLO_RANDOM_BYTES;
    hello->params = belay_read_bytes(r, hello->params_len);
    return !r->bad;
}

static bool read_padding(struct belay_reader *r)
{
    size_t len = belay_reader_left(r);
    const uint8_t *padding = belay_read_bytes(r, len);
    uint8_t bits = 0;
    for (size_t i = 0; i < len; i++)
        bits |= padding[i];
    return bits == 0;
}

static bool read_init(struct belay_hello *hello, struct belay_reader *r)
{
    hello->cookie_len = belay_read_u16(r);
    hello->cookie = belay_read_bytes(r, hello->cookie_len);
    hello->handshake = belay_read_u8(r);
    if (r->bad || hello->cookie_len > BELAY_COOKIE_BYTES_MAX)
        return false;
    return read_payload(hello, r) && read_padding(r);
}

static bool read_accept(struct belay_hello *hello, struct belay_reader *r)
{
    hello->server_cid = belay_read_bytes(r, BELAY_CID_BYTES);
    return read_payload(hello, r);
}

static bool read_retry(struct belay_hello *hello, struct belay_reader *r)
{
    hello->cookie_len = belay_read_u8(r);
    hello->cookie = belay_read_bytes(r, hello->cookie_len);
    return hello->cookie_len > 0 && hello->cookie_len <= BELAY_COOKIE_BYTES_MAX;
}

static bool read_refuse(struct belay_hello *hello, struct belay_reader *r)
{
    hello->code = belay_read_varint(r);
    hello->reason_len = belay_read_u8(r);
    hello->reason = (const char *)belay_read_bytes(r, hello->reason_len);
    return true;
}

static bool read_versions(struct belay_hello *hello, struct belay_reader *r)
{
    hello->versions_count = belay_read_u8(r);
    hello->versions = belay_read_bytes(r, 4 * hello->versions_count);
    return hello->versions_count > 0;
}

/* ------------------------------------------------------------------ writing */

static void write_payload(const struct belay_hello *hello, struct belay_writer *w)
{
    if (hello->params_len > UINT16_MAX - BELAY_HELLO_RANDOM_BYTES) {
        w->bad = true;
        return;
    }
    belay_write_u16(w, (uint16_t)(BELAY_HELLO_RANDOM_BYTES + hello->params_len));
    belay_write_bytes(w, hello->random, BELAY_HELLO_RANDOM_BYTES);
    belay_write_bytes(w, hello->params, hello->params_len);
}

/* w ends where the tag of an INIT begins. */
static void write_init(const struct belay_hello *hello, struct belay_writer *w)
{
    if (hello->cookie_len > BELAY_COOKIE_BYTES_MAX)
        w->bad = true;
    belay_write_u16(w, (uint16_t)hello->cookie_len);
    belay_write_bytes(w, hello->cookie, hello->cookie_len);
    belay_write_u8(w, hello->handshake);
    write_payload(hello, w);

    size_t len = belay_writer_left(w);
    uint8_t *padding = belay_write_skip(w, len);
    if (padding != NULL)
        memset(padding, 0, len);
}

static void write_accept(const struct belay_hello *hello, struct belay_writer *w)
{
    belay_write_bytes(w, hello->server_cid, BELAY_CID_BYTES);
    write_payload(hello, w);
}

static void write_retry(const struct belay_hello *hello, struct belay_writer *w)
{
    if (hello->cookie_len == 0 || hello->cookie_len > BELAY_COOKIE_BYTES_MAX)
        w->bad = true;
    belay_write_u8(w, (uint8_t)hello->cookie_len);
    belay_write_bytes(w, hello->cookie, hello->cookie_len);
}

static void write_refuse(const struct belay_hello *hello, struct belay_writer *w)
{
    if (hello->reason_len > UINT8_MAX)
        w->bad = true;
    belay_write_varint(w, hello->code);
    belay_write_u8(w, (uint8_t)hello->reason_len);
    belay_write_bytes(w, hello->reason, hello->reason_len);
}

static void write_versions(const struct belay_hello *hello, struct belay_writer *w)
{
    if (hello->versions_count == 0 || hello->versions_count > UINT8_MAX)
        w->bad = true;
    belay_write_u8(w, (uint8_t)hello->versions_count);
    belay_write_bytes(w, hello->versions, 4 * hello->versions_count);
}

/* ------------------------------------------------------------------ the table */

static const struct row {
    uint8_t first_byte;
    uint32_t version;
    bool (*read)(struct belay_hello *hello, struct belay_reader *r);
    void (*write)(const struct belay_hello *hello, struct belay_writer *w);
} rows[] = {
    [BELAY_PACKET_INIT] = {0xC0, BELAY_VERSION_1, read_init, write_init},
    [BELAY_PACKET_ACCEPT] = {0xC1, BELAY_VERSION_1, read_accept, write_accept},
    [BELAY_PACKET_RETRY] = {0xC2, BELAY_VERSION_1, read_retry, write_retry},
    [BELAY_PACKET_REFUSE] = {0xC3, BELAY_VERSION_1, read_refuse, write_refuse},
    [BELAY_PACKET_VERSIONS] = {0xC4, 0, read_versions, write_versions},
};

/* What is the same in every version. */
static bool read_prefix(struct belay_hello *hello, struct belay_reader *r)
{
    hello->version = belay_read_u32(r);
    hello->client_cid_len = belay_read_u8(r);
    hello->client_cid = belay_read_bytes(r, hello->client_cid_len);
    hello->nonce = belay_read_bytes(r, BELAY_NONCE_BYTES);
    return !r->bad && hello->client_cid_len <= BELAY_CID_BYTES_ANY;
}

int belay_hello_parse(struct belay_hello *hello, const uint8_t *packet, size_t len)
{
    struct belay_reader r;

    memset(hello, 0, sizeof(*hello));
    if (len < 1 + BELAY_TAG_BYTES)
        return BELAY_EPROTO;
    hello->type = belay_packet_type_of(packet[0]);
    if (hello->type > BELAY_PACKET_VERSIONS)
        return BELAY_EPROTO;
    if (hello->type == BELAY_PACKET_INIT && len != BELAY_INIT_BYTES)
        return BELAY_EPROTO;

    belay_reader_init(&r, packet + 1, len - 1 - BELAY_TAG_BYTES);
    if (!read_prefix(hello, &r))
        return BELAY_EPROTO;

    const struct row *row = &rows[hello->type];
    if (hello->version != row->version)
        return hello->type == BELAY_PACKET_INIT ? BELAY_EVERSION : BELAY_EPROTO;
    /* VERSIONS echoes what an INIT of any version may have had. */
    if (hello->type != BELAY_PACKET_VERSIONS && !is_our_cid_len(hello->client_cid_len))
        return BELAY_EPROTO;
    if (!row->read(hello, &r) || r.bad || belay_reader_left(&r) > 0)
        return BELAY_EPROTO;
    return BELAY_OK;
}

size_t belay_hello_build(const struct belay_hello *hello, uint8_t *out, size_t size)
{
    struct belay_writer w;

    if (hello->type > BELAY_PACKET_VERSIONS || hello->client_cid_len > BELAY_CID_BYTES_ANY)
        return 0;
    if (hello->type == BELAY_PACKET_INIT) {
        if (size < BELAY_INIT_BYTES - BELAY_TAG_BYTES)
            return 0;
        size = BELAY_INIT_BYTES - BELAY_TAG_BYTES;
    }

    const struct row *row = &rows[hello->type];
    belay_writer_init(&w, out, size);
    belay_write_u8(&w, row->first_byte);
    belay_write_u32(&w, hello->version);
    belay_write_u8(&w, (uint8_t)hello->client_cid_len);
    belay_write_bytes(&w, hello->client_cid, hello->client_cid_len);
    belay_write_bytes(&w, hello->nonce, BELAY_NONCE_BYTES);
    row->write(hello, &w);
    return w.bad ? 0 : (size_t)(w.at - out);
}
