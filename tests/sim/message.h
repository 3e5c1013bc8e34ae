/*
 * message.h - what the simulated apps send, and the proof that it arrived as it was sent.
 *
 * A connection's side remembers each message that its core accepted. Contents come from a
 * generator: the first eight bytes are the message's index in its sequence, masked; all others
 * follow from connection, channel, mode and index. The receiving side finds the message by its
 * place (ordered) or by its index (unordered) and compares every byte.
 */
#ifndef BELAY_TESTS_SIM_MESSAGE_H
#define BELAY_TESTS_SIM_MESSAGE_H

#include <belay/core.h>

struct sim_conn;

struct sim_message {
    uint64_t index; /* in its sequence */
    size_t len;
    uint32_t channel;
    uint8_t mode;
    bool notify;
    bool delivered; /* to the peer's app */
    bool reported;  /* by SENT */
    int error;      /* of SENT */
};

/* Of one channel and mode: which of the messages are its. */
struct sim_sequence {
    uint32_t *messages;
    size_t count, capacity;
    size_t next; /* ordered: the next to be delivered; unordered: all before it are */
};

struct sim_outgoing {
    struct sim_message *messages; /* number n of the core is [n - 1] */
    size_t count, capacity;
    struct sim_sequence *sequences; /* by channel * 2 + mode */
    size_t sequence_count;
    uint64_t key; /* of contents */
    uint64_t delivered, notified, reported;
    uint64_t refused;    /* passed a limit of the peer */
    size_t sources_open; /* not released yet */
};

/* How the bytes are given to the core. */
enum sim_how { SIM_COPY, SIM_DATA, SIM_READ };

struct sim_shape {
    uint32_t channel;
    enum belay_mode mode;
    size_t len;
    enum sim_how how;
    bool quiet; /* no SENT is asked for */
};

/* 0 or the core's error; nothing was sent then. */
int sim_send_shape(struct sim_conn *conn, const struct sim_shape *shape);
/* Copied up to 64 KiB, else read piece by piece; with a SENT report. */
int sim_send(struct sim_conn *conn, uint32_t channel, enum belay_mode mode, size_t len);

/*
 * Many messages, as fast as the send queue takes them: next fills in the shape of the n-th
 * (from 0), false when there are no more. Goes on by itself at WRITABLE.
 */
typedef bool sim_next(void *ctx, uint64_t n, struct sim_shape *shape);
struct sim_pump {
    sim_next *next;
    void *ctx;
    uint64_t sent;
    bool done, pending;
    struct sim_shape shape;
};
void sim_pump(struct sim_conn *conn, sim_next *next, void *ctx);
void sim_pump_go_on(struct sim_conn *conn);

/* A series for sim_pump: ctx of sim_series. */
struct sim_series {
    uint64_t count;
    size_t len;
    uint32_t channels; /* round robin from channel 0; 0 is 1 */
    enum belay_mode mode;
};
bool sim_series(void *ctx, uint64_t n, struct sim_shape *shape);

/* The receiving side: finds which message this is, or a sentence of what is wrong. */
const char *sim_message_take(struct sim_outgoing *out, const struct belay_core_event *event,
                             struct sim_message **message);
void sim_outgoing_init(struct sim_outgoing *out, uint64_t key);
void sim_outgoing_dispose(struct sim_outgoing *out);

#endif
