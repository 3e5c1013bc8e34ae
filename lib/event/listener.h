/* listener.h - the accepting side of an endpoint. */
#ifndef BELAY_EVENT_LISTENER_H
#define BELAY_EVENT_LISTENER_H

#include <belay/belay.h>

struct belay_listener {
    struct belay_endpoint *endpoint;
    belay_accept_cb cb;
    void *ctx;
};

#endif
