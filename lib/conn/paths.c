#include "conn/paths.h"

#include <string.h>

#include "conn/private.h"

#define VALIDATION_PTOS 3
#define UNPROVEN_FACTOR 3
#define DEAF_PTOS       5 /* the peer is heard, but does not hear us */
/* The PTO of a path of which nothing is known: the new path may be slower than this one. */
#define PTO_MIN_NS UINT64_C(325000000)

static bool is_same_remote(const struct belay_path *a, const struct belay_path *b)
{
    return a->remote.len == b->remote.len &&
           memcmp(a->remote.bytes, b->remote.bytes, a->remote.len) == 0;
}

static bool is_same(const struct belay_path *a, const struct belay_path *b)
{
    return a->socket == b->socket && is_same_remote(a, b);
}

static uint64_t validation_ns(const struct belay_connection *c)
{
    uint64_t pto_ns = belay_recovery_pto_ns(&c->recovery);

    return VALIDATION_PTOS * (pto_ns > PTO_MIN_NS ? pto_ns : PTO_MIN_NS);
}

/* ------------------------------------------------------------------ memory */

/* False: there is none. */
static bool has_room(struct belay_connection *c)
{
    if (c->paths.more == NULL)
        c->paths.more = belay_mem_zalloc(&c->mem, sizeof(*c->paths.more));
    return c->paths.more != NULL;
}

static struct belay_candidate *active(const struct belay_connection *c)
{
    struct belay_paths_more *more = c->paths.more;

    return more != NULL && more->candidate.is_active ? &more->candidate : NULL;
}

const struct belay_path *belay_paths_candidate(const struct belay_connection *c)
{
    const struct belay_candidate *k = active(c);

    return k != NULL ? &k->path : NULL;
}

const struct belay_path *belay_paths_previous(const struct belay_connection *c)
{
    const struct belay_paths_more *more = c->paths.more;

    return more != NULL && more->has_previous ? &more->previous : NULL;
}

void belay_paths_dispose(struct belay_connection *c)
{
    belay_mem_free(&c->mem, c->paths.more, sizeof(*c->paths.more));
    c->paths.more = NULL;
}

void belay_paths_rest(struct belay_connection *c)
{
    const struct belay_paths_more *more = c->paths.more;

    if (more != NULL && !more->candidate.is_active && !more->has_previous &&
        !more->answer.is_due)
        belay_paths_dispose(c);
}

/* ------------------------------------------------------------------ candidates */

/* What was used on a path that comes to nothing is used no more. */
static void drop_candidate(struct belay_connection *c)
{
    struct belay_candidate *k = active(c);

    if (k == NULL)
        return;
    k->is_active = false;
    belay_timer_set(c, BELAY_TIMER_PATH, BELAY_NEVER);
    if (k->id >= 0 && belay_their_ids_retire(&c->their_ids, k->id) != 0)
        belay_connection_fail(c, BELAY_EPROTO, BELAY_CLOSE_PROTOCOL,
                              "the peer does not let connection IDs go that were given up");
    c->has_changed = true;
}

/* After has_room. */
static struct belay_candidate *start_candidate(struct belay_connection *c,
                                               const struct belay_path *path)
{
    struct belay_candidate *k = &c->paths.more->candidate;

    drop_candidate(c);
    *k = (struct belay_candidate){.is_active = true,
                                  .is_due = true,
                                  .path = *path,
                                  .id = -1,
                                  .own_sequence = c->paths.own_sequence};
    c->env->random.fill(c->env->random.ctx, k->data, sizeof(k->data));
    c->has_changed = true;
    return k;
}

/* The connection ID that packets carry from now on. */
static void use_id(struct belay_connection *c, int entry)
{
    if (entry >= 0 && belay_their_ids_use(&c->their_ids, entry) != 0)
        belay_connection_fail(c, BELAY_EPROTO, BELAY_CLOSE_PROTOCOL,
                              "the peer does not let connection IDs go that were given up");
    if (c->their_ids.has_any)
        memcpy(c->peer_cid, c->their_ids.ids[c->their_ids.active].cid, sizeof(c->peer_cid));
}

/* What waited for the path before goes, or is asked for, at once. */
static void begin_path(struct belay_connection *c)
{
    belay_acks_repeat(&c->acks);
    if (c->stage == BELAY_STAGE_LINGERING) {
        c->closing.answer_due = !c->closing.is_abort;
        c->due.close = c->closing.is_abort;
    } else if (c->stage == BELAY_STAGE_OPEN) {
        c->due.ping |= c->recovery.eliciting_in_flight > 0;
        c->event.rebound = true;
    }
}

static void move(struct belay_connection *c, uint64_t now_ns)
{
    struct belay_candidate *k = &c->paths.more->candidate;

    c->paths.more->previous = c->path;
    c->paths.more->has_previous = true;
    c->path = k->path;
    c->paths.own_sequence = k->own_sequence;
    k->is_active = false;
    belay_timer_set(c, BELAY_TIMER_PATH, BELAY_NEVER);
    use_id(c, k->id);
    belay_recovery_new_path(&c->recovery, k->rtt_ns, now_ns);
    c->due.probes = 0;
    c->stats.path_changes++;
    c->has_changed = true;
    begin_path(c);
}

/* ------------------------------------------------------------------ what came */

/* A peer that writes to another ID of ours changed its address on purpose: so do we take one of
 * its own that nobody has seen. */
static void choose_id(struct belay_connection *c, struct belay_candidate *k,
                      uint64_t own_sequence)
{
    k->own_sequence = own_sequence;
    if (own_sequence != c->paths.own_sequence)
        k->id = belay_their_ids_fresh(&c->their_ids);
}

static void on_highest(struct belay_connection *c, const struct belay_arrival *a, bool is_probe,
                       uint64_t now_ns)
{
    struct belay_candidate *k = active(c);
    uint64_t own_sequence =
        a->cid != NULL ? belay_own_ids_find(&c->own_ids, a->cid) : c->paths.own_sequence;

    /* Our own address alone is another: the peer does not know yet that we are there no more.
     */
    if (is_same_remote(a->path, &c->path)) {
        if (is_same(a->path, &c->path)) {
            c->path.local = a->path->local;
            c->paths.own_sequence = own_sequence;
        }
        if (k != NULL)
            k->is_wanted &= is_probe;
        return;
    }
    if (!has_room(c))
        return;
    if (k == NULL || !is_same(a->path, &k->path)) {
        k = start_candidate(c, a->path);
        choose_id(c, k, own_sequence);
        k->received_bytes = a->len;
    }
    if (is_probe)
        return;
    k->is_wanted = true;
    if (k->is_validated)
        move(c, now_ns);
}

void belay_paths_arrived(struct belay_connection *c, const struct belay_arrival *arrival,
                         bool is_probe, uint64_t now_ns)
{
    struct belay_candidate *k = active(c);

    if (k != NULL && is_same(arrival->path, &k->path)) {
        k->received_bytes += arrival->len;
        k->path.local = arrival->path->local;
    }
    if (arrival->is_highest)
        on_highest(c, arrival, is_probe, now_ns);
}

void belay_paths_on_challenge(struct belay_connection *c, const struct belay_arrival *arrival,
                              const uint8_t *data)
{
    const struct belay_candidate *k = active(c);
    uint32_t socket = arrival->path->socket;

    /* An address that we left: we are not there, and the answer would say who was. */
    if (socket != c->path.socket && !(k != NULL && socket == k->path.socket))
        return;
    if (!has_room(c))
        return;
    c->paths.more->answer.is_due = true;
    c->paths.more->answer.path = *arrival->path;
    memcpy(c->paths.more->answer.data, data, sizeof(c->paths.more->answer.data));
}

void belay_paths_on_response(struct belay_connection *c, const struct belay_arrival *arrival,
                             const uint8_t *data, uint64_t now_ns)
{
    struct belay_candidate *k = active(c);

    if (k == NULL || k->is_validated || k->sent_count == 0 ||
        !is_same(arrival->path, &k->path) || memcmp(data, k->data, sizeof(k->data)) != 0)
        return; /* late, or not asked for */
    k->is_validated = true;
    k->is_due = false;
    k->rtt_ns = k->sent_count == 1 ? now_ns - k->first_sent_ns : 0;
    /* Whoever answered once is not there for ever. */
    belay_timer_set(c, BELAY_TIMER_PATH, belay_time_add(now_ns, validation_ns(c)));
    if (k->is_own || k->is_wanted)
        move(c, now_ns);
}

void belay_paths_on_timer(struct belay_connection *c, uint64_t now_ns)
{
    struct belay_candidate *k = active(c);

    if (now_ns < c->timers_ns[BELAY_TIMER_PATH])
        return;
    if (k == NULL || k->is_validated || now_ns >= k->end_ns) {
        drop_candidate(c);
        return;
    }
    k->is_due = true;
    belay_timer_set(c, BELAY_TIMER_PATH, k->end_ns);
}

/* ------------------------------------------------------------------ on purpose */

int belay_connection_migrate(struct belay_connection *c, const struct belay_path *path)
{
    struct belay_candidate *k;
    int id = -1;

    if (c->stage != BELAY_STAGE_OPEN)
        return BELAY_ENOTCONN;
    if (path->remote.len == 0 || path->remote.len > BELAY_ADDRESS_MAX ||
        is_same(path, &c->path))
        return BELAY_EINVAL;
    if (!has_room(c))
        return BELAY_ENOMEM;
    if (c->their_ids.has_any && (id = belay_their_ids_fresh(&c->their_ids)) < 0)
        return BELAY_EAGAIN;
    k = start_candidate(c, path);
    k->is_own = true;
    k->id = id;
    return 0;
}

static bool is_path_dead(const struct belay_connection *c, uint64_t now_ns)
{
    return c->recovery.pto_count >= DEAF_PTOS ||
           (c->recovery.pto_count > 1 && now_ns - c->last_received_ns >= validation_ns(c));
}

void belay_paths_on_silence(struct belay_connection *c, uint64_t now_ns)
{
    const struct belay_path *previous = belay_paths_previous(c);
    struct belay_candidate *k;

    if (previous == NULL || active(c) != NULL || !is_path_dead(c, now_ns))
        return;
    k = start_candidate(c, previous);
    k->is_own = true;
    if (previous->socket != c->path.socket)
        k->id = belay_their_ids_fresh(&c->their_ids);
}

/* ------------------------------------------------------------------ what goes out */

static size_t probe_bytes(const struct belay_probe *probe)
{
    size_t frames = (probe->challenge != NULL) + (probe->response != NULL);

    return BELAY_DATA_HEADER_BYTES_MAX + frames * (1 + BELAY_PATH_DATA_BYTES) + BELAY_TAG_BYTES;
}

/* More than that the path must not get before it has answered. */
static bool is_allowed(const struct belay_candidate *k, const struct belay_probe *probe)
{
    uint64_t most = UNPROVEN_FACTOR * k->received_bytes;

    return k->is_own || k->is_validated ||
           (k->sent_bytes <= most && probe_bytes(probe) <= most - k->sent_bytes);
}

static const uint8_t *cid_of(const struct belay_connection *c, int entry)
{
    if (!c->peer_has_cid)
        return NULL;
    return entry >= 0 ? c->their_ids.ids[entry].cid : c->peer_cid;
}

static bool take_answer(struct belay_connection *c, struct belay_probe *probe)
{
    struct belay_candidate *k = active(c);
    struct belay_paths_more *more = c->paths.more;
    bool is_there = k != NULL && is_same(&more->answer.path, &k->path);

    probe->path = more->answer.path;
    probe->response = more->answer.data;
    probe->challenge = is_there && k->is_due ? k->data : NULL;
    probe->cid = cid_of(c, is_there ? k->id : -1);
    if (!is_there || is_allowed(k, probe))
        return true;
    probe->challenge = NULL;
    more->answer.is_due = is_allowed(k, probe);
    return more->answer.is_due;
}

bool belay_paths_next(struct belay_connection *c, struct belay_probe *probe)
{
    struct belay_candidate *k = active(c);

    if (c->paths.more != NULL && c->paths.more->answer.is_due && take_answer(c, probe))
        return true;
    if (k == NULL || !k->is_due)
        return false;
    *probe =
        (struct belay_probe){.path = k->path, .challenge = k->data, .cid = cid_of(c, k->id)};
    return is_allowed(k, probe);
}

/* Again after a PTO, then two, then four, until the time is over. */
static void challenge_sent(struct belay_connection *c, struct belay_candidate *k,
                           uint64_t now_ns)
{
    uint64_t next_ns = belay_time_add(now_ns, belay_recovery_pto_ns(&c->recovery)
                                                  << (k->sent_count < 8 ? k->sent_count : 8));

    if (k->sent_count++ == 0) {
        k->first_sent_ns = now_ns;
        k->end_ns = belay_time_add(now_ns, validation_ns(c));
    }
    k->is_due = false;
    belay_timer_set(c, BELAY_TIMER_PATH, next_ns < k->end_ns ? next_ns : k->end_ns);
}

void belay_paths_sent(struct belay_connection *c, const struct belay_probe *probe, size_t len,
                      uint64_t now_ns)
{
    struct belay_candidate *k = active(c);

    if (k != NULL && is_same(&probe->path, &k->path))
        k->sent_bytes += len;
    if (probe->response != NULL)
        c->paths.more->answer.is_due = false;
    if (probe->challenge != NULL)
        challenge_sent(c, k, now_ns);
}

/* Of the entry that was taken for the candidate: it may be another ID's by now. */
static bool is_taken_back(const struct belay_connection *c, int entry)
{
    const struct belay_id *id = &c->their_ids.ids[entry];

    return !id->is_used || id->is_due || c->their_ids.active == (unsigned)entry;
}

void belay_paths_ids_changed(struct belay_connection *c)
{
    struct belay_candidate *k = active(c);

    if (k != NULL && k->id >= 0 && is_taken_back(c, k->id))
        k->id = belay_their_ids_fresh(&c->their_ids);
    use_id(c, -1);
    c->has_changed = true;
}
