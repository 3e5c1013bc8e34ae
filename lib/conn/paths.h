/*
 * paths.h - a connection whose peer, or whose own side, changes its address (RFC 9000, sections
 * 8.2 and 9; docs/protocol.md, "Paths").
 *
 * The connection has one path; all that is not a probe goes there. At most one other, the
 * candidate, is being validated: a PATH_CHALLENGE went there, and only who answers it from
 * there is there. The newest candidate wins. The connection moves
 *
 *     to where the peer is     when the candidate is validated, and the newest packet of the
 *                              peer that is more than a probe came from there
 *     on purpose               when it is validated
 *     back                     on purpose, too: to the path before, when this one is silent
 *
 * To a candidate that the peer brought up go no more than three times the bytes that came from
 * there until it is validated. Of the peer's challenges the newest is answered, where it came
 * from. So everything here is bounded, whoever sends what. Where there is no memory for it a
 * probe counts as lost: it will come again.
 */
#ifndef BELAY_CONN_PATHS_H
#define BELAY_CONN_PATHS_H

#include <belay/core.h>

#include "wire/frame.h"
#include "wire/packet.h"

struct belay_connection;

/* A DATA packet that opened and is new: where it came from. */
struct belay_arrival {
    const struct belay_path *path;
    const uint8_t *cid; /* of ours, that it was sent to; NULL: none */
    size_t len;
    bool is_highest; /* its number is above all before */
};

struct belay_candidate {
    bool is_active, is_validated;
    bool is_wanted; /* the peer is there */
    bool is_own;    /* we want to be there */
    bool is_due;    /* the challenge is to be sent */
    struct belay_path path;
    int id; /* the entry of the peer's connection ID for it; -1: the active one */
    uint64_t own_sequence; /* of the ID of ours that came from there */
    uint8_t data[BELAY_PATH_DATA_BYTES];
    unsigned sent_count;
    uint64_t first_sent_ns, end_ns;
    uint64_t rtt_ns; /* 0: not known */
    uint64_t received_bytes, sent_bytes;
};

/* What few connections have. */
struct belay_paths_more {
    struct belay_candidate candidate;
    bool has_previous;
    struct belay_path previous;
    struct {
        bool is_due;
        struct belay_path path;
        uint8_t data[BELAY_PATH_DATA_BYTES];
    } answer;
};

struct belay_paths {
    struct belay_paths_more *more; /* NULL: there is but the one path */
    uint64_t own_sequence;         /* of the ID of ours that the peer uses */
};

/* A probe to be built now: one packet, of at most room bytes. */
struct belay_probe {
    struct belay_path path;
    const uint8_t *cid;       /* NULL: none */
    const uint8_t *challenge; /* NULL: none */
    const uint8_t *response;  /* NULL: none */
};

/* Before its frames take effect. is_probe: it has but frames of probes. */
void belay_paths_arrived(struct belay_connection *c, const struct belay_arrival *arrival,
                         bool is_probe, uint64_t now_ns);
void belay_paths_on_challenge(struct belay_connection *c, const struct belay_arrival *arrival,
                              const uint8_t *data);
void belay_paths_on_response(struct belay_connection *c, const struct belay_arrival *arrival,
                             const uint8_t *data, uint64_t now_ns);
void belay_paths_on_timer(struct belay_connection *c, uint64_t now_ns);
/* A PTO; after several the path before is asked. */
void belay_paths_on_silence(struct belay_connection *c, uint64_t now_ns);

bool belay_paths_next(struct belay_connection *c, struct belay_probe *probe);
/* It was built, len bytes. */
void belay_paths_sent(struct belay_connection *c, const struct belay_probe *probe, size_t len,
                      uint64_t now_ns);

/* The entries of the peer's IDs have changed under the candidate. */
void belay_paths_ids_changed(struct belay_connection *c);

/* The paths on which packets may come, beside the present one; NULL: none. */
const struct belay_path *belay_paths_candidate(const struct belay_connection *c);
const struct belay_path *belay_paths_previous(const struct belay_connection *c);

/* Gives back what memory is not needed, or all. */
void belay_paths_rest(struct belay_connection *c);
void belay_paths_dispose(struct belay_connection *c);

#endif
