/*
 * peer.h - what a benchmark needs of a transport, so that one more peer is one small file.
 *
 *     start -> poll until ready -> send ... flush, poll ... -> stop
 *
 * One process is either the server, which takes one client, or the client. All payloads are
 * whole messages, reliable and in order unless the peer says otherwise. Nothing blocks but
 * poll.
 */
#ifndef BELAY_BENCH_PEER_H
#define BELAY_BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench_setup {
    bool is_server;
    const char *host; /* a numeric IPv4 address, to bind or to dial */
    uint16_t port;    /* server: 0 lets the system choose, and start puts its choice here */
    size_t size;      /* bytes of the largest message */
    const char *const *words; /* of --with, NULL at the end: "insecure", "cc=bbr" */
    void (*on_message)(const void *data, size_t len); /* called from poll */
};

/* What follows name= in the words, "" for name alone; NULL: it is not there. */
const char *bench_word(const struct bench_setup *setup, const char *name);

/* What a peer knows of itself; 0 where it does not. */
struct bench_stats {
    uint64_t rtt_ns, retransmitted;
};

struct bench_peer {
    const char *name;
    const char *words;  /* those that --with may have, one blank between them */
    bool is_unreliable; /* what is lost stays lost */
    size_t batch_bytes; /* of messages that it is given between two flushes; 0: 128 KiB */
    /* 0, or -1 after printing why. */
    int (*start)(struct bench_setup *setup);
    bool (*ready)(void);                        /* connected */
    bool (*send)(const void *data, size_t len); /* queued; false: full, try after poll */
    void (*flush)(void); /* what was queued may leave now, once a batch */
    /* Takes all input that is there; waits for it, or for room to send, at most so long. False:
     * the other side left, or failed. */
    bool (*poll)(unsigned timeout_us);
    void (*stats)(struct bench_stats *stats); /* NULL: knows nothing */
    void (*stop)(void);
};

extern const struct bench_peer bench_peer; /* the one that the program is linked with */

/* For peers with a socket at hand: true when fd has one of events (POLLIN, POLLOUT). */
bool bench_wait_fd(int fd, short events, unsigned timeout_us);

#ifdef __cplusplus
}
#endif
#endif
