#include "event/listener.h"

#include "event/endpoint.h"

#include <errno.h>
#include <stdlib.h>

struct belay_listener *belay_endpoint_listen(struct belay_endpoint *endpoint,
                                             belay_accept_cb cb, void *ctx)
{
    struct belay_listener *listener;

    if (endpoint->listener != NULL || endpoint->socket_count == 0 || cb == NULL) {
        errno = endpoint->listener != NULL ? EBUSY : EINVAL;
        return NULL;
    }
    listener = calloc(1, sizeof(*listener));
    if (listener == NULL)
        return NULL;
    *listener = (struct belay_listener){endpoint, cb, ctx};
    endpoint->listener = listener;
    belay_core_listen(endpoint->core, true);
    return listener;
}

/* What belay_listener_new* share after the socket is there. */
static struct belay_listener *listen_or_free(struct belay_endpoint *endpoint, int error,
                                             belay_accept_cb cb, void *ctx)
{
    struct belay_listener *listener = NULL;
    int saved;

    if (error == 0)
        listener = belay_endpoint_listen(endpoint, cb, ctx);
    else if (error == BELAY_EINVAL)
        errno = EINVAL;
    else if (error == BELAY_ENOMEM)
        errno = ENOMEM;
    if (listener != NULL)
        return listener;
    saved = errno;
    belay_endpoint_free(endpoint);
    errno = saved;
    return NULL;
}

struct belay_listener *belay_listener_new(struct event_base *base,
                                          const struct belay_config *config, belay_accept_cb cb,
                                          void *ctx, unsigned flags, evutil_socket_t fd)
{
    struct belay_endpoint *endpoint =
        belay_endpoint_new_for(base, config, flags, BELAY_OWNER_LISTENER);

    if (endpoint == NULL)
        return NULL;
    return listen_or_free(endpoint, belay_endpoint_add_socket(endpoint, fd), cb, ctx);
}

struct belay_listener *belay_listener_new_bind(struct event_base *base,
                                               const struct belay_config *config,
                                               belay_accept_cb cb, void *ctx, unsigned flags,
                                               const struct sockaddr *addr, int socklen)
{
    struct belay_endpoint *endpoint =
        belay_endpoint_new_for(base, config, flags, BELAY_OWNER_LISTENER);

    if (endpoint == NULL)
        return NULL;
    return listen_or_free(endpoint, belay_endpoint_bind(endpoint, addr, socklen), cb, ctx);
}

struct belay_listener *belay_listener_new_any(struct event_base *base,
                                              const struct belay_config *config,
                                              belay_accept_cb cb, void *ctx, unsigned flags,
                                              unsigned port)
{
    struct belay_endpoint *endpoint =
        belay_endpoint_new_for(base, config, flags, BELAY_OWNER_LISTENER);

    if (endpoint == NULL)
        return NULL;
    return listen_or_free(endpoint, belay_endpoint_bind_any(endpoint, port), cb, ctx);
}

void belay_listener_free(struct belay_listener *listener)
{
    struct belay_endpoint *endpoint;

    if (listener == NULL)
        return;
    endpoint = listener->endpoint;
    belay_core_listen(endpoint->core, false);
    endpoint->listener = NULL;
    free(listener);
    belay_endpoint_mark_work(endpoint);
    belay_endpoint_release_unused(endpoint);
}

int belay_listener_enable(struct belay_listener *listener)
{
    belay_core_listen(listener->endpoint->core, true);
    return 0;
}

int belay_listener_disable(struct belay_listener *listener)
{
    belay_core_listen(listener->endpoint->core, false);
    return 0;
}

struct belay_endpoint *belay_listener_get_endpoint(struct belay_listener *listener)
{
    return listener->endpoint;
}

struct event_base *belay_listener_get_base(struct belay_listener *listener)
{
    return listener->endpoint->base;
}

evutil_socket_t belay_listener_get_fd(struct belay_listener *listener)
{
    return belay_endpoint_get_fd(listener->endpoint, 0);
}
