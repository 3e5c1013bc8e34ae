/*
 * parcel.h - one copy of a packet on its way through the stages, and what befell it so far.
 *
 * The copies of a packet know of each other, so that the last one to go can say so.
 */
#ifndef NETSIM_PARCEL_H
#define NETSIM_PARCEL_H

#include "base/list.h"
#include "netsim/model/line.h"
#include "netsim/model/pipeline.h"
#include "netsim/model/store.h"

struct netsim_parcel {
    struct netsim_line_item item; /* the first member: a line gives it back */
    struct netsim_parcel *next;   /* in a list of its holder */
    struct belay_list copies;     /* the others of the same packet, in a ring */
    uint64_t id, sent_ns, t_ns;
    void *user;
    enum netsim_why why;
    unsigned stage, corrupt_bits;
    bool ce, duplicate, reordered;
    uint64_t corrupt_bit[]; /* one a stage */
};

struct netsim_parcels {
    struct netsim_store store;
    size_t bytes; /* of one */
};

void netsim_parcels_init(struct netsim_parcels *parcels, unsigned stages,
                         struct belay_mem *mem);
void netsim_parcels_dispose(struct netsim_parcels *parcels);
int netsim_parcels_reserve(struct netsim_parcels *parcels, uint64_t count);

/* NULL: no memory. */
struct netsim_parcel *netsim_parcel_new(struct netsim_parcels *parcels,
                                        const struct netsim_packet *packet, uint64_t now_ns);
struct netsim_parcel *netsim_parcel_copy(struct netsim_parcels *parcels,
                                         struct netsim_parcel *parcel);
/* Says what became of it; the parcel is gone after. */
void netsim_parcel_end(struct netsim_parcels *parcels, struct netsim_parcel *parcel,
                       struct netsim_outcome *out);

#endif
