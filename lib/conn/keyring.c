#include "conn/keyring.h"

#include <string.h>

#define HASTY_MAX 64

static int make_seal(struct belay_keyring *ring, const uint8_t secret[BELAY_SECRET_SIZE],
                     struct belay_seal *seal)
{
    uint8_t key[BELAY_SEAL_KEY_SIZE], iv[BELAY_SEAL_IV_SIZE];
    int error = belay_keys_packet(ring->suite, secret, key, iv);

    if (error == 0)
        error = belay_seal_init(seal, ring->suite, ring->algorithm, key, iv);
    belay_wipe(key, sizeof(key));
    belay_wipe(iv, sizeof(iv));
    return error;
}

int belay_keyring_init(struct belay_keyring *ring, struct belay_mem *mem,
                       struct belay_suite *suite, enum belay_seal_algorithm algorithm,
                       const uint8_t secret_out[BELAY_SECRET_SIZE],
                       const uint8_t secret_in[BELAY_SECRET_SIZE], uint64_t first)
{
    int error;

    *ring = (struct belay_keyring){
        .mem = mem,
        .suite = suite,
        .algorithm = algorithm,
        .first_out = first,
        .first_in = first,
        .forget_ns = BELAY_NEVER,
    };
    memcpy(ring->secret_out, secret_out, BELAY_SECRET_SIZE);
    memcpy(ring->secret_in, secret_in, BELAY_SECRET_SIZE);
    error = make_seal(ring, secret_out, &ring->out);
    if (error == 0)
        error = make_seal(ring, secret_in, &ring->in);
    ring->is_ready = error == 0;
    return error;
}

static void drop_more(struct belay_keyring *ring)
{
    struct belay_keyring_more *more = ring->more;

    if (more == NULL)
        return;
    belay_seal_dispose(&more->before);
    belay_seal_dispose(&more->next);
    belay_wipe(more, sizeof(*more));
    belay_mem_free(ring->mem, more, sizeof(*more));
    ring->more = NULL;
    ring->has_before = ring->has_next = false;
}

void belay_keyring_dispose(struct belay_keyring *ring)
{
    belay_seal_dispose(&ring->out);
    belay_seal_dispose(&ring->in);
    drop_more(ring);
    belay_wipe(ring, sizeof(*ring));
}

/* ------------------------------------------------------------------ out */

bool belay_keyring_is_update_due(const struct belay_keyring *ring, uint64_t packets_max)
{
    return ring->sealed >= packets_max;
}

bool belay_keyring_may_update(const struct belay_keyring *ring)
{
    return ring->is_confirmed && !ring->has_before && ring->phase_out == ring->phase_in;
}

int belay_keyring_update(struct belay_keyring *ring, uint64_t number)
{
    uint8_t secret[BELAY_SECRET_SIZE];
    struct belay_seal seal = {0};
    int error;

    memcpy(secret, ring->secret_out, sizeof(secret));
    error = belay_keys_update(ring->suite, secret);
    if (error == 0)
        error = make_seal(ring, secret, &seal);
    if (error == 0) {
        memcpy(ring->secret_out, secret, sizeof(secret));
        belay_seal_dispose(&ring->out);
        ring->out = seal;
        ring->phase_out = !ring->phase_out;
        ring->first_out = number;
        ring->is_confirmed = false;
        ring->sealed = 0;
        ring->updates++;
    }
    belay_wipe(secret, sizeof(secret));
    return error;
}

int belay_keyring_seal(struct belay_keyring *ring, uint64_t number, uint8_t *packet,
                       size_t header_len, size_t payload_len)
{
    int error = belay_seal_wake(&ring->out, ring->suite);

    if (error != 0)
        return error;
    ring->sealed++;
    error = belay_seal_packet(&ring->out, number, packet, header_len, payload_len);
    belay_seal_nap(&ring->out, ring->suite);
    return error;
}

void belay_keyring_rest(struct belay_keyring *ring)
{
    belay_seal_rest(&ring->out);
    belay_seal_rest(&ring->in);
    if (!ring->has_before) {
        drop_more(ring); /* next is made again when asked for */
    } else {
        belay_seal_rest(&ring->more->before);
        belay_seal_rest(&ring->more->next);
    }
}

void belay_keyring_acked(struct belay_keyring *ring, uint64_t number)
{
    if (number >= ring->first_out)
        ring->is_confirmed = true;
}

/* ------------------------------------------------------------------ in */

/* Kept once made: a forger who flips the bit costs no key schedule a packet. */
static int make_next(struct belay_keyring *ring)
{
    struct belay_keyring_more *more = ring->more;
    int error;

    if (ring->has_next)
        return BELAY_OK;
    if (more == NULL)
        more = ring->more = belay_mem_zalloc(ring->mem, sizeof(*more));
    if (more == NULL)
        return BELAY_ENOMEM;
    memcpy(more->secret_next, ring->secret_in, sizeof(more->secret_next));
    error = belay_keys_update(ring->suite, more->secret_next);
    if (error == 0)
        error = make_seal(ring, more->secret_next, &more->next);
    ring->has_next = error == 0;
    return error;
}

static void step_in(struct belay_keyring *ring, uint64_t number, uint64_t forget_ns)
{
    struct belay_keyring_more *more = ring->more;

    belay_seal_dispose(&more->before);
    more->before = ring->in;
    ring->in = more->next;
    more->next = (struct belay_seal){0};
    memcpy(ring->secret_in, more->secret_next, sizeof(ring->secret_in));
    belay_wipe(more->secret_next, sizeof(more->secret_next));
    ring->has_before = true;
    ring->has_next = false;
    ring->phase_in = !ring->phase_in;
    ring->first_in = number;
    ring->forget_ns = forget_ns;
}

static int refused(struct belay_keyring *ring, int error)
{
    if (error == BELAY_EPROTO && ++ring->failed >= BELAY_SEAL_FAILURES_MAX)
        return BELAY_ELIMIT;
    return error;
}

static int open_with(struct belay_keyring *ring, struct belay_seal *seal, uint64_t number,
                     uint8_t *packet, size_t header_len, size_t payload_len)
{
    int error = belay_seal_wake(seal, ring->suite);

    if (error == 0)
        error = belay_open_packet(seal, number, packet, header_len, payload_len);
    belay_seal_nap(seal, ring->suite);
    return error;
}

/* A packet of the other phase that is no late one: the peer changed its keys. */
static int open_next(struct belay_keyring *ring, uint64_t number, uint8_t *packet,
                     size_t header_len, size_t payload_len, uint64_t next_out,
                     uint64_t forget_ns)
{
    bool follows = ring->phase_out != ring->phase_in;
    int error = make_next(ring);

    if (error == 0)
        error = open_with(ring, &ring->more->next, number, packet, header_len, payload_len);
    if (error != 0)
        return refused(ring, error);
    ring->hasty = ring->has_before ? ring->hasty + 1 : 0;
    if (ring->hasty > HASTY_MAX)
        return BELAY_ELIMIT;
    if (!follows)
        error = belay_keyring_update(ring, next_out);
    if (error == 0)
        step_in(ring, number, forget_ns);
    return error;
}

int belay_keyring_open(struct belay_keyring *ring, bool phase, uint64_t number, uint8_t *packet,
                       size_t header_len, size_t payload_len, uint64_t next_out,
                       uint64_t keep_ns, uint64_t now_ns)
{
    struct belay_seal *seal = &ring->in;

    belay_keyring_forget(ring, now_ns);
    if (phase != ring->phase_in) {
        if (number >= ring->first_in)
            return open_next(ring, number, packet, header_len, payload_len, next_out,
                             now_ns > BELAY_NEVER - keep_ns ? BELAY_NEVER : now_ns + keep_ns);
        if (!ring->has_before)
            return refused(ring, BELAY_EPROTO);
        seal = &ring->more->before;
    }
    return refused(ring, open_with(ring, seal, number, packet, header_len, payload_len));
}

void belay_keyring_forget(struct belay_keyring *ring, uint64_t now_ns)
{
    if (!ring->has_before || now_ns < ring->forget_ns)
        return;
    belay_seal_dispose(&ring->more->before);
    ring->has_before = false;
    if (!ring->has_next)
        drop_more(ring);
    ring->forget_ns = BELAY_NEVER;
}
