/*
 * retry.c - proof of address before anything is kept. When many handshakes are half open an
 * INIT must bring a cookie; one that does not is answered with a RETRY, which carries it.
 * That costs two tags and one or two short MACs, no memory and no work with public keys; what
 * waits to be sent is bounded, and an INIT that comes when nothing more fits costs less still.
 */
#include "endpoint/private.h"

#include "crypto/cookie.h"

#include <string.h>

_Static_assert(BELAY_COOKIE_NONCE_SIZE == BELAY_NONCE_BYTES, "a cookie covers the nonce");
_Static_assert(BELAY_COOKIE_SIZE <= BELAY_COOKIE_BYTES_MAX, "a cookie must fit");
_Static_assert(BELAY_RETRY_BYTES < BELAY_INIT_BYTES, "an answer is smaller than its cause");

/* At the most that may be half open a newer one takes the place of the oldest: never without a
 * cookie. */
static bool is_cookie_asked_for(const struct belay_core *core)
{
    size_t from = core->config.half_open_cookies;

    if (from > core->config.half_open_max)
        from = core->config.half_open_max;
    return core->half_open_count >= from;
}

static struct belay_cookie_holder holder_of(const struct belay_path *path,
                                            const struct belay_hello *init)
{
    return (struct belay_cookie_holder){
        .path = path,
        .version = init->version,
        .nonce = init->nonce,
        .client_cid = init->client_cid,
        .client_cid_len = init->client_cid_len,
    };
}

bool belay_retry_is_proof(struct belay_core *core, const struct belay_path *path,
                          const struct belay_hello *init, uint64_t now_ns)
{
    struct belay_cookie_holder holder = holder_of(path, init);

    return init->cookie_len > 0 &&
           belay_cookie_is_valid(&core->cookies, &core->suite, &holder, init->cookie,
                                 init->cookie_len, now_ns);
}

bool belay_retry_is_shed(struct belay_core *core, const struct belay_hello *init)
{
    if (init->cookie_len > 0 || core->retry.count < BELAY_RETRY_QUEUED ||
        !is_cookie_asked_for(core))
        return false;
    core->stats.retries_dropped++;
    return true;
}

/* 0: libcrypto has no memory. */
static size_t build(struct belay_core *core, const struct belay_path *path,
                    const struct belay_hello *init, uint8_t packet[BELAY_RETRY_BYTES],
                    uint64_t now_ns)
{
    struct belay_cookie_holder holder = holder_of(path, init);
    uint8_t cookie[BELAY_COOKIE_SIZE];
    struct belay_hello hello = belay_stateless_hello(init, BELAY_PACKET_RETRY);

    if (belay_cookie_make(&core->cookies, &core->suite, &holder, now_ns, cookie))
        return 0;
    hello.cookie = cookie;
    hello.cookie_len = sizeof(cookie);
    return belay_stateless_build(core, &hello, packet, BELAY_RETRY_BYTES);
}

static void queue(struct belay_core *core, const struct belay_path *path,
                  const struct belay_hello *init, uint64_t now_ns)
{
    size_t at = (core->retry.start + core->retry.count) % BELAY_RETRY_QUEUED;
    struct belay_retry *retry = &core->retry.queue[at];

    if (core->retry.count == BELAY_RETRY_QUEUED) {
        core->stats.retries_dropped++;
        return;
    }
    retry->path = *path;
    retry->len = build(core, path, init, retry->data, now_ns);
    core->retry.count += retry->len > 0;
}

bool belay_retry_admits(struct belay_core *core, const struct belay_path *path,
                        const struct belay_hello *init, uint64_t now_ns)
{
    if (!is_cookie_asked_for(core))
        return true;
    if (belay_retry_is_proof(core, path, init, now_ns)) {
        core->stats.cookies_accepted++;
        return true;
    }
    core->stats.cookies_refused += init->cookie_len > 0;
    queue(core, path, init, now_ns);
    return false;
}

bool belay_retry_send(struct belay_core *core, struct belay_train *train, uint64_t now_ns)
{
    struct belay_retry *retry = &core->retry.queue[core->retry.start];
    struct belay_trace packet = {.outgoing = true, .type = 'T', .verdict = "ok"};

    if (core->retry.count == 0)
        return false;
    memcpy(train->buffer, retry->data, retry->len);
    train->path = retry->path;
    train->len = train->segment_size = packet.len = retry->len;
    train->ecn = 0;
    core->retry.start = (core->retry.start + 1) % BELAY_RETRY_QUEUED;
    core->retry.count--;
    core->stats.retries_sent++;
    if (core->env.trace != NULL)
        core->env.trace(core->env.trace_ctx, NULL, &packet, now_ns);
    return true;
}
