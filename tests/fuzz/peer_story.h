/*
 * peer_story.h - what the parts of the peer target share: both ends, the packets between them,
 * and what the attacker knows (peer.c).
 */
#ifndef BELAY_TESTS_FUZZ_PEER_STORY_H
#define BELAY_TESTS_FUZZ_PEER_STORY_H

#include "crypto/keys.h"
#include "crypto/seal.h"
#include "places.h"
#include "side.h"
#include "wire/packet.h"

#define BEGIN_NS     (1000 * SECOND)
#define FORGED_MAX   1000
#define FLIGHT_MAX   64
#define PHASES       4
#define SEEN_NUMBERS 32768 /* more than all that can be forged */
#define SENDS_MAX    256
#define IDS          4 /* the newest are kept */

enum { CLIENT, SERVER };

struct peer_packet {
    unsigned from, place; /* place: of the other, where it goes */
    uint32_t socket;      /* where it left */
    uint8_t *data;
    size_t len;
};

struct peer_end {
    struct fuzz_side side;
    struct belay_core_conn *conn; /* NULL: not yet, or freed */
    bool is_closed;
    uint64_t newest; /* packet number */
    struct fuzz_places places;
    uint32_t socket; /* that it sent from last */
    uint8_t ids[IDS][BELAY_CID_BYTES];
    bool has_id;
    unsigned id; /* that the attacker writes to */
    /* messages, by channel and mode */
    uint64_t sent[SIDE_CHANNELS][2], delivered[SIDE_CHANNELS][2];
    uint8_t seen[SIDE_CHANNELS][SEEN_NUMBERS / 8];
    bool is_reported[SENDS_MAX];
    uint64_t notify_count;
};

struct peer_story {
    struct belay_reader in;
    struct peer_end ends[2];
    uint64_t now_ns, first_message;
    struct peer_packet flight[FLIGHT_MAX];
    size_t flight_count, forged;
    /* the attacker's */
    struct belay_suite *suite;
    uint8_t secrets[2][BELAY_SECRET_SIZE];
    struct belay_seal seals[2][PHASES];
    bool has_seal[2][PHASES];
    enum belay_seal_algorithm algorithm;
};

/* peer_traffic.c: honest apps' messages, packets on their way, time */

/* The bytes of a message, from offset on: they say where they belong. */
void peer_fill(uint32_t channel, uint8_t mode, uint32_t number, uint64_t offset,
               const uint8_t *data, size_t len);
/* What the attacker made, or changed, arrives; is_proof: as in places.h. */
void peer_arrive_made(struct peer_story *story, unsigned from, const uint8_t *data, size_t len,
                      bool is_proof);
void peer_deliver(struct peer_story *story, const struct peer_packet *packet);
void peer_collect(struct peer_story *story, unsigned who);
void peer_exchange(struct peer_story *story);
void peer_lose_all(struct peer_story *story);
uint64_t peer_deadline(const struct peer_story *story);
void peer_run_timers(struct peer_story *story);
void peer_step(struct peer_story *story);

/* peer_forge.c: the attacker; the first are callbacks by which it overhears */
void peer_note_secret(void *ctx, const char *line);
void peer_note_packet(void *ctx, const struct belay_core_conn *conn,
                      const struct belay_trace *packet, uint64_t now_ns);
void peer_take_forge(struct peer_story *story, uint8_t op, bool is_long);
void peer_take_reset(struct peer_story *story);
void peer_take_damaged(struct peer_story *story);
void peer_take_raw(struct peer_story *story, unsigned who);

#endif
