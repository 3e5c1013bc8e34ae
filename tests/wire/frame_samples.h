/*
 * frame_samples.h - one of every frame, its bytes written by hand from docs/protocol.md and
 * never by our own writers; and channels, likewise.
 */
#ifndef BELAY_TESTS_WIRE_FRAME_SAMPLES_H
#define BELAY_TESTS_WIRE_FRAME_SAMPLES_H

#include "wire/exact.h"

#include "wire/frame.h"

/* frame's pointers are NULL: their bytes begin at data_at in bytes. */
struct frame_sample {
    const char *name;
    const uint8_t *bytes;
    size_t len;
    size_t data_at;
    struct belay_frame frame;
};

#define ACK_FIELDS(largest_, delay_, count_, len_)                                             \
    .ack = {.largest = largest_, .delay_us = delay_, .range_count = count_, .ranges_len = len_}

static const struct frame_sample frame_samples[] = {
    {"PADDING", BYTES(0x00), 1, {.type = BELAY_FRAME_PADDING}},
    {"PING", BYTES(0x01), 1, {.type = BELAY_FRAME_PING}},
    {"ACK of one packet, number 0",
     BYTES(0x02, 0x00, 0x00, 0x00, 0x00),
     4,
     {.type = BELAY_FRAME_ACK, ACK_FIELDS(0, 0, 1, 1)}},
    {"ACK of 0 to 63",
     BYTES(0x02, 0x3F, 0x40, 0x40, 0x00, 0x3F),
     5,
     {.type = BELAY_FRAME_ACK, ACK_FIELDS(63, 64, 1, 1)}},
    {"ACK of three ranges: 990-1000, 980-988, 0-99",
     BYTES(0x02, 0x43, 0xE8, 0x80, 0x00, 0x61, 0xA8, 0x02, 0x0A, 0x00, 0x08, 0x43, 0x6F, 0x40,
           0x63),
     8,
     {.type = BELAY_FRAME_ACK, ACK_FIELDS(1000, 25000, 3, 7)}},
    {"ACK of the largest number there is",
     BYTES(0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x05, 0x00, 0xFF, 0xFF, 0xFF,
           0xFF, 0xFF, 0xFF, 0xFF, 0xFF),
     11,
     {.type = BELAY_FRAME_ACK, ACK_FIELDS(BELAY_VARINT_MAX, 5, 1, 8)}},
    {"ACK with ECN counts: 5 and 3",
     BYTES(0x03, 0x05, 0x01, 0x01, 0x00, 0x00, 0x00, 0x07, 0x40, 0x80, 0x80, 0x00, 0x40, 0x00),
     4,
     {.type = BELAY_FRAME_ACK_ECN,
      .ack = {.largest = 5,
              .delay_us = 1,
              .range_count = 2,
              .ranges_len = 3,
              .ect0 = 7,
              .ect1 = 128,
              .ce = 16384}}},
    {"MAX_DATA",
     BYTES(0x04, 0x80, 0x10, 0x00, 0x40, 0x7F, 0xFF),
     1,
     {.type = BELAY_FRAME_MAX_DATA, .max_data = {0x100040, 16383}}},
    {"MAX_DATA at its largest",
     BYTES(0x04, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xC0, 0x00, 0x00, 0x00, 0x40,
           0x00, 0x00, 0x00),
     1,
     {.type = BELAY_FRAME_MAX_DATA, .max_data = {BELAY_VARINT_MAX, UINT64_C(1) << 30}}},
    {"MAX_MESSAGES",
     BYTES(0x05, 0x07, 0x01, 0x40, 0x40),
     1,
     {.type = BELAY_FRAME_MAX_MESSAGES, .max_messages = {7, 1, 64}}},
    {"DATA_BLOCKED",
     BYTES(0x06, 0x80, 0x01, 0x00, 0x40),
     1,
     {.type = BELAY_FRAME_DATA_BLOCKED, .max_data = {65600, 0}}},
    {"MESSAGES_BLOCKED on the last channel",
     BYTES(0x07, 0x80, 0x00, 0xFF, 0xFF, 0x03, 0x00),
     1,
     {.type = BELAY_FRAME_MESSAGES_BLOCKED, .max_messages = {65535, 3, 0}}},
    {"FIN after nothing", BYTES(0x08, 0x00), 1, {.type = BELAY_FRAME_FIN}},
    {"FIN after 2^30 - 1",
     BYTES(0x08, 0xBF, 0xFF, 0xFF, 0xFF),
     1,
     {.type = BELAY_FRAME_FIN, .fin = {(1 << 30) - 1}}},
    {"CLOSE without reason", BYTES(0x09, 0x00, 0x00), 3, {.type = BELAY_FRAME_CLOSE}},
    {"CLOSE with code 0x100 and a reason",
     BYTES(0x09, 0x41, 0x00, 0x03, 'b', 'y', 'e'),
     4,
     {.type = BELAY_FRAME_CLOSE, .close = {.code = 0x100, .reason_len = 3}}},
    {"NEW_CONNECTION_ID",
     BYTES(0x0A, 0x40, 0x41, 0x03, 1, 2, 3, 4, 5, 6, 7, 8, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
           0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F),
     4,
     {.type = BELAY_FRAME_NEW_CONNECTION_ID, .new_cid = {65, 3, NULL, NULL}}},
    {"NEW_CONNECTION_ID that retires all before it",
     BYTES(0x0A, 0x01, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
           0, 9),
     3,
     {.type = BELAY_FRAME_NEW_CONNECTION_ID, .new_cid = {1, 1, NULL, NULL}}},
    {"RETIRE_CONNECTION_ID of the first",
     BYTES(0x0B, 0x00),
     1,
     {.type = BELAY_FRAME_RETIRE_CONNECTION_ID}},
    {"RETIRE_CONNECTION_ID",
     BYTES(0x0B, 0x44, 0x00),
     1,
     {.type = BELAY_FRAME_RETIRE_CONNECTION_ID, .new_cid = {1024, 0, NULL, NULL}}},
    {"PATH_CHALLENGE",
     BYTES(0x0C, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7),
     1,
     {.type = BELAY_FRAME_PATH_CHALLENGE}},
    {"PATH_RESPONSE",
     BYTES(0x0D, 0xA7, 0xA6, 0xA5, 0xA4, 0xA3, 0xA2, 0xA1, 0xA0),
     1,
     {.type = BELAY_FRAME_PATH_RESPONSE}},
    {"MESSAGE without bytes, channel 0",
     BYTES(0x40, 0x00, 0x00, 0x00, 0x00),
     5,
     {.type = BELAY_FRAME_MESSAGE, .message = {.count = 1}}},
    {"MESSAGE on channel 3, unordered",
     BYTES(0x53, 0x01, 0x02, 0x03, 0x04, 'h', 'i'),
     5,
     {.type = BELAY_FRAME_MESSAGE,
      .message = {.channel = 3, .mode = 1, .number = 0x01020304, .count = 1, .len = 2}}},
    {"RUN of one empty message",
     BYTES(0x80, 0x00, 0x00, 0x00, 0x09, 0x00, 0x01, 0x00),
     7,
     {.type = BELAY_FRAME_RUN, .message = {.number = 9, .count = 1, .len = 1}}},
    {"RUN of three over the end of 32 bits, channel 300",
     BYTES(0x8F, 0x41, 0x2C, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x03, 0x02, 'a', 'b', 0x00, 0x01,
           'c'),
     9,
     {.type = BELAY_FRAME_RUN,
      .message = {.channel = 300, .number = UINT32_MAX, .count = 3, .len = 6}}},
    {"FRAGMENT: all of one byte",
     BYTES(0xC0, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x5A),
     8,
     {.type = BELAY_FRAME_FRAGMENT, .message = {.count = 1, .total = 1, .len = 1}}},
    {"FRAGMENT: the last 3 of 2^30 bytes, channel 15, mode 3",
     BYTES(0xFF, 0x0F, 0x80, 0x00, 0x00, 0x00, 0xC0, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00,
           0xBF, 0xFF, 0xFF, 0xFD, 0x03, 1, 2, 3),
     19,
     {.type = BELAY_FRAME_FRAGMENT,
      .message = {.channel = 15,
                  .mode = 3,
                  .number = 0x80000000,
                  .count = 1,
                  .total = 1 << 30,
                  .offset = (1 << 30) - 3,
                  .len = 3}}},
};

#define FRAME_SAMPLES (sizeof(frame_samples) / sizeof(frame_samples[0]))

/* How channels are written: low four bits of the type, then the varint, by hand. */
static const struct frame_channel {
    uint32_t channel;
    uint8_t in_type;
    uint8_t varint[4];
    size_t varint_len;
} frame_channels[] = {
    {0, 0, {0}, 0},
    {1, 1, {0}, 0},
    {14, 14, {0}, 0},
    {15, 15, {0x0F}, 1},
    {16, 15, {0x10}, 1},
    {63, 15, {0x3F}, 1},
    {64, 15, {0x40, 0x40}, 2},
    {255, 15, {0x40, 0xFF}, 2},
    {16383, 15, {0x7F, 0xFF}, 2},
    {16384, 15, {0x80, 0x00, 0x40, 0x00}, 4},
    {65535, 15, {0x80, 0x00, 0xFF, 0xFF}, 4},
};

#define FRAME_CHANNELS (sizeof(frame_channels) / sizeof(frame_channels[0]))

/* The sample's frame with its pointers. */
static inline struct belay_frame sample_frame(const struct frame_sample *sample)
{
    struct belay_frame f = sample->frame;
    const uint8_t *data = sample->bytes + sample->data_at;
    if (f.type == BELAY_FRAME_ACK || f.type == BELAY_FRAME_ACK_ECN)
        f.ack.ranges = data;
    else if (f.type == BELAY_FRAME_CLOSE)
        f.close.reason = (const char *)data;
    else if (f.type == BELAY_FRAME_NEW_CONNECTION_ID)
        f.new_cid.cid = data, f.new_cid.token = data + BELAY_CID_BYTES;
    else if (f.type == BELAY_FRAME_PATH_CHALLENGE || f.type == BELAY_FRAME_PATH_RESPONSE)
        f.path.data = data;
    else if (f.type >= BELAY_FRAME_MESSAGE)
        f.message.data = data;
    return f;
}

#endif
