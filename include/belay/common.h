/*
 * common.h - what belay.h (libevent) and core.h (bring your own sockets) share:
 * time, errors, delivery modes, close codes, statistics.
 */
#ifndef BELAY_COMMON_H
#define BELAY_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Times are nanoseconds of a monotonic clock, absolute. This one means never. */
#define BELAY_NEVER UINT64_MAX

/* Every function that can fail returns 0 (BELAY_OK) or one of these. */
enum belay_error {
    BELAY_OK = 0,
    BELAY_EAGAIN = -1,    /* send queue full: wait for the writable callback */
    BELAY_EMSGSIZE = -2,  /* message larger than we or the peer allow: split it */
    BELAY_ENOTCONN = -3,  /* no connection (any more): connect again */
    BELAY_ETIMEDOUT = -4, /* the peer is silent: check host, port, firewall */
    BELAY_ERESET = -5,    /* the peer lost the connection's state (restarted), or aborted */
    BELAY_EREFUSED = -6,  /* nobody listens there, or the server refused: see the reason */
    BELAY_EPROTO = -7,    /* the peer broke the protocol: see the reason; report it */
    BELAY_ENOMEM = -8,    /* out of memory, or a configured limit of it is reached */
    BELAY_EINVAL = -9,    /* an argument is out of its documented range */
    BELAY_ECLOSED = -10,  /* close was already asked for: nothing more can be sent */
    BELAY_EEXPIRED = -11, /* the message's deadline passed before it was delivered */
    BELAY_ESYS = -12,     /* a system call failed: see belay_conn_get_errno() */
    BELAY_EVERSION = -13, /* the peer speaks no version of the protocol that we do */
    BELAY_EHOST = -14,    /* the host name has no address: see the reason */
    BELAY_EUNREACH = -15, /* no route to the peer: check the network */
    BELAY_ELIMIT = -16,   /* a configured limit (connections, channels) is reached */
    BELAY_EKEY = -17,     /* the peer has not the key or shared secret that we expect */
};

/* A static English text without a full stop, never NULL, for any value of error. */
const char *belay_strerror(int error);

/* The library's version, "major.minor.patch". */
const char *belay_version(void);

/* How a message is delivered. Each channel keeps a sequence of its own for each mode. */
enum belay_mode {
    BELAY_RELIABLE_ORDERED = 0,
    BELAY_RELIABLE_UNORDERED = 1,
    BELAY_UNRELIABLE_SEQUENCED = 2, /* on the road: EINVAL today */
    BELAY_UNRELIABLE = 3,           /* on the road: EINVAL today */
};

/* Codes in a CLOSE or REFUSE; docs/protocol.md, "Close codes". 0x100 and up are the app's. */
enum belay_close_code {
    BELAY_CLOSE_NONE = 0x00,          /* nothing wrong */
    BELAY_CLOSE_PROTOCOL = 0x01,      /* a packet broke the rules */
    BELAY_CLOSE_CREDIT = 0x02,        /* more was sent than the receiver allowed */
    BELAY_CLOSE_LIMIT = 0x03,         /* some other announced limit was passed */
    BELAY_CLOSE_MEMORY = 0x04,        /* the receiver is out of memory */
    BELAY_CLOSE_TIMEOUT = 0x05,       /* the graceful close took too long */
    BELAY_CLOSE_NOT_LISTENING = 0x06, /* the endpoint accepts no connections */
    BELAY_CLOSE_BUSY = 0x07,          /* too many connections */
    BELAY_CLOSE_ABORTED = 0x08,       /* the app freed the connection */
    BELAY_CLOSE_HANDSHAKE = 0x09,     /* another kind of handshake is asked for */
    BELAY_CLOSE_KEY = 0x0A,           /* the client expects another key, or secret */
    BELAY_CLOSE_UNAUTHORIZED = 0x0B,  /* the client's key is not one that is let in */
    BELAY_CLOSE_APP = 0x100,          /* first of the app's own codes */
};

/* Of one connection. Only ever grows at its end; pass sizeof where it is asked for. */
struct belay_stats {
    uint64_t messages_sent;         /* accepted from the app */
    uint64_t messages_acknowledged; /* stored by the peer's library */
    uint64_t messages_abandoned;    /* accepted, never acknowledged, given up */
    uint64_t messages_delivered;    /* handed to the app */
    uint64_t message_bytes_sent, message_bytes_delivered;
    uint64_t packets_sent, packets_received; /* protected packets, handshake excluded */
    uint64_t datagrams_sent, datagrams_received;
    uint64_t wire_bytes_sent, wire_bytes_received; /* UDP payload bytes */
    uint64_t packets_lost;                         /* declared lost */
    uint64_t packets_spurious;                     /* declared lost, acknowledged after all */
    uint64_t packets_retransmitted; /* packets that carried a frame sent before */
    uint64_t packets_duplicate;     /* received again, dropped */
    uint64_t packets_corrupt;       /* received, tag wrong, dropped */
    uint64_t probe_timeouts;        /* PTOs */
    uint64_t fragments_duplicate;   /* message parts received again, dropped */
    uint64_t rtt_smoothed_ns, rtt_variance_ns, rtt_min_ns, rtt_latest_ns;
    uint64_t window_bytes, in_flight_bytes; /* congestion window and use */
    uint64_t queued_bytes;                  /* accepted from the app, not yet acknowledged */
    uint64_t buffered_bytes;                /* received, not yet handed to the app */
    uint64_t memory_bytes;                  /* all that this connection holds now */
    uint64_t ranges_evicted;                /* packet ranges forgotten for want of room */
    uint64_t credit_blocked;                /* times that sending stopped for want of credit */
    uint32_t datagram_size;                 /* UDP payload bytes at most, now */
    uint32_t packet_threshold;              /* packets of reordering taken for loss, now */
    uint64_t path_changes;                  /* moves to another address, the peer's or ours */
    uint64_t packets_ce; /* sent, and marked by a queue on the way instead of dropped (ECN) */
    bool is_ecn_capable; /* the path lets ECN marks through */
    uint64_t mtu_probes_sent, mtu_probes_lost; /* of the search for larger datagrams;
                                                * refused by our system is lost, too */
    uint64_t mtu_black_holes; /* times that larger datagrams stopped getting through */
};

#ifdef __cplusplus
}
#endif
#endif
