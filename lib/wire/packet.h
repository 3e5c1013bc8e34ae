/*
 * packet.h - packet headers and handshake packets <-> bytes (docs/protocol.md). Pure
 * functions: nothing here knows a connection, a key or a clock.
 *
 * Parsers check everything that can be checked without state and leave pointers into the
 * packet; tags are the caller's business. Builders write all but the tag, and return the
 * length so far, 0 when the room does not suffice.
 */
#ifndef BELAY_WIRE_PACKET_H
#define BELAY_WIRE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BELAY_VERSION_1             1u
#define BELAY_TAG_BYTES             16
#define BELAY_CID_BYTES             8
#define BELAY_CID_BYTES_ANY         20 /* in VERSIONS: what another version may have */
#define BELAY_NONCE_BYTES           8
#define BELAY_HELLO_RANDOM_BYTES    32
#define BELAY_COOKIE_BYTES_MAX      64
#define BELAY_AEADS_MAX             8
#define BELAY_INIT_BYTES            1200
#define BELAY_RESET_TOKEN_BYTES     16
#define BELAY_RESET_BYTES           (1 + BELAY_RESET_TOKEN_BYTES)
#define BELAY_DATAGRAM_BYTES_MIN    1200
#define BELAY_DATAGRAM_BYTES_MAX    65507
#define BELAY_DATA_HEADER_BYTES_MAX (1 + BELAY_CID_BYTES + 4)
#define BELAY_PACKET_AGE_MAX        65536

enum belay_packet_type {
    BELAY_PACKET_INIT,
    BELAY_PACKET_ACCEPT,
    BELAY_PACKET_RETRY,
    BELAY_PACKET_REFUSE,
    BELAY_PACKET_VERSIONS,
    BELAY_PACKET_RESET,
    BELAY_PACKET_DATA,
    BELAY_PACKET_UNKNOWN, /* reserved or not Belay: drop */
};

enum belay_packet_type belay_packet_type_of(uint8_t first_byte);

struct belay_transport_params {
    uint32_t datagram_size, message_size, max_messages, channels, ack_delay_us;
    uint64_t max_data, idle_timeout_ms;
    bool has_reset_token;
    uint8_t reset_token[BELAY_RESET_TOKEN_BYTES];
    uint8_t
        aeads[BELAY_AEADS_MAX]; /* in INIT those on offer, best first; in ACCEPT the choice */
    size_t aeads_count;
};

/* What a peer that sent none has. */
void belay_transport_params_init(struct belay_transport_params *params);
/* 0 or BELAY_EPROTO (truncated, twice, out of range). *why gets a static text. */
int belay_transport_params_parse(struct belay_transport_params *params, const uint8_t *data,
                                 size_t len, const char **why);
size_t belay_transport_params_build(const struct belay_transport_params *params, uint8_t *out,
                                    size_t size);

/* How both sides come to keys: the byte in an INIT. What is above is of a later revision. */
enum belay_handshake_kind {
    BELAY_HANDSHAKE_INSECURE,
    BELAY_HANDSHAKE_NN, /* the Noise patterns of crypto/noise.h */
    BELAY_HANDSHAKE_NK,
    BELAY_HANDSHAKE_NNPSK0,
    BELAY_HANDSHAKE_NKPSK2,
    BELAY_HANDSHAKE_IK,
    BELAY_HANDSHAKES
};

/* INIT, ACCEPT, RETRY, REFUSE and VERSIONS, taken apart; pointers into the packet. */
struct belay_hello {
    enum belay_packet_type type;
    uint32_t version;
    const uint8_t *client_cid;
    size_t client_cid_len;
    const uint8_t *nonce;      /* BELAY_NONCE_BYTES */
    const uint8_t *server_cid; /* ACCEPT: BELAY_CID_BYTES */
    const uint8_t *cookie;     /* INIT, RETRY */
    size_t cookie_len;
    uint8_t handshake; /* INIT: enum belay_handshake_kind, or what we do not know */
    /* The payload of INIT and ACCEPT: 32 bytes that the sender drew (its random, or the public
     * key that a Noise message begins with), and right behind them the rest: transport
     * parameters, or the rest of the Noise message. */
    const uint8_t *random; /* BELAY_HELLO_RANDOM_BYTES */
    const uint8_t *params;
    size_t params_len;
    uint64_t code;      /* REFUSE */
    const char *reason; /* REFUSE: reason_len bytes, no terminator */
    size_t reason_len;
    const uint8_t *versions; /* VERSIONS: u32 each */
    size_t versions_count;
};

/*
 * packet: the whole datagram with its tag. 0; BELAY_EVERSION for an INIT whose version is not
 * ours (only version, client_cid, nonce are then set; the size rule still holds);
 * BELAY_EPROTO otherwise.
 */
int belay_hello_parse(struct belay_hello *hello, const uint8_t *packet, size_t len);

/* hello's fields as above (server_cid for ACCEPT, random + params for INIT and ACCEPT, ...).
 * INIT is padded so that with its tag it has BELAY_INIT_BYTES. Returns bytes without tag. */
size_t belay_hello_build(const struct belay_hello *hello, uint8_t *out, size_t size);

/* A DATA packet's header. */
struct belay_data_header {
    bool has_cid;
    uint8_t cid[BELAY_CID_BYTES];
    bool key_phase;
    uint32_t number_truncated;
    unsigned number_bytes; /* 1..4 */
    size_t header_len;
};

/* 0 or BELAY_EPROTO: too short for header, one byte of frames and tag; reserved bit set. */
int belay_data_header_parse(struct belay_data_header *header, const uint8_t *packet,
                            size_t len);

/* The connection ID that a DATA packet begins with, of which the beginning is there, at least
 * 1 + BELAY_CID_BYTES of it; NULL: it has none. BELAY_EPROTO: it is no DATA packet. */
int belay_data_header_cid(const uint8_t *packet, const uint8_t **cid);

/* cid NULL: none. Returns the header's length, 0 if size is too small. */
size_t belay_data_header_build(uint8_t *out, size_t size, const uint8_t *cid, bool key_phase,
                               uint64_t number, unsigned number_bytes);

/* Bytes for a packet number: RFC 9000, appendix A.2, at least 2. largest_acked is
 * UINT64_MAX when none is; then counted from first. */
unsigned belay_packet_number_bytes(uint64_t number, uint64_t largest_acked, uint64_t first);

/* RESET. parse gives the token or NULL. */
size_t belay_reset_build(uint8_t *out, size_t size, const uint8_t *token);
const uint8_t *belay_reset_parse(const uint8_t *packet, size_t len);

#endif
