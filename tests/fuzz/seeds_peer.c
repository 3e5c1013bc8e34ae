/* seeds_peer.c - programs for the peer, by hand. */
#include "seeds.h"

#include <stdio.h>

#include "ops.h"

static void talk_seeds(void)
{
    struct seed seed;

#define SEND_SOME OP_SEND, 1, 0, 60, OP_SEND | 0x10, 4, 20, 0, OP_SEND, 2, 0x4e, 0
#define RUN       OP_STEP | 0xf0, OP_STEP | 0xf0
    BYTES("peer", "quiet", 0, SEND_SOME, RUN, OP_APP, OP_APP | 0x10, RUN);
    BYTES("peer", "lossy", SETUP_SERVER_KEY, SEND_SOME, OP_COLLECT, OP_LOSE, RUN, SEND_SOME,
          OP_COLLECT | 0x10, OP_LOSE, RUN, OP_APP, OP_APP | 0x10, RUN);
    BYTES("peer", "repeated", SETUP_INSECURE | SETUP_SHARED, SEND_SOME, OP_COLLECT, OP_REPEAT,
          1, OP_REPEAT, 0, OP_REPEAT, 2, OP_EXCHANGE, RUN);
    BYTES("peer", "flipped", SETUP_CHACHA, SEND_SOME, OP_COLLECT, OP_FLIP, 0, 0, 3, OP_FLIP, 1,
          0, 90, OP_FLIP, 0, 0, 4, RUN);
    BYTES("peer", "updates", SETUP_UPDATES, SEND_SOME, RUN, SEND_SOME, RUN, SEND_SOME, RUN,
          OP_FORGE | 0x40, 1, 1, 1, RUN, OP_FORGE | 0x50, 2, 1, 1, RUN);
    BYTES("peer", "phases", SETUP_INSECURE, OP_FORGE | 0x40, 1, 1, 1, RUN, OP_FORGE | 0x40, 2,
          1, 1, RUN, OP_FORGE | 0x40, 3, 1, 1, RUN);
    BYTES("peer", "wraps", SETUP_WRAPS, SEND_SOME, RUN, SEND_SOME, RUN, OP_FORGE | 0x20, 9, 1,
          1, RUN);
    BYTES("peer", "idle", 0, OP_SLEEP | 0xe0, OP_SLEEP | 0xf0, RUN);
    BYTES("peer", "never-idle", SETUP_NO_IDLE, SEND_SOME, OP_SLEEP | 0xf0, OP_SLEEP | 0xf0,
          RUN);
    BYTES("peer", "paused", 0, OP_APP | APP_PAUSE << 5 | 0x10, SEND_SOME, SEND_SOME, SEND_SOME,
          SEND_SOME, RUN, OP_APP | APP_RESUME << 5 | 0x10, RUN, RUN);
    BYTES("peer", "aborted", 0, SEND_SOME, OP_COLLECT, OP_APP | APP_ABORT << 5, 9, RUN);
    BYTES("peer", "freed", 0, SEND_SOME, OP_COLLECT, OP_APP | APP_FREE << 5 | 0x10, RUN);
    BYTES("peer", "marks", 0, OP_APP | APP_WATERMARKS << 5, 10, 0, 40, SEND_SOME, RUN,
          SEND_SOME, RUN);
    BYTES("peer", "reset", SETUP_SHARED, SEND_SOME, OP_APP | APP_RESET << 5, RUN);
    BYTES("peer", "icmp", 0, SEND_SOME, OP_APP | APP_UNREACHABLE << 5, RUN);
    BYTES("peer", "pings", SETUP_INSECURE, OP_FORGE | 0x80, 250, 1, 1, OP_COLLECT | 0x10,
          OP_FORGE | 0x80, 250, 1, 1, OP_COLLECT | 0x10, OP_LOSE, RUN);
    BYTES("peer", "gaps", SETUP_INSECURE, OP_FORGE | 0xa0, 3, 100, 1, 1, OP_COLLECT | 0x10,
          OP_FORGE | 0xa0, 1, 100, 1, 1, RUN);
    BYTES("peer", "raw", 0, OP_RAW, 20, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8,
          9, 10, OP_RAW | 0x10, 5, 0xe0, 1, 2, 3, 4, RUN);
    for (uint8_t i = 0; i < 12; i++) {
        char name[32];

        belay_write_u8(seed_begin(&seed), SETUP_NO_MEMORY | SETUP_INSECURE);
        belay_write_u16(&seed.w, i < 8 ? i : 5u * i - 28);
        belay_write_bytes(&seed.w, (uint8_t[]){SEND_SOME, OP_SEND, 0, 0x1e, 0, RUN}, 18);
        snprintf(name, sizeof(name), "no-memory-%02u", i);
        seed_end(&seed, "peer", name);
    }
}

/* One side, or both, at other addresses: because of a NAT, on purpose, or as an attacker says.
 */
static void path_seeds(void)
{
#define MOVE(who, shift)         OP_MOVE | (who) << 4 | (shift) << 5
#define STRICT(who, shift)       OP_MOVE | (who) << 4 | (shift) << 5 | 0x80
#define MIGRATE(who, where)      OP_MIGRATE | (who) << 4, where
#define FORGE(who, jump, frames) OP_FORGE | (who) << 4 | 0x20, jump, frames
#define PING                     1, 1
#define PATH(type)               9, type, 1, 2, 3, 4, 5, 6, 7, 8
#define DEAF                     OP_STEP | 0x30, OP_LOSE
    BYTES("peer", "rebound", 0, SEND_SOME, RUN, MOVE(0, 1), SEND_SOME, RUN, RUN);
    BYTES("peer", "rebound-twice", SETUP_SHARED | SETUP_CHACHA, SEND_SOME, RUN, STRICT(0, 1),
          SEND_SOME, RUN, STRICT(0, 2), SEND_SOME, RUN, MOVE(0, 0), SEND_SOME, RUN);
    BYTES("peer", "rebound-both", SETUP_SHARED, SEND_SOME, RUN, MOVE(0, 1), MOVE(1, 2),
          SEND_SOME, RUN, SEND_SOME, RUN);
    BYTES("peer", "migrated", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(0, 1), RUN, SEND_SOME, RUN,
          MIGRATE(0, 2), RUN, SEND_SOME, RUN);
    BYTES("peer", "migrated-unshared", 0, SEND_SOME, RUN, MIGRATE(0, 1), SEND_SOME, RUN);
    BYTES("peer", "migrated-lossy", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(0, 1), OP_COLLECT,
          OP_LOSE, DEAF, RUN, SEND_SOME, OP_COLLECT, OP_COLLECT | 0x10, OP_LOSE, RUN);
    BYTES("peer", "migrated-server", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(1, 1), RUN,
          SEND_SOME, RUN);
    BYTES("peer", "migrated-to-nobody", SETUP_SHARED, SEND_SOME, RUN, STRICT(1, 0),
          MIGRATE(0, 4), RUN, SEND_SOME, RUN);
    BYTES("peer", "migrated-nowhere", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(0, 0), RUN);
    BYTES("peer", "migrated-too-soon", 0, MIGRATE(1, 1), MIGRATE(1, 2), MIGRATE(1, 3), RUN);
    BYTES("peer", "migrated-after-close", 0, OP_APP, OP_COLLECT, MIGRATE(0, 1), OP_APP | 0x10,
          OP_COLLECT | 0x10, OP_EXCHANGE, MIGRATE(0, 1), RUN);
    BYTES("peer", "migrated-and-back", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(0, 1), RUN,
          SEND_SOME, DEAF, DEAF, DEAF, DEAF, DEAF, RUN, SEND_SOME, RUN);
    BYTES("peer", "moved-closing", SETUP_SHARED, SEND_SOME, RUN, OP_APP, OP_APP | 0x10,
          OP_EXCHANGE, MOVE(0, 1), FORGE(0, 9, PING), OP_EXCHANGE, FORGE(0, 1, PING), RUN);
    BYTES("peer", "moved-aborting", SETUP_SHARED, SEND_SOME, RUN,
          OP_APP | 0x10 | APP_ABORT << 5, 9, OP_COLLECT | 0x10, OP_LOSE, MOVE(0, 1),
          FORGE(0, 9, PING), OP_EXCHANGE, FORGE(0, 1, PING), RUN);
    BYTES("peer", "moved-by-forgery", SETUP_INSECURE, SEND_SOME, RUN, MOVE(0, 1),
          FORGE(0, 9, PING), RUN, SEND_SOME, RUN);
    BYTES("peer", "moved-about", SETUP_INSECURE | SETUP_SHARED, SEND_SOME, RUN, MOVE(0, 1),
          FORGE(0, 9, PING), MOVE(0, 2), FORGE(0, 9, PING), OP_COLLECT | 0x10, MOVE(0, 3),
          FORGE(0, 9, PATH(0x0c)), OP_COLLECT | 0x10, MOVE(0, 0), RUN);
    BYTES("peer", "moved-unheard", SETUP_INSECURE | SETUP_SHARED, SEND_SOME, RUN, STRICT(0, 1),
          FORGE(0, 9, PING), STRICT(0, 3), RUN, SEND_SOME, RUN);
    BYTES("peer", "challenged", SETUP_INSECURE, MOVE(0, 1), FORGE(0, 9, PATH(0x0c)),
          FORGE(0, 9, PATH(0x0c)), FORGE(0, 9, PATH(0x0d)), RUN, MOVE(0, 2),
          FORGE(0, 9, PATH(0x0d)), FORGE(0, 9, PING), RUN);
    BYTES("peer", "challenged-where-it-left", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(0, 1), RUN,
          OP_EXCHANGE, MIGRATE(0, 2), OP_COLLECT, FORGE(1, 9, PATH(0x0c)), OP_EXCHANGE,
          FORGE(1, 9, PATH(0x0c)), RUN);
    BYTES("peer", "moved-to-other-id", SETUP_INSECURE | SETUP_SHARED, SEND_SOME, RUN,
          OP_TAKE_ID, 1, MOVE(0, 1), FORGE(0, 9, PING), RUN, OP_TAKE_ID, 2, MOVE(0, 2),
          FORGE(0, 9, PING), RUN, SEND_SOME, RUN);
    BYTES("peer", "moved-while-memory-ends", SETUP_NO_MEMORY | SETUP_INSECURE, 0, 2, SEND_SOME,
          RUN, MOVE(0, 1), SEND_SOME, RUN);
#undef MOVE
#undef STRICT
#undef MIGRATE
#undef PING
#undef DEAF
}

/* Connection IDs given and given up in the name of a side. */
static void id_seeds(void)
{
#define NEW_ID(sequence, prior, x)                                                             \
    27, 0x0a, sequence, prior, x, x, x, x, x, x, x, x, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,  \
        9, 9, 9
#define BEGIN            SETUP_INSECURE | SETUP_SHARED, SEND_SOME, RUN
#define RETIRE(sequence) 2, 0x0b, sequence
    struct seed seed;

    BYTES("peer", "ids-replaced", BEGIN, FORGE(0, 9, NEW_ID(3, 3, 7)), RUN,
          FORGE(0, 9, NEW_ID(4, 4, 8)), RUN, SEND_SOME, RUN);
    BYTES("peer", "ids-late", BEGIN, FORGE(0, 9, NEW_ID(5, 5, 7)), FORGE(0, 9, NEW_ID(4, 0, 8)),
          OP_COLLECT | 0x10, OP_LOSE, RUN, SEND_SOME, RUN);
    BYTES("peer", "ids-too-many", BEGIN, FORGE(0, 9, NEW_ID(3, 0, 7)),
          FORGE(0, 9, NEW_ID(4, 0, 8)), RUN);
    BYTES("peer", "ids-again", BEGIN, FORGE(0, 9, NEW_ID(3, 0, 7)),
          FORGE(0, 9, NEW_ID(3, 0, 7)), FORGE(0, 9, NEW_ID(3, 0, 8)), RUN);
    BYTES("peer", "ids-the-first-again", BEGIN, FORGE(0, 9, NEW_ID(0, 0, 7)), RUN);
    BYTES("peer", "ids-far", BEGIN, FORGE(0, 9, NEW_ID(63, 0, 7)), RUN, FORGE(0, 9, 28), 0x0a,
          0x40, 0x80, 0, 7, 7, 7, 7, 7, 7, 7, 7, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
          RUN);
    BYTES("peer", "ids-from-who-has-none", SETUP_INSECURE, FORGE(0, 9, NEW_ID(1, 0, 7)), RUN);
    BYTES("peer", "ids-retired", BEGIN, FORGE(0, 9, RETIRE(0)), FORGE(0, 9, RETIRE(0)),
          OP_TAKE_ID, 1, FORGE(0, 9, RETIRE(1)), RUN, OP_TAKE_ID, 2, FORGE(0, 9, RETIRE(2)),
          RUN);
    BYTES("peer", "ids-retired-and-lost", BEGIN, FORGE(0, 9, RETIRE(1)), OP_COLLECT | 0x10,
          OP_LOSE, RUN, FORGE(0, 9, RETIRE(9)), RUN);
    BYTES("peer", "ids-retired-of-the-client", BEGIN, FORGE(1, 9, RETIRE(0)), RUN,
          FORGE(1, 9, NEW_ID(3, 2, 7)), RUN, SEND_SOME, RUN);
    BYTES("peer", "ids-retired-under-a-candidate", BEGIN, OP_TAKE_ID, 1, OP_MOVE | 0x20,
          FORGE(0, 9, PATH(0x0c)), FORGE(0, 9, NEW_ID(3, 3, 7)), RUN,
          FORGE(0, 9, NEW_ID(4, 0, 8)), RUN);
    belay_write_bytes(seed_begin(&seed), (uint8_t[]){BEGIN}, 15);
    for (uint8_t i = 3; i < 14; i++)
        belay_write_bytes(
            &seed.w, (uint8_t[]){FORGE(0, 1, NEW_ID(i, i, i)), OP_COLLECT | 0x10, OP_LOSE}, 32);
    seed_end(&seed, "peer", "ids-not-let-go");
#undef FORGE
#undef PATH
#undef NEW_ID
#undef BEGIN
#undef RETIRE
#undef SEND_SOME
#undef RUN
}

void seeds_peer(void)
{
    talk_seeds();
    path_seeds();
    id_seeds();
}
