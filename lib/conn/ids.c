#include "conn/ids.h"

#include <string.h>

#include <belay/common.h>

#define SEEN_BITS 64

static void fill(struct belay_id *id, uint64_t sequence, const uint8_t *cid,
                 const uint8_t *token)
{
    *id = (struct belay_id){.is_used = true, .is_live = true, .sequence = sequence};
    memcpy(id->cid, cid, sizeof(id->cid));
    id->has_token = token != NULL;
    if (token != NULL)
        memcpy(id->token, token, sizeof(id->token));
}

static struct belay_id *find(struct belay_id *ids, uint64_t sequence)
{
    for (unsigned i = 0; i < BELAY_IDS_MAX; i++)
        if (ids[i].is_used && ids[i].sequence == sequence)
            return &ids[i];
    return NULL;
}

/* ------------------------------------------------------------------ ours */

void belay_own_ids_init(struct belay_own_ids *own, const uint8_t *cid)
{
    memset(own, 0, sizeof(*own));
    if (cid == NULL)
        return;
    fill(&own->ids[0], own->next_sequence++, cid, NULL);
}

int belay_own_ids_wanted(const struct belay_own_ids *own)
{
    int entry = -1;
    unsigned live = 0;

    for (unsigned i = 0; i < BELAY_IDS_MAX; i++) {
        live += own->ids[i].is_used && own->ids[i].is_live;
        if (!own->ids[i].is_used)
            entry = (int)i;
    }
    return own->next_sequence > 0 && live <= BELAY_IDS_SPARE ? entry : -1;
}

void belay_own_ids_give(struct belay_own_ids *own, int entry, const uint8_t *cid,
                        const uint8_t *token)
{
    fill(&own->ids[entry], own->next_sequence++, cid, token);
    own->ids[entry].is_due = true;
}

struct belay_id *belay_own_ids_due(struct belay_own_ids *own)
{
    for (unsigned i = 0; i < BELAY_IDS_MAX; i++)
        if (own->ids[i].is_used && own->ids[i].is_due)
            return &own->ids[i];
    return NULL;
}

void belay_own_ids_lost(struct belay_own_ids *own, uint64_t sequence)
{
    struct belay_id *id = find(own->ids, sequence);

    if (id != NULL)
        id->is_due = id->is_live;
}

int belay_own_ids_retired(struct belay_own_ids *own, uint64_t sequence)
{
    struct belay_id *id = find(own->ids, sequence);

    if (sequence >= own->next_sequence)
        return BELAY_EPROTO;
    if (id == NULL || !id->is_live)
        return 0; /* told again */
    for (unsigned i = 0; i < BELAY_IDS_MAX; i++)
        if (!own->ids[i].is_live)
            own->ids[i].is_used = false; /* nothing is under way to that one any more */
    id->is_live = id->is_due = false;
    return 0;
}

uint64_t belay_own_ids_find(const struct belay_own_ids *own, const uint8_t *cid)
{
    for (unsigned i = 0; i < BELAY_IDS_MAX; i++)
        if (own->ids[i].is_used && memcmp(own->ids[i].cid, cid, BELAY_CID_BYTES) == 0)
            return own->ids[i].sequence;
    return UINT64_MAX;
}

/* ------------------------------------------------------------------ the peer's */

void belay_their_ids_init(struct belay_their_ids *theirs, const uint8_t *cid,
                          const uint8_t *token)
{
    memset(theirs, 0, sizeof(*theirs));
    if (cid == NULL)
        return;
    theirs->has_any = true;
    theirs->floor = 1;
    fill(&theirs->ids[0], 0, cid, token);
}

/* 0; 1: it came before; BELAY_EPROTO: further ahead than we could have asked for. */
static int note_seen(struct belay_their_ids *theirs, uint64_t sequence)
{
    uint64_t mask;

    if (sequence < theirs->floor)
        return 1;
    if (sequence - theirs->floor >= SEEN_BITS)
        return BELAY_EPROTO;
    mask = UINT64_C(1) << (sequence - theirs->floor);
    if (theirs->seen & mask)
        return 1;
    theirs->seen |= mask;
    for (; theirs->seen & 1; theirs->seen >>= 1)
        theirs->floor++;
    return 0;
}

_Static_assert(BELAY_IDS_RETIRING_MAX <= 8, "a bit each");

static uint8_t bit(unsigned i)
{
    return (uint8_t)(1u << i);
}

static int note_retiring(struct belay_their_ids *theirs, uint64_t sequence)
{
    for (unsigned i = 0; i < BELAY_IDS_RETIRING_MAX; i++) {
        if ((theirs->retiring_used & bit(i)) != 0)
            continue;
        theirs->retiring_used |= bit(i);
        theirs->retiring_due |= bit(i);
        theirs->retiring[i] = sequence;
        return 0;
    }
    return BELAY_EPROTO;
}

int belay_their_ids_retire(struct belay_their_ids *theirs, int entry)
{
    struct belay_id *id = &theirs->ids[entry];

    if (!id->is_used)
        return 0;
    id->is_used = false;
    return note_retiring(theirs, id->sequence);
}

static int retire_prior(struct belay_their_ids *theirs, uint64_t prior_to)
{
    int error = 0;

    if (prior_to > theirs->retire_prior_to)
        theirs->retire_prior_to = prior_to;
    for (unsigned i = 0; i < BELAY_IDS_MAX && error == 0; i++)
        if (theirs->ids[i].is_used && theirs->ids[i].sequence < theirs->retire_prior_to)
            error = belay_their_ids_retire(theirs, (int)i);
    return error;
}

static struct belay_id *unused_entry(struct belay_their_ids *theirs)
{
    for (unsigned i = 0; i < BELAY_IDS_MAX; i++)
        if (!theirs->ids[i].is_used)
            return &theirs->ids[i];
    return NULL;
}

static int add(struct belay_their_ids *theirs, uint64_t sequence, const uint8_t *cid,
               const uint8_t *token, const char **why)
{
    struct belay_id *entry;

    *why = "it does not let connection IDs go that were given up";
    if (sequence < theirs->retire_prior_to)
        return note_retiring(theirs, sequence);
    *why = "it gave more connection IDs than are taken";
    entry = unused_entry(theirs);
    if (entry == NULL)
        return BELAY_EPROTO;
    fill(entry, sequence, cid, token);
    entry->is_due = true;
    return 0;
}

/* The peer made us give the active one up. What did so offered another. */
static void replace_active(struct belay_their_ids *theirs)
{
    int entry = belay_their_ids_fresh(theirs);

    if (entry >= 0)
        theirs->active = (unsigned)entry;
}

static int check_again(struct belay_their_ids *theirs, uint64_t sequence, const uint8_t *cid,
                       const uint8_t *token)
{
    const struct belay_id *id = find(theirs->ids, sequence);

    if (id == NULL || id->sequence == 0)
        return id == NULL ? 0 : BELAY_EPROTO; /* that of the handshake is not announced */
    return memcmp(id->cid, cid, BELAY_CID_BYTES) == 0 &&
                   memcmp(id->token, token, BELAY_RESET_TOKEN_BYTES) == 0
               ? 0
               : BELAY_EPROTO;
}

int belay_their_ids_offered(struct belay_their_ids *theirs, uint64_t sequence,
                            uint64_t retire_prior_to, const uint8_t *cid, const uint8_t *token,
                            const char **why)
{
    uint64_t active = theirs->ids[theirs->active].sequence;
    int seen;

    *why = "it has no connection ID, and gave one";
    if (!theirs->has_any)
        return BELAY_EPROTO;
    *why = "it gave a connection ID out of turn";
    seen = note_seen(theirs, sequence);
    if (seen < 0)
        return seen;
    *why = "it gave two connection IDs one number";
    if (seen > 0)
        return check_again(theirs, sequence, cid, token);
    *why = "it does not let connection IDs go that were given up";
    if (retire_prior(theirs, retire_prior_to) != 0)
        return BELAY_EPROTO;
    if (add(theirs, sequence, cid, token, why) != 0)
        return BELAY_EPROTO;
    if (active < theirs->retire_prior_to)
        replace_active(theirs);
    return 0;
}

int belay_their_ids_fresh(struct belay_their_ids *theirs)
{
    int best = -1;

    for (unsigned i = 0; i < BELAY_IDS_MAX; i++) {
        const struct belay_id *id = &theirs->ids[i];

        if (id->is_used && id->is_due &&
            (best < 0 || id->sequence < theirs->ids[best].sequence))
            best = (int)i;
    }
    if (best >= 0)
        theirs->ids[best].is_due = false;
    return best;
}

int belay_their_ids_use(struct belay_their_ids *theirs, int entry)
{
    int before = (int)theirs->active;

    theirs->active = (unsigned)entry;
    return before == entry ? 0 : belay_their_ids_retire(theirs, before);
}

bool belay_their_ids_retiring(struct belay_their_ids *theirs, uint64_t *sequence)
{
    for (unsigned i = 0; i < BELAY_IDS_RETIRING_MAX; i++) {
        if ((theirs->retiring_used & theirs->retiring_due & bit(i)) == 0)
            continue;
        theirs->retiring_due &= (uint8_t)~bit(i);
        *sequence = theirs->retiring[i];
        return true;
    }
    return false;
}

static void settle_retiring(struct belay_their_ids *theirs, uint64_t sequence, bool is_acked)
{
    for (unsigned i = 0; i < BELAY_IDS_RETIRING_MAX; i++) {
        if ((theirs->retiring_used & bit(i)) == 0 || theirs->retiring[i] != sequence)
            continue;
        if (is_acked)
            theirs->retiring_used &= (uint8_t)~bit(i);
        else
            theirs->retiring_due |= bit(i);
    }
}

void belay_their_ids_retire_lost(struct belay_their_ids *theirs, uint64_t sequence)
{
    settle_retiring(theirs, sequence, false);
}

void belay_their_ids_retire_acked(struct belay_their_ids *theirs, uint64_t sequence)
{
    settle_retiring(theirs, sequence, true);
}
