/* client.h - one run of belay-echo-client. */
#ifndef BELAY_APPS_CLIENT_H
#define BELAY_APPS_CLIENT_H

#include "transport.h"

#define CLIENT_NAME "belay-echo-client"

struct client_options {
    const struct transport_kind *kind;
    struct transport_options transport;
    const char *text; /* one message of these words; NULL: a series */
    uint64_t count;
    size_t size;
    uint64_t interval_ns; /* 0: as fast as the transport takes them */
    unsigned channel_first, channels;
    bool json, quiet;
};

/* The exit code. */
int client_run(const struct client_options *options);

#endif
