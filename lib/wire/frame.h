/*
 * frame.h - frames <-> bytes (docs/protocol.md, "Frames"). Pure functions.
 *
 * Reading: belay_frame_parse takes one frame, checks all of it, variable parts included, and
 * leaves pointers. A packet is parsed whole (belay_frames_parse) before any frame takes
 * effect. Writing: one function a frame; each writes all of it or turns the writer bad; sizes
 * are known beforehand from the _size functions.
 */
#ifndef BELAY_WIRE_FRAME_H
#define BELAY_WIRE_FRAME_H

#include "base/cursor.h"
#include "wire/packet.h"

enum belay_frame_type {
    BELAY_FRAME_PADDING = 0x00,
    BELAY_FRAME_PING = 0x01,
    BELAY_FRAME_ACK = 0x02,
    BELAY_FRAME_ACK_ECN = 0x03,
    BELAY_FRAME_MAX_DATA = 0x04,
    BELAY_FRAME_MAX_MESSAGES = 0x05,
    BELAY_FRAME_DATA_BLOCKED = 0x06,
    BELAY_FRAME_MESSAGES_BLOCKED = 0x07,
    BELAY_FRAME_FIN = 0x08,
    BELAY_FRAME_CLOSE = 0x09,
    BELAY_FRAME_NEW_CONNECTION_ID = 0x0A,
    BELAY_FRAME_RETIRE_CONNECTION_ID = 0x0B,
    BELAY_FRAME_PATH_CHALLENGE = 0x0C,
    BELAY_FRAME_PATH_RESPONSE = 0x0D,
    BELAY_FRAME_MESSAGE = 0x40, /* to 0x7F */
    BELAY_FRAME_RUN = 0x80,     /* to 0xBF */
    BELAY_FRAME_FRAGMENT = 0xC0 /* to 0xFF */
};

#define BELAY_FRAMES_MAX          64  /* a packet */
#define BELAY_ACK_RANGES_MAX      257 /* a frame, the first included */
#define BELAY_RUN_COUNT_MAX       16384
#define BELAY_PACKET_MESSAGES_MAX 16384 /* so that message numbers expand rightly */
#define BELAY_CHANNELS_MAX        65536
#define BELAY_REASON_MAX          255
#define BELAY_PATH_DATA_BYTES     8 /* of PATH_CHALLENGE and PATH_RESPONSE */

struct belay_frame {
    enum belay_frame_type type; /* the first of its span: 0x40, 0x80, 0xC0 for messages */
    union {
        struct {
            uint64_t largest, delay_us;
            uint32_t range_count;  /* the first included; read with belay_ack_reader */
            const uint8_t *ranges; /* from the first range's length on */
            size_t ranges_len;
            uint64_t ect0, ect1, ce; /* ACK_ECN */
        } ack;
        struct {
            uint64_t limit, window;
        } max_data; /* DATA_BLOCKED: limit alone */
        struct {
            uint32_t channel;
            uint8_t mode;
            uint64_t limit;
        } max_messages; /* MESSAGES_BLOCKED too */
        struct {
            uint64_t messages;
        } fin;
        struct {
            uint64_t code;
            const char *reason; /* no terminator */
            size_t reason_len;
        } close;
        struct {
            uint64_t sequence, retire_prior_to;
            const uint8_t *cid;   /* BELAY_CID_BYTES */
            const uint8_t *token; /* BELAY_RESET_TOKEN_BYTES */
        } new_cid;                /* RETIRE_CONNECTION_ID: sequence alone */
        struct {
            const uint8_t *data; /* BELAY_PATH_DATA_BYTES */
        } path;                  /* PATH_CHALLENGE, PATH_RESPONSE */
        struct {
            uint32_t channel;
            uint8_t mode;
            uint32_t number; /* truncated */
            uint32_t count;  /* RUN; else 1 */
            uint64_t total;  /* FRAGMENT */
            uint64_t offset; /* FRAGMENT */
            const uint8_t
                *data; /* MESSAGE, FRAGMENT: the bytes; RUN: length, bytes, length ... */
            size_t len;
        } message;
    };
};

/*
 * Takes one frame. 0, or BELAY_EPROTO with *why a static text. Consumes at least one byte.
 * Refuses: unknown types, overruns, ACK ranges below zero, channel >= BELAY_CHANNELS_MAX,
 * mode > 3, run counts and totals out of range, offset + length > total, retire prior to more
 * than the sequence. Modes 2 and 3 parse: whether they are allowed is the connection's matter.
 */
int belay_frame_parse(struct belay_reader *r, struct belay_frame *frame, const char **why);

/* All frames of a packet into frames[BELAY_FRAMES_MAX]; *count gets how many. PADDING is
 * dropped on the way; a packet of padding alone is allowed, an empty one is not. */
int belay_frames_parse(const uint8_t *data, size_t len, struct belay_frame *frames,
                       size_t *count, const char **why);

/* The ranges of a parsed ACK, from the highest down: [lo, hi], both inclusive. */
struct belay_ack_reader {
    struct belay_reader bytes;
    uint64_t next_hi;
    uint32_t left;
    bool first;
};
void belay_ack_reader_init(struct belay_ack_reader *r, const struct belay_frame *frame);
bool belay_ack_reader_next(struct belay_ack_reader *r, uint64_t *lo, uint64_t *hi);

/* The messages of a parsed RUN, in order of number. */
struct belay_run_reader {
    struct belay_reader bytes;
    uint32_t left;
};
void belay_run_reader_init(struct belay_run_reader *r, const struct belay_frame *frame);
bool belay_run_reader_next(struct belay_run_reader *r, const uint8_t **data, size_t *len);

/* ------------------------------------------------------------------ writing */

void belay_frame_write_ping(struct belay_writer *w);
void belay_frame_write_padding(struct belay_writer *w, size_t len);
void belay_frame_write_max_data(struct belay_writer *w, uint64_t limit, uint64_t window);
void belay_frame_write_max_messages(struct belay_writer *w, enum belay_frame_type type,
                                    uint32_t channel, uint8_t mode, uint64_t limit);
void belay_frame_write_data_blocked(struct belay_writer *w, uint64_t limit);
void belay_frame_write_fin(struct belay_writer *w, uint64_t messages);
void belay_frame_write_close(struct belay_writer *w, uint64_t code, const char *reason,
                             size_t reason_len);
void belay_frame_write_new_cid(struct belay_writer *w, uint64_t sequence,
                               uint64_t retire_prior_to, const uint8_t *cid,
                               const uint8_t *token);
void belay_frame_write_retire_cid(struct belay_writer *w, uint64_t sequence);
/* PATH_CHALLENGE or PATH_RESPONSE. */
void belay_frame_write_path(struct belay_writer *w, enum belay_frame_type type,
                            const uint8_t *data);

/*
 * An ACK of ranges given by a function from the highest down, as many of them as fit into w
 * and at most BELAY_ACK_RANGES_MAX. get(ctx, i, lo, hi) gives the i-th, [lo, hi] inclusive,
 * false when there are no more. ecn NULL: type 0x02; else the three counts. Returns how many
 * ranges were written; 0 and nothing written when not even one fits.
 */
size_t belay_frame_write_ack(struct belay_writer *w, uint64_t delay_us, const uint64_t *ecn,
                             bool (*get)(const void *ctx, size_t i, uint64_t *lo, uint64_t *hi),
                             const void *ctx);

/* Bytes of a message frame up to its data. */
size_t belay_frame_message_size(uint32_t channel);
size_t belay_frame_run_size(uint32_t channel); /* up to its first length */
size_t belay_frame_fragment_size(uint32_t channel, uint64_t total, uint64_t offset, size_t len);

/* Write what comes before the data; the caller appends the data. */
void belay_frame_write_message(struct belay_writer *w, uint32_t channel, uint8_t mode,
                               uint64_t number);
/* Returns where the u16 count stands, to be set when the run is complete with
 * belay_frame_set_run_count; NULL when w is bad. Each message: varint length, bytes. */
uint8_t *belay_frame_write_run(struct belay_writer *w, uint32_t channel, uint8_t mode,
                               uint64_t number);
void belay_frame_set_run_count(uint8_t *place, unsigned count);
void belay_frame_write_fragment(struct belay_writer *w, uint32_t channel, uint8_t mode,
                                uint64_t number, uint64_t total, uint64_t offset, size_t len);

#endif
