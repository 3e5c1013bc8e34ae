/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is one file with LLVMFuzzerTestOneInput. It is linked three times: with libFuzzer
 * (run.sh), with libFuzzer and a planted crash (planted.sh), and with replay.c, which runs the
 * files of corpus/TARGET as an ordinary test.
 *
 * Inputs are taken apart with base/cursor.h: past the end all is zero. The same bytes do the
 * same every time: there is no clock and no randomness but from seeds.
 */
#ifndef BELAY_TESTS_FUZZ_H
#define BELAY_TESTS_FUZZ_H

#include <stdlib.h>

#include <belay/core.h>

#include "base/cursor.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input; in all builds. */
#define FUZZ_CHECK(condition)                                                                  \
    ((condition) ? (void)0 : fuzz_fail("FUZZ_CHECK", #condition, __FILE__, __LINE__))

/* A crash that planted.sh wants found: behind a few bytes of what was parsed. */
#ifdef BELAY_FUZZ_PLANT
#define FUZZ_PLANT(condition)                                                                  \
    ((condition) ? fuzz_fail("FUZZ_PLANT", #condition, __FILE__, __LINE__) : (void)0)
#else
#define FUZZ_PLANT(condition) ((void)sizeof(condition))
#endif

_Noreturn void fuzz_fail(const char *what, const char *condition, const char *file, int line);

/* At most len of the bytes that are left; *taken is how many. */
const uint8_t *fuzz_take(struct belay_reader *in, size_t len, size_t *taken);
/* All that is left. */
const uint8_t *fuzz_rest(struct belay_reader *in, size_t *len);
/* Is [p, p + len) inside of [data, data + size)? A NULL with len 0 is. */
bool fuzz_is_inside(const void *p, size_t len, const uint8_t *data, size_t size);

/* A copy that ends where its block ends, so that reading on is found; with a 0 behind it or
 * not. free it. */
uint8_t *fuzz_copy(const uint8_t *data, size_t size);
char *fuzz_text(const uint8_t *data, size_t size);

/*
 * Memory that is counted: gives up when it is given a wrong size back, or when more than
 * limit_bytes are held. fail_at: the call that gets none, counted from 1; 0: none.
 */
struct fuzz_memory {
    struct belay_memory hook;
    size_t used, peak, limit_bytes;
    size_t calls, fail_at;
};
/* It must stay where it is. */
void fuzz_memory_init(struct fuzz_memory *memory, size_t limit_bytes);
/* The call after so many more fails. */
void fuzz_memory_fail(struct fuzz_memory *memory, size_t after);
/* All must have come back. */
void fuzz_memory_end(const struct fuzz_memory *memory);

/* Bytes of a seeded generator, as struct belay_random.fill; ctx is an uint64_t. */
void fuzz_random(void *ctx, void *out, size_t len);

#endif
