/* seeds_frames.c - frames by hand: alone, and in packets of a peer. */
#include "seeds.h"

#include <stdio.h>

#include "ops.h"

/* Those that a true connection seldom sends. */
static const struct frame_seed {
    const char *name;
    uint8_t len, bytes[30];
} frame_seeds[] = {
    {"padding-ping", 3, {0, 0, 1}},
    {"ack-ranges", 9, {2, 0x20, 5, 2, 1, 0, 0, 3, 4}},
    {"ack-ecn", 8, {3, 0x20, 5, 0, 1, 1, 2, 3}},
    {"ack-never-sent", 8, {2, 0x80, 1, 0, 0, 5, 0, 0}},
    {"ack-below-zero", 5, {2, 1, 0, 0, 2}},
    {"ack-many-ranges", 6, {2, 0x20, 0, 0x41, 0x01, 0}},
    {"max-data", 7, {4, 0x80, 1, 0, 0, 0x50, 0}},
    {"max-messages", 4, {5, 0, 0, 0x20}},
    {"max-messages-unused", 4, {5, 2, 1, 0x20}},
    {"max-messages-channel", 7, {5, 0x80, 1, 0, 0, 0, 1}},
    {"max-messages-mode", 4, {5, 0, 4, 1}},
    {"data-blocked", 3, {6, 0x41, 0}},
    {"messages-blocked", 4, {7, 1, 0, 0x10}},
    {"fin", 2, {8, 5}},
    {"fin-twice", 4, {8, 5, 8, 6}},
    {"close", 7, {9, 0x41, 0, 3, 'b', 'y', 'e'}},
    {"close-none", 3, {9, 0, 0}},
    {"close-long", 4, {9, 1, 0x41, 0}},
    {"unknown", 1, {0x0a}},
    {"cut-off", 3, {5, 0, 0}},
    {"message", 8, {0x40, 0, 0, 0, 0, 'a', 'b', 'c'}},
    {"message-channel", 9, {0x4f, 2, 0, 0, 0, 0, 'a', 'b', 'c'}},
    {"message-channel-far", 9, {0x4f, 0x80, 1, 0, 0, 0, 0, 0, 0}},
    {"message-reserved-mode", 6, {0x60, 0, 0, 0, 0, 'a'}},
    {"message-out-of-order", 8, {0x41, 0, 0, 0, 3, 'a', 'b', 'c'}},
    {"message-unordered", 10, {0x51, 0, 0, 0, 3, 3, 0, 0, 0, 'c'}},
    {"message-past-window", 6, {0x40, 0, 0, 1, 0, 'a'}},
    {"run", 14, {0x80, 0, 0, 0, 0, 0, 3, 0, 1, 'a', 2, 'b', 'c', 1}},
    {"run-empty", 7, {0x80, 0, 0, 0, 0, 0, 0}},
    {"run-of-nothing", 11, {0x90, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0}},
    {"run-long-lengths", 12, {0x80, 0, 0, 0, 0, 0, 1, 0x80, 0, 0, 1, 'a'}},
    {"run-past-end", 9, {0x80, 0, 0, 0, 0, 0, 1, 9, 1}},
    {"fragment", 12, {0xc0, 0, 0, 0, 0, 9, 2, 4, 'a', 'b', 'c', 'd'}},
    {"fragment-late", 12, {0xd2, 0, 0, 0, 2, 9, 5, 4, 'a', 'b', 'c', 'd'}},
    {"fragment-large", 10, {0xc0, 0, 0, 0, 0, 0x7f, 0xff, 0, 1, 'a'}},
    {"fragment-too-large", 12, {0xc0, 0, 0, 0, 0, 0x80, 1, 0, 0, 0, 1, 'a'}},
    {"fragment-empty", 8, {0xc0, 0, 0, 0, 0, 9, 2, 0}},
    {"fragment-outside", 9, {0xc0, 0, 0, 0, 0, 9, 9, 1, 'a'}},
    {"fragment-past-end", 9, {0xc0, 0, 0, 0, 0, 9, 2, 5, 'a'}},
    {"new-id", 27, {0x0a, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"new-id-retires-itself", 27, {0x0a, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"retire-id", 2, {0x0b, 1}},
    {"retire-id-never-given", 2, {0x0b, 0x20}},
    {"path-challenge", 9, {0x0c, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"path-response", 9, {0x0d, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"path-both", 18, {0x0c, 1, 2, 3, 4, 5, 6, 7, 8, 0x0d, 1, 2, 3, 4, 5, 6, 7, 8}},
};

#define FRAME_SEEDS (sizeof(frame_seeds) / sizeof(frame_seeds[0]))

/* And for the peer: sealed, by either side, after some traffic; some phases on, and often. */
static void forge_seed(const struct frame_seed *frame, unsigned i)
{
    struct seed seed;
    uint8_t setup = i % 3 == 0 ? 0 : SETUP_INSECURE | (i % 3 == 1 ? SETUP_SHARED : 0);
    uint8_t who = i % 2 ? 0x10 : 0;
    char name[64];

    belay_write_u8(seed_begin(&seed), setup);
    belay_write_bytes(&seed.w, (uint8_t[]){OP_SEND, 0, 0, 30, OP_SEND | 0x10, 5, 8, 0}, 8);
    belay_write_u8(&seed.w, OP_EXCHANGE);
    belay_write_u8(&seed.w, (uint8_t)(OP_FORGE | who | (i % 5 == 4 ? 0x80 : 0)));
    if (i % 5 == 4)
        belay_write_u8(&seed.w, 50);
    belay_write_u8(&seed.w, frame->len);
    belay_write_bytes(&seed.w, frame->bytes, frame->len);
    belay_write_u8(&seed.w, OP_STEP | 0xb0);
    snprintf(name, sizeof(name), "forged-%s", frame->name);
    seed_end(&seed, "peer", name);
}

void seeds_frames(void)
{
    struct seed seed;

    for (unsigned i = 0; i < FRAME_SEEDS; i++) {
        seed_write("frames", frame_seeds[i].name, frame_seeds[i].bytes, frame_seeds[i].len);
        forge_seed(&frame_seeds[i], i);
    }
    seed_begin(&seed);
    for (unsigned i = 0; i < 33; i++)
        belay_write_u16(&seed.w, 0x0001); /* PADDING, PING */
    seed_end(&seed, "frames", "too-many");
    seed_begin(&seed);
    for (unsigned i = 0; i < 2; i++) {
        belay_write_bytes(&seed.w, "\x80\0\0\0\0\1\x40", 7);
        memset(belay_write_skip(&seed.w, 0x140), 0, 0x140);
    }
    seed_end(&seed, "frames", "two-runs");
}
