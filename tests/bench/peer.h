/*
 * peer.h - what a benchmark needs of a transport, so that one more peer is one small file.
 *
 * One process is either the server (one client) or the client. All payloads are whole
 * messages, reliable and in order. Nothing blocks but wait.
 */
#ifndef BELAY_BENCH_PEER_H
#define BELAY_BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_peer {
    const char *name;
    /* Binds (server: *port gets the port chosen on 127.0.0.1) or dials *port. on_message is
     * called from wait. 0 or -1. */
    int (*start)(bool is_server, uint16_t *port,
                 void (*on_message)(const void *data, size_t len));
    bool (*ready)(void);                        /* connected */
    bool (*ended)(void);                        /* the other side left, or failed */
    bool (*send)(const void *data, size_t len); /* queued; false: full, try after wait */
    void (*flush)(void); /* what was queued may leave now, once a batch */
    void (*wait)(void);  /* for input, at most 10 ms; takes all that is there */
    void (*stop)(void);
};

extern const struct bench_peer bench_peer; /* the one that the program is linked with */

#endif
