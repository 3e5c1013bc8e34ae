#include "netsim/model/parcel.h"

#include <string.h>

void netsim_parcels_init(struct netsim_parcels *parcels, unsigned stages, struct belay_mem *mem)
{
    parcels->bytes = sizeof(struct netsim_parcel) + stages * sizeof(uint64_t);
    netsim_store_init(&parcels->store, parcels->bytes, mem);
}

void netsim_parcels_dispose(struct netsim_parcels *parcels)
{
    netsim_store_dispose(&parcels->store);
}

int netsim_parcels_reserve(struct netsim_parcels *parcels, uint64_t count)
{
    return netsim_store_reserve(
        &parcels->store, count < NETSIM_RESERVE_MAX ? (size_t)count : NETSIM_RESERVE_MAX);
}

struct netsim_parcel *netsim_parcel_new(struct netsim_parcels *parcels,
                                        const struct netsim_packet *packet, uint64_t now_ns)
{
    struct netsim_parcel *parcel = netsim_store_take(&parcels->store);

    if (parcel == NULL)
        return NULL;
    *parcel = (struct netsim_parcel){
        .item = {.len = packet->len, .ect = packet->ect},
        .id = packet->id,
        .user = packet->user,
        .sent_ns = now_ns,
    };
    belay_list_init(&parcel->copies);
    return parcel;
}

struct netsim_parcel *netsim_parcel_copy(struct netsim_parcels *parcels,
                                         struct netsim_parcel *parcel)
{
    struct netsim_parcel *copy = netsim_store_take(&parcels->store);

    if (copy == NULL)
        return NULL;
    memcpy(copy, parcel, parcels->bytes);
    belay_list_append(&parcel->copies, &copy->copies);
    return copy;
}

void netsim_parcel_end(struct netsim_parcels *parcels, struct netsim_parcel *parcel,
                       struct netsim_outcome *out)
{
    out->id = parcel->id;
    out->len = parcel->item.len;
    out->user = parcel->user;
    out->sent_ns = parcel->sent_ns;
    out->t_ns = parcel->t_ns;
    out->why = parcel->why;
    out->stage = parcel->stage;
    out->ce = parcel->ce;
    out->duplicate = parcel->duplicate;
    out->reordered = parcel->reordered;
    out->corrupt_bits = parcel->corrupt_bits;
    for (unsigned i = 0; i < parcel->corrupt_bits; i++)
        out->corrupt_bit[i] = parcel->corrupt_bit[i];
    out->last = belay_list_is_empty(&parcel->copies);
    belay_list_remove(&parcel->copies);
    netsim_store_give(&parcels->store, parcel);
}
