/*
 * settle.c - what a packet carried, when its fate is known: a table by kind of record. Frames
 * are sent again, packets never; and of a credit frame only the newest value.
 */
#include "conn/private.h"
#include "conn/records.h"

static void nothing(struct belay_connection *c, const struct belay_record *r)
{
    (void)c;
    (void)r;
}

static void ack_acked(struct belay_connection *c, const struct belay_record *r)
{
    belay_acks_confirmed(&c->acks, r->word[0]);
}

static void run_acked(struct belay_connection *c, const struct belay_record *r)
{
    belay_outbox_acked_run(&c->outbox, belay_record_channel(r), belay_record_mode(r),
                           r->word[0], (uint32_t)r->word[1]);
}

static void out_of_memory(struct belay_connection *c, int error)
{
    if (error)
        belay_connection_fail(c, BELAY_ENOMEM, BELAY_CLOSE_MEMORY,
                              "no memory to note what was acknowledged or lost");
}

static void part_acked(struct belay_connection *c, const struct belay_record *r)
{
    out_of_memory(c, belay_outbox_acked_part(&c->outbox, belay_record_channel(r),
                                             belay_record_mode(r), r->word[0], r->word[1],
                                             belay_record_length(r)));
}

static void fin_acked(struct belay_connection *c, const struct belay_record *r)
{
    (void)r;
    c->closing.fin_acked = true;
    c->due.fin = false;
}

static void run_lost(struct belay_connection *c, const struct belay_record *r)
{
    out_of_memory(c, belay_outbox_lost_run(&c->outbox, belay_record_channel(r),
                                           belay_record_mode(r), r->word[0],
                                           (uint32_t)r->word[1]));
}

static void part_lost(struct belay_connection *c, const struct belay_record *r)
{
    out_of_memory(c, belay_outbox_lost_part(&c->outbox, belay_record_channel(r),
                                            belay_record_mode(r), r->word[0], r->word[1],
                                            belay_record_length(r)));
}

static void max_data_lost(struct belay_connection *c, const struct belay_record *r)
{
    if (r->word[0] == c->inbox.announced)
        c->due.max_data = true; /* else a newer one is under way */
}

static void max_messages_lost(struct belay_connection *c, const struct belay_record *r)
{
    belay_inbox_want_max_messages(&c->inbox, belay_record_channel(r), belay_record_mode(r));
}

static void data_blocked_lost(struct belay_connection *c, const struct belay_record *r)
{
    (void)r;
    c->due.data_blocked = belay_outbox_is_data_blocked(&c->outbox);
}

static void messages_blocked_lost(struct belay_connection *c, const struct belay_record *r)
{
    (void)r;
    c->due.messages_blocked = true; /* says nothing when none is blocked any more */
}

static void fin_lost(struct belay_connection *c, const struct belay_record *r)
{
    (void)r;
    c->due.fin = !c->closing.fin_acked;
}

static void new_cid_lost(struct belay_connection *c, const struct belay_record *r)
{
    belay_own_ids_lost(&c->own_ids, r->word[0]);
}

static void retire_cid_acked(struct belay_connection *c, const struct belay_record *r)
{
    belay_their_ids_retire_acked(&c->their_ids, r->word[0]);
}

static void retire_cid_lost(struct belay_connection *c, const struct belay_record *r)
{
    belay_their_ids_retire_lost(&c->their_ids, r->word[0]);
}

static void mtu_probe_lost(struct belay_connection *c, const struct belay_record *r)
{
    (void)r;
    c->stats.mtu_probes_lost++;
}

static const struct {
    void (*acked)(struct belay_connection *c, const struct belay_record *r);
    void (*lost)(struct belay_connection *c, const struct belay_record *r);
} kinds[] = {
    [BELAY_RECORD_ACK] = {ack_acked, nothing},
    [BELAY_RECORD_RUN] = {run_acked, run_lost},
    [BELAY_RECORD_PART] = {part_acked, part_lost},
    [BELAY_RECORD_MAX_DATA] = {nothing, max_data_lost},
    [BELAY_RECORD_MAX_MESSAGES] = {nothing, max_messages_lost},
    [BELAY_RECORD_DATA_BLOCKED] = {nothing, data_blocked_lost},
    [BELAY_RECORD_MESSAGES_BLOCKED] = {nothing, messages_blocked_lost},
    [BELAY_RECORD_FIN] = {fin_acked, fin_lost},
    [BELAY_RECORD_PING] = {nothing, nothing},
    [BELAY_RECORD_NEW_CID] = {nothing, new_cid_lost},
    [BELAY_RECORD_RETIRE_CID] = {retire_cid_acked, retire_cid_lost},
    [BELAY_RECORD_MTU_PROBE] = {nothing, mtu_probe_lost},
};

void belay_connection_record_acked(void *ctx, const struct belay_record *record)
{
    struct belay_connection *c = ctx;

    c->unanswered = 0;
    kinds[belay_record_kind(record)].acked(c, record);
}

void belay_connection_record_lost(void *ctx, const struct belay_record *record)
{
    kinds[belay_record_kind(record)].lost(ctx, record);
}
