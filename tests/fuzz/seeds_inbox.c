/* seeds_inbox.c - arrivals for the inbox, by hand. */
#include "seeds.h"

#include "ops.h"

void seeds_inbox(void)
{
    struct seed seed;

    BYTES("inbox", "in-order", 0, OP_MESSAGE, 0, 0, 5, OP_MESSAGE, 0, 0, 100, OP_POP | 0x10,
          OP_MESSAGE | OP_ARRIVAL_POPS, 0, 0, 0, OP_CREDIT | 8);
    BYTES("inbox", "out-of-order", 1, OP_MESSAGE, 1, 2, 5, OP_MESSAGE, 1, 1, 6, OP_MESSAGE, 5,
          2, 9, OP_MESSAGE, 1, 0, 7, OP_MESSAGE, 5, 0, 8, OP_POP | 0xf8);
    BYTES("inbox", "duplicates", 2, OP_MESSAGE, 0, 0, 5, OP_MESSAGE, 0, 0xff, 5, OP_MESSAGE, 0,
          3, 5, OP_MESSAGE, 0, 3, 5);
    BYTES("inbox", "below-zero", 0, OP_MESSAGE, 0, 0xff, 5);
    BYTES("inbox", "past-window", 3, OP_MESSAGE, 0, 80, 5);
    BYTES("inbox", "wrong-channel", 0, OP_MESSAGE, 3, 0, 5);
    BYTES("inbox", "wrong-mode", 0, OP_MESSAGE, 0x88, 0, 5);
    BYTES("inbox", "too-large", 0, OP_PART, 0, 0, 255, 0, 0, 4, 0);
    BYTES("inbox", "total-changes", 0, OP_PART, 0, 0, 200, 0, 0, 4, 0, OP_PART, 0, 0, 201, 0, 0,
          4, 0);
    BYTES("inbox", "outside", 0, OP_PART, 0, 0, 10, 0, 70, 0, 20);
    BYTES("inbox", "parts", 0, OP_PART, 4, 0, 20, 0, 80, 0, 80, OP_PART, 4, 0, 20, 0, 40, 0, 80,
          OP_PART, 4, 0, 20, 0, 0, 0, 40, OP_POP | 8);
    BYTES("inbox", "whole-after-parts", 0, OP_PART, 4, 0, 20, 0, 80, 0, 70, OP_MESSAGE, 4, 0,
          20, OP_POP | 8);
    BYTES("inbox", "ended", 0, OP_MESSAGE, 0, 0, 9, OP_MESSAGE | OP_ARRIVAL_ENDS, 0, 0, 9);
    BYTES("inbox", "no-memory", 8, 3, OP_MESSAGE, 0, 0, 9, OP_PART, 1, 5, 200, 0, 9, 9, 9);
    BYTES("inbox", "tuned", 0, OP_TUNE | 0x50, 1, OP_MESSAGE, 0, 0, 190, OP_POP | 8,
          OP_TUNE | 0xf8, 1, OP_CREDIT, OP_WANT, 0, OP_CREDIT | 8);
    seed_begin(&seed); /* two sections, from behind; the first part pays for neither */
    belay_write_bytes(&seed.w, (uint8_t[]){0, OP_PART, 0, 0, 191, 0, 10, 0, 5}, 9);
    for (unsigned i = 5; i-- > 0;) {
        belay_write_bytes(&seed.w, (uint8_t[]){OP_PART, 0, 0, 191}, 4);
        belay_write_u16(&seed.w, (uint16_t)(i * 8000));
        belay_write_u16(&seed.w, i == 4 ? 12800 : 16000);
    }
    belay_write_u8(&seed.w, OP_POP | 8);
    seed_end(&seed, "inbox", "sections");
    seed_begin(&seed); /* numbers far apart */
    belay_write_u8(&seed.w, 2);
    for (int i = 79; i > 0; i -= 6)
        belay_write_bytes(&seed.w, (uint8_t[]){OP_MESSAGE, 0, (uint8_t)i, 1}, 4);
    for (unsigned i = 0; i < 80; i++)
        belay_write_bytes(&seed.w, (uint8_t[]){OP_MESSAGE, 0, 0, 1}, 4);
    seed_end(&seed, "inbox", "far");
    seed_begin(&seed); /* more gaps than a message may have */
    belay_write_u8(&seed.w, 0);
    for (unsigned i = 0; i < 70; i++) {
        belay_write_bytes(&seed.w, (uint8_t[]){OP_PART, 0, 0, 100}, 4);
        belay_write_u16(&seed.w, (uint16_t)(10 * i));
        belay_write_u16(&seed.w, 1);
    }
    seed_end(&seed, "inbox", "gaps");
}
