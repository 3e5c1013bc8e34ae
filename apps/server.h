/* server.h - one run of belay-echo-server, over Belay or plain UDP. */
#ifndef BELAY_APPS_SERVER_H
#define BELAY_APPS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "security.h"

#define SERVER_NAME "belay-echo-server"

struct event_base;
struct report;
struct server;

struct server_options {
    const char *listen; /* as the user wrote it, for messages */
    struct address address;
    bool plain, quiet, json;
    const char *congestion; /* NULL: the default */
    struct security_options security;
};

struct server_kind {
    /* Bound and reported; NULL after printing why. */
    struct server *(*open)(struct event_base *base, const struct server_options *options,
                           struct report *report);
    /* Takes nothing new, ends what is open, then breaks the loop. */
    void (*drain)(struct server *server);
    void (*free)(struct server *server);
};

extern const struct server_kind server_plain, server_belay;

/* "in use", "no such address here": why listening at an address failed, on stderr. */
void server_complain(const struct server_options *options, int error);

#endif
