/*
 * forge.h - packets made by hand, from docs/protocol.md: what another version's server would
 * answer, and what a peer that breaks the rules would send (it has the keys).
 */
#ifndef BELAY_TESTS_SIM_FORGE_H
#define BELAY_TESTS_SIM_FORGE_H

#include "crypto/keys.h"
#include "crypto/seal.h"
#include "sim/story.h"
#include "wire/packet.h"

/* A VERSIONS packet that answers this INIT; returns its length. */
size_t forge_versions(const uint8_t *init, const uint32_t *versions, size_t count, uint8_t *out,
                      size_t size);
/* A REFUSE, with a code and a reason; sealed with the INIT's nonce and random. */
size_t forge_refuse(const uint8_t *init, uint64_t code, const char *reason, uint8_t *out,
                    size_t size);

/* Who has the connection's secrets, by the client's key log, and can speak for both sides. */
struct forge {
    struct keep accepts;
    uint8_t secrets[2][BELAY_SECRET_SIZE]; /* the client's, the server's */
    enum belay_seal_algorithm algorithm;
    struct belay_suite suite;
    struct belay_seal client, server;
    uint8_t server_cid[BELAY_CID_BYTES];
    struct pair *pair;
};
/* Before the connection is dialled, and after it is open. */
void forge_listen(struct forge *forge, struct pair *pair);
void forge_ready(struct forge *forge);
void forge_dispose(struct forge *forge);

/* Seals frames as packet `number` of the client and puts it before the server. */
void forge_to_server(struct forge *forge, uint64_t number, const uint8_t *frames, size_t len);
/* The same the other way. */
void forge_to_client(struct forge *forge, uint64_t number, const uint8_t *frames, size_t len);

#endif
