#include "netsim/live/nat.h"

#include <stdlib.h>

#include "netsim/live/frame.h"

#define PORTS      65536
#define FIRST_PORT 1024

struct binding {
    uint64_t generation; /* 1 + the rebinds before it; 0: never bound */
    uint16_t other;      /* the port on the other side */
};

struct netsim_nat {
    uint64_t generation;
    uint16_t cursor; /* outside ports from here on have been idle longest */
    struct binding inside[PORTS], outside[PORTS];
};

struct netsim_nat *netsim_nat_new(void)
{
    struct netsim_nat *nat = calloc(1, sizeof(*nat));

    if (nat == NULL)
        return NULL;
    nat->generation = 1;
    nat->cursor = FIRST_PORT;
    return nat;
}

void netsim_nat_free(struct netsim_nat *nat)
{
    free(nat);
}

void netsim_nat_rebind(struct netsim_nat *nat, uint64_t rebinds)
{
    if (rebinds + 1 > nat->generation)
        nat->generation = rebinds + 1;
}

/* Of this binding or the last: someone may still send there. */
static bool is_known(const struct netsim_nat *nat, uint16_t outside)
{
    return nat->outside[outside].generation != 0 &&
           nat->outside[outside].generation + 1 >= nat->generation;
}

/* When all are taken, the one at the cursor changes hands. */
static uint16_t take_port(struct netsim_nat *nat)
{
    uint16_t port = nat->cursor;

    for (unsigned i = FIRST_PORT; i < PORTS && is_known(nat, port); i++)
        port = port == PORTS - 1 ? FIRST_PORT : (uint16_t)(port + 1);
    nat->cursor = port == PORTS - 1 ? FIRST_PORT : (uint16_t)(port + 1);
    return port;
}

uint16_t netsim_nat_out(struct netsim_nat *nat, uint16_t inside)
{
    struct binding *binding = &nat->inside[inside];

    if (binding->generation == nat->generation && nat->outside[binding->other].other == inside)
        return binding->other;
    binding->other = nat->generation == 1 ? inside : take_port(nat);
    binding->generation = nat->generation;
    nat->outside[binding->other] =
        (struct binding){.generation = nat->generation, .other = inside};
    return binding->other;
}

bool netsim_nat_back(const struct netsim_nat *nat, uint16_t outside, uint16_t *inside)
{
    const struct binding *binding = &nat->outside[outside];

    *inside = outside;
    if (nat->generation == 1)
        return true; /* not yet in the way of anything */
    *inside = binding->other;
    return binding->generation == nat->generation;
}

void netsim_nat_frame_out(struct netsim_nat *nat, uint8_t *frame, size_t len)
{
    struct netsim_frame view;

    netsim_frame_read(&view, frame, len);
    if (view.udp_at == 0)
        return;
    netsim_frame_set_port(
        &view, frame, NETSIM_FRAME_SOURCE,
        netsim_nat_out(nat, netsim_frame_port(&view, frame, NETSIM_FRAME_SOURCE)));
}

bool netsim_nat_frame_back(const struct netsim_nat *nat, uint8_t *frame, size_t len)
{
    struct netsim_frame view;
    uint16_t inside;
    size_t quoted_at;

    netsim_frame_read(&view, frame, len);
    if (view.udp_at != 0) {
        if (!netsim_nat_back(nat, netsim_frame_port(&view, frame, NETSIM_FRAME_DESTINATION),
                             &inside))
            return false;
        netsim_frame_set_port(&view, frame, NETSIM_FRAME_DESTINATION, inside);
        return true;
    }
    quoted_at = netsim_frame_quoted_udp(&view, frame, len);
    if (quoted_at == 0)
        return true;
    if (!netsim_nat_back(nat, (uint16_t)(frame[quoted_at] << 8 | frame[quoted_at + 1]),
                         &inside))
        return false;
    netsim_frame_set_quoted_port(&view, frame, quoted_at, NETSIM_FRAME_SOURCE, inside);
    return true;
}
