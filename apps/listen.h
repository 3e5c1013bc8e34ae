/* listen.h - the accepting side of the programs' Belay servers: binding, and whom it takes. */
#ifndef BELAY_APPS_LISTEN_H
#define BELAY_APPS_LISTEN_H

#include "address.h"

#include <stdbool.h>
#include <stddef.h>

#include <belay/belay.h>

/* What the user asked for: where, and as it was written, for messages. */
struct listen_target {
    const char *program, *text;
    const struct address *address;
};

/* Binds the endpoint and listens there. False after printing why. */
bool listen_open(const struct listen_target *target, struct belay_endpoint *endpoint,
                 belay_accept_cb on_accept, void *ctx);

/* "in use", "no such address here": why it failed, an errno, on stderr. */
void listen_complain(const char *program, const char *text, int error);

/* In an accept callback: size zeroed bytes for what the server keeps of this client, which are
 * its connection's user pointer. NULL: there are none, and the client is told. */
void *listen_accept(struct belay_conn *conn, size_t size);

#endif
