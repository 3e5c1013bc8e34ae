/*
 * pen.h - a peer that has the keys and writes its packets by hand: frames one by one, sent when
 * a packet is full, and what the server held at most.
 */
#ifndef BELAY_TESTS_CONN_PEN_H
#define BELAY_TESTS_CONN_PEN_H

#include "conn/pair.h"

#include "base/cursor.h"

#define ORDERED   BELAY_RELIABLE_ORDERED
#define UNORDERED BELAY_RELIABLE_UNORDERED

#define PACKET           1150 /* bytes of frames: they fit into a datagram of 1200 */
#define CHANNELS         256
#define WINDOW           4096 /* message numbers in a sequence */
#define OPEN_MAX         16384
#define MIB              ((size_t)1 << 20)
#define SIZE_MAX_DEFAULT (16 * MIB)

/* ------------------------------------------------------------------ the attacker's pen */

struct pen {
    struct pair *pair;
    uint8_t bytes[PACKET];
    struct belay_writer w;
    unsigned frames;
    size_t sent_bytes; /* of frames, in all */
    size_t most_bytes; /* that the server held, above what it held at first */
    size_t first_bytes;
};

static inline void pen_start(struct pen *pen)
{
    belay_writer_init(&pen->w, pen->bytes, sizeof(pen->bytes));
    pen->frames = 0;
}

static inline size_t pen_held_bytes(const struct pen *pen)
{
    return belay_core_memory_bytes(pen->pair->server.core) - pen->first_bytes;
}

/* What was written arrives at the server. */
static inline void pen_send(struct pen *pen)
{
    size_t len = (size_t)(pen->w.at - pen->bytes);

    if (len == 0)
        return;
    assert_false(pen->w.bad);
    pair_forge(pen->pair, &pen->pair->client, pen->bytes, len);
    pen->sent_bytes += len;
    if (pen_held_bytes(pen) > pen->most_bytes)
        pen->most_bytes = pen_held_bytes(pen);
    pen_start(pen);
}

/* Before a frame of at most len bytes. */
static inline void pen_room(struct pen *pen, size_t len)
{
    if (pen->frames == BELAY_FRAMES_MAX || belay_writer_left(&pen->w) < len)
        pen_send(pen);
    pen->frames++;
}

/* A whole message without bytes: a RUN of one, so that more frames can follow. */
static inline void pen_message(struct pen *pen, uint32_t channel, uint8_t mode, uint64_t number)
{
    pen_room(pen, 16);
    belay_frame_set_run_count(belay_frame_write_run(&pen->w, channel, mode, number), 1);
    belay_write_varint(&pen->w, 0);
}

static inline void pen_byte(struct pen *pen, uint32_t channel, uint8_t mode, uint64_t number,
                            uint64_t total, uint64_t offset, uint8_t byte)
{
    pen_room(pen, 24);
    belay_frame_write_fragment(&pen->w, channel, mode, number, total, offset, 1);
    belay_write_u8(&pen->w, byte);
}

static inline void pen_max_messages(struct pen *pen, enum belay_frame_type type,
                                    uint32_t channel)
{
    pen_room(pen, 16);
    belay_frame_write_max_messages(&pen->w, type, channel, ORDERED, 5);
}

static inline void pen_hex(struct pen *pen, const char *hex)
{
    uint8_t bytes[256];
    size_t len = test_hex(hex, bytes, sizeof(bytes));

    pen_room(pen, len);
    belay_write_bytes(&pen->w, bytes, len);
}

/* ------------------------------------------------------------------ the victim */

/* Two that are connected, and the pen of one who has the client's keys. */
static inline void pen_begin(struct pair *pair, struct pen *pen)
{
    struct belay_core_config config;

    belay_core_config_init(&config);
    config.has_reset_key = true;
    pair_init(pair, &config);
    pair_connect(pair);
    memset(pen, 0, sizeof(*pen));
    pen->pair = pair;
    pen->first_bytes = belay_core_memory_bytes(pair->server.core);
    pen_start(pen);
}

/* All of it has arrived, and the server still talks to him. */
static inline void pen_assert_open(struct pen *pen)
{
    const struct pair_event *end;

    pen_send(pen);
    end = pair_find(&pen->pair->server, BELAY_CORE_CLOSED);
    if (end != NULL)
        fail_msg("closed: %s", end->reason);
    pair_forget_events(pen->pair);
}

#endif
