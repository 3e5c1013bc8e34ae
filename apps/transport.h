/*
 * transport.h - what the client sends its messages over: Belay, or plain UDP.
 *
 *     open -> ready -> send ... received ... -> close -> ended -> free
 *
 * Callbacks come from the loop, never from inside of a call. ended is the last.
 */
#ifndef BELAY_APPS_TRANSPORT_H
#define BELAY_APPS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "security.h"

struct event_base;
struct summary_path;
struct transport;

struct transport_options {
    const char *program;
    const char *target; /* as the user wrote it, for messages */
    struct address address;
    int family;          /* AF_UNSPEC, AF_INET, AF_INET6 */
    size_t message_size; /* of the largest to be sent */
    bool unordered;
    bool paced;             /* the caller has an interval of its own */
    uint64_t timeout_ns;    /* 0: the default */
    const char *congestion; /* NULL: the default */
    struct security_options security;
};

struct transport_callbacks {
    void (*ready)(void *ctx);
    void (*writable)(void *ctx); /* after a send that said TRANSPORT_WAIT */
    void (*received)(void *ctx, unsigned channel, const void *data, size_t len);
    void (*restarted)(void *ctx); /* at another address: nothing that was sent counts */
    void (*ended)(void *ctx, const char *failure); /* NULL: closed as asked */
};

/* WAIT: writable comes, or ended. */
enum { TRANSPORT_SENT, TRANSPORT_WAIT };

struct transport_security {
    const char *cipher;    /* "none": nothing is encrypted */
    bool is_authenticated; /* it is the server that was asked for */
    const char *warning;   /* NULL: none */
};

struct transport_kind {
    const char *name; /* "plain UDP" */
    bool reliable;
    /* NULL after printing why. */
    struct transport *(*open)(struct event_base *base, const struct transport_options *options,
                              const struct transport_callbacks *callbacks, void *ctx);
    int (*send)(struct transport *transport, unsigned channel, const void *data, size_t len);
    /* Graceful: ended comes. */
    void (*close)(struct transport *transport);
    /* Both ways, UDP payload bytes; packets that carried something again. */
    void (*wire)(struct transport *transport, uint64_t *bytes, uint64_t *retransmitted);
    /* False: nothing is known of it. */
    bool (*path)(struct transport *transport, struct summary_path *path);
    /* UDP payload bytes that came, whatever was in them. */
    uint64_t (*heard_bytes)(struct transport *transport);
    const char *(*peer)(struct transport *transport);
    void (*security)(struct transport *transport, struct transport_security *security);
    void (*free)(struct transport *transport);
};

extern const struct transport_kind transport_plain, transport_belay;

#endif
