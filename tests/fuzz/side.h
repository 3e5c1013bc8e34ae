/*
 * side.h - a core with limits that are soon reached, in a time of its own. What it holds is
 * bounded by its configuration alone: memory.limit_bytes is reckoned from that.
 */
#ifndef BELAY_TESTS_FUZZ_SIDE_H
#define BELAY_TESTS_FUZZ_SIDE_H

#include "fuzz.h"

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

#define SIDE_CHANNELS     3
#define SIDE_NUMBERS      16 /* of messages, in each sequence */
#define SIDE_MESSAGE_MAX  20000
#define SIDE_WINDOW_BYTES 40000
#define SIDE_QUEUE_BYTES  40000
#define SIDE_CONNECTIONS  6

struct fuzz_side {
    struct belay_core *core;
    struct belay_core_config config;
    struct fuzz_memory memory;
    uint64_t random;
    struct belay_address address;
    uint8_t *train;    /* what it sends */
    uint64_t timed_ns; /* when timers ran last */
    unsigned turns;    /* how often in a row, with hardly any time between */
};

void fuzz_side_config(struct belay_core_config *config);
/* It must stay where it is. name: its address, and the seed of its randomness. */
void fuzz_side_init(struct fuzz_side *side, const struct belay_core_config *config,
                    uint8_t name);
/* Frees the core; all memory must have come back. */
void fuzz_side_end(struct fuzz_side *side);

struct belay_address fuzz_address(uint8_t name);

/* Everything that the core sends now, a datagram at a time. */
typedef void fuzz_out(void *ctx, struct fuzz_side *from, const struct belay_path *path,
                      uint8_t *data, size_t len);
void fuzz_side_send(struct fuzz_side *side, uint64_t now_ns, fuzz_out *out, void *ctx);
/* The datagram lies in a block of its own size, which is overwritten and freed after poll. */
void fuzz_side_receive(struct fuzz_side *side, const struct belay_path *path,
                       const uint8_t *data, size_t len, size_t segment, uint64_t now_ns,
                       void (*poll)(void *ctx, struct fuzz_side *side), void *ctx);
/* Runs the timers that are due. They may not come back again and again in no time. */
void fuzz_side_timeout(struct fuzz_side *side, uint64_t now_ns);

#endif
