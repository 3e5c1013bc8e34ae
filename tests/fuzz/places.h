/*
 * places.h - the addresses that a side of peer.c is seen at, and what was sent to them. The
 * side is behind a NAT that the attacker sets: socket s is seen at place s + shift, and what is
 * sent to a place comes to the socket behind it.
 *
 * A place where the side did not prove to be gets at most three times the bytes that came from
 * there (RFC 9000, section 8.1). It did when it was told something there, and then said
 * something from there; when it said so in a forged PATH_RESPONSE, since who forges may have
 * read the challenge; and when it is the other side's own wish to go there. This is more often
 * than the other side takes it for proved, never less.
 */
#ifndef BELAY_TESTS_FUZZ_PLACES_H
#define BELAY_TESTS_FUZZ_PLACES_H

#include "fuzz.h"

#define PLACES 4

struct fuzz_places {
    uint8_t name; /* of place 0, as of fuzz_address */
    unsigned shift;
    bool is_strict; /* what is sent to a socket that the side does not use is lost */
    struct {
        size_t in_bytes, out_bytes;
        bool is_told, is_proved;
    } place[PLACES];
};

/* Place 0 is proved, by the handshake. */
void fuzz_places_init(struct fuzz_places *places, uint8_t name);
struct belay_address fuzz_places_address(const struct fuzz_places *places, unsigned place);
/* It must be a place's. */
unsigned fuzz_places_find(const struct fuzz_places *places,
                          const struct belay_address *address);
unsigned fuzz_places_of(const struct fuzz_places *places, uint32_t socket);
uint32_t fuzz_places_socket(const struct fuzz_places *places, unsigned place);

/* Bytes came from there; is_proof: if anything was ever sent there, who is there has read it.
 */
void fuzz_places_came(struct fuzz_places *places, unsigned place, size_t len, bool is_proof);
/* Bytes went there. */
void fuzz_places_went(struct fuzz_places *places, unsigned place, size_t len);

#endif
