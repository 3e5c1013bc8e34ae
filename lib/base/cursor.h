/*
 * cursor.h - bounded reading and writing of wire fields. Big-endian.
 *
 * Both cursors go bad at the first overrun and stay bad: check once, at the end. A bad reader
 * returns zeros, a bad writer writes nothing; at stays where the overrun began.
 *
 * Varints are RFC 9000, section 16: two bits of length, then 6, 14, 30 or 62 bits of value.
 * Any length is accepted on reading; the shortest is written.
 *
 * All but the long varints are inline: this is the inner loop of every packet.
 */
#ifndef BELAY_BASE_CURSOR_H
#define BELAY_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BELAY_VARINT_MAX ((UINT64_C(1) << 62) - 1)

struct belay_reader {
    const uint8_t *at, *end;
    bool bad;
};

struct belay_writer {
    uint8_t *at, *end;
    bool bad;
};

/* ------------------------------------------------------------------ reading */

/* data may be NULL when len is 0. */
static inline void belay_reader_init(struct belay_reader *r, const void *data, size_t len)
{
    r->at = len > 0 ? data : (const uint8_t *)"";
    r->end = r->at + len;
    r->bad = false;
}

static inline size_t belay_reader_left(const struct belay_reader *r)
{
    return (size_t)(r->end - r->at);
}

/* A pointer to the next len bytes, which it skips; NULL when there are fewer. */
static inline const uint8_t *belay_read_bytes(struct belay_reader *r, size_t len)
{
    const uint8_t *p = r->at;
    if (len > belay_reader_left(r) || r->bad) {
        r->end = r->at; /* nothing is left, so that whatever follows fails too */
        r->bad = true;
        return NULL;
    }
    r->at += len;
    return p;
}

static inline uint8_t belay_read_u8(struct belay_reader *r)
{
    const uint8_t *p = belay_read_bytes(r, 1);
    return p != NULL ? p[0] : 0;
}

/* Compilers make one load and one byte swap of each of these. */
static inline uint16_t belay_read_u16(struct belay_reader *r)
{
    const uint8_t *p = belay_read_bytes(r, 2);
    return p != NULL ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t belay_read_u32(struct belay_reader *r)
{
    const uint8_t *p = belay_read_bytes(r, 4);
    if (p == NULL)
        return 0;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t belay_read_u64(struct belay_reader *r)
{
    const uint8_t *p = belay_read_bytes(r, 8);
    if (p == NULL)
        return 0;
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
           (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
           (uint64_t)p[6] << 8 | p[7];
}

uint64_t belay_read_varint_long(struct belay_reader *r); /* of any length; use the next */

static inline uint64_t belay_read_varint(struct belay_reader *r)
{
    if (r->at < r->end && *r->at < 0x40)
        return *r->at++;
    return belay_read_varint_long(r);
}

/* ------------------------------------------------------------------ writing */

/* data may be NULL when len is 0. */
static inline void belay_writer_init(struct belay_writer *w, void *data, size_t len)
{
    w->at = data;
    w->end = len > 0 ? w->at + len : w->at;
    w->bad = false;
}

static inline size_t belay_writer_left(const struct belay_writer *w)
{
    return (size_t)(w->end - w->at);
}

/* Skips len bytes for the caller to fill; NULL when there are fewer. */
static inline uint8_t *belay_write_skip(struct belay_writer *w, size_t len)
{
    uint8_t *p = w->at;
    if (len > belay_writer_left(w) || w->bad) {
        w->end = w->at;
        w->bad = true;
        return NULL;
    }
    if (len > 0)
        w->at += len;
    return p;
}

static inline void belay_write_u8(struct belay_writer *w, uint8_t value)
{
    uint8_t *p = belay_write_skip(w, 1);
    if (p != NULL)
        p[0] = value;
}

static inline void belay_write_u16(struct belay_writer *w, uint16_t value)
{
    uint8_t *p = belay_write_skip(w, 2);
    if (p == NULL)
        return;
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void belay_write_u32(struct belay_writer *w, uint32_t value)
{
    uint8_t *p = belay_write_skip(w, 4);
    if (p == NULL)
        return;
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
}

static inline void belay_write_u64(struct belay_writer *w, uint64_t value)
{
    uint8_t *p = belay_write_skip(w, 8);
    if (p == NULL)
        return;
    p[0] = (uint8_t)(value >> 56);
    p[1] = (uint8_t)(value >> 48);
    p[2] = (uint8_t)(value >> 40);
    p[3] = (uint8_t)(value >> 32);
    p[4] = (uint8_t)(value >> 24);
    p[5] = (uint8_t)(value >> 16);
    p[6] = (uint8_t)(value >> 8);
    p[7] = (uint8_t)value;
}

void belay_write_varint_long(struct belay_writer *w, uint64_t value); /* any; use the next */

/* Bad above BELAY_VARINT_MAX. */
static inline void belay_write_varint(struct belay_writer *w, uint64_t value)
{
    if (value < 0x40)
        belay_write_u8(w, (uint8_t)value);
    else if (value < 0x4000)
        belay_write_u16(w, (uint16_t)(value | 0x4000));
    else
        belay_write_varint_long(w, value);
}

/* data may be NULL when len is 0. */
static inline void belay_write_bytes(struct belay_writer *w, const void *data, size_t len)
{
    uint8_t *p = belay_write_skip(w, len);
    if (p != NULL && len > 0)
        memcpy(p, data, len);
}

/* ------------------------------------------------------------------ numbers */

/* 1, 2, 4 or 8. */
static inline size_t belay_varint_size(uint64_t value)
{
    return value < (UINT64_C(1) << 6)    ? 1
           : value < (UINT64_C(1) << 14) ? 2
           : value < (UINT64_C(1) << 30) ? 4
                                         : 8;
}

/*
 * A number truncated on the wire to its low bits, told apart by what is expected: the
 * candidate nearest to expected, as RFC 9000, appendix A.3 (the higher of two equally near,
 * never above BELAY_VARINT_MAX). bits is 8, 16, 24 or 32.
 */
uint64_t belay_number_expand(uint64_t expected, uint64_t truncated, unsigned bits);

#endif
