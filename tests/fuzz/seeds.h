/*
 * seeds.h - how seeds.c and its parts write the first inputs of the targets; each part is for
 * the targets that it names.
 */
#ifndef BELAY_TESTS_FUZZ_SEEDS_H
#define BELAY_TESTS_FUZZ_SEEDS_H

#include "fuzz.h"

#include "base/cursor.h"

#define SEED_BYTES 1000

struct seed {
    uint8_t bytes[SEED_BYTES];
    struct belay_writer w;
};

/* To the file NAME of the target's folder. */
void seed_write(const char *target, const char *name, const void *bytes, size_t len);
/* The same in pieces: seed_begin, what is written with its writer, seed_end. */
struct belay_writer *seed_begin(struct seed *seed);
void seed_end(struct seed *seed, const char *target, const char *name);

/* What is written in C as numbers. */
#define BYTES(target, name, ...)                                                               \
    do {                                                                                       \
        static const uint8_t bytes_[] = {__VA_ARGS__};                                         \
        seed_write(target, name, bytes_, sizeof(bytes_));                                      \
    } while (0)

void seeds_packets(void); /* header, hello, params, noise, cookie */
void seeds_frames(void);  /* frames; and forged ones for peer */
void seeds_record(void);  /* peer, and the packets and frames of its connections */
void seeds_peer(void);
void seeds_inbox(void);
void seeds_core(void);

#endif
