#include "netsim/live/interface.h"

#include <stdlib.h>

/* ------------------------------------------------------------------ buffers */

struct netsim_buffer *netsim_pool_take(struct netsim_pool *pool)
{
    struct netsim_buffer *buffer = pool->free;

    if (buffer != NULL)
        pool->free = buffer->next;
    else
        buffer = malloc(sizeof(*buffer) + pool->size_bytes);
    if (buffer != NULL)
        buffer->holders = 1;
    return buffer;
}

void netsim_pool_give(struct netsim_pool *pool, struct netsim_buffer *buffer)
{
    if (--buffer->holders > 0)
        return;
    buffer->next = pool->free;
    pool->free = buffer;
}

void netsim_pool_dispose(struct netsim_pool *pool)
{
    while (pool->free != NULL) {
        struct netsim_buffer *buffer = pool->free;

        pool->free = buffer->next;
        free(buffer);
    }
}

/* ------------------------------------------------------------------ an interface */

void netsim_interface_close(struct netsim_interface *interface)
{
    if (interface->kind != NULL)
        interface->kind->close(interface);
    *interface = (struct netsim_interface){.fd = -1};
}

unsigned netsim_interface_receive(struct netsim_interface *interface,
                                  struct netsim_buffer *frames[NETSIM_FRAMES_BATCH])
{
    return interface->kind->receive(interface, frames);
}

void netsim_interface_put(struct netsim_interface *interface, struct netsim_buffer *frame)
{
    interface->kind->put(interface, frame);
}

void netsim_interface_flush(struct netsim_interface *interface)
{
    interface->kind->flush(interface);
}

uint64_t netsim_interface_overran(const struct netsim_interface *interface)
{
    return interface->kind->overran(interface);
}
