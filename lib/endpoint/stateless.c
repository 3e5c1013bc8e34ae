/*
 * stateless.c - answers that need no connection: VERSIONS, REFUSE, RESET. Each is smaller than
 * what caused it; a bounded number is kept and sent in a second, so that a flood of causes
 * makes no flood of answers. (RETRY, which a flood is answered with, has a file of its own.)
 */
#include "endpoint/private.h"

#include "conn/hellotag.h"
#include "crypto/token.h"

#include <stdio.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

static bool is_allowed(struct belay_core *core, uint64_t now_ns)
{
    if (now_ns - core->stateless.second_ns >= SECOND_NS) {
        core->stateless.second_ns = now_ns;
        core->stateless.in_second = 0;
    }
    if (core->stateless.in_second < BELAY_STATELESS_PER_S &&
        core->stateless.count < BELAY_STATELESS_QUEUED)
        return true;
    core->stats.answers_dropped++;
    return false;
}

static void queue(struct belay_core *core, const struct belay_path *path, char type,
                  const uint8_t *data, size_t len)
{
    size_t at = (core->stateless.start + core->stateless.count) % BELAY_STATELESS_QUEUED;
    struct belay_stateless *answer = &core->stateless.queue[at];

    answer->path = *path;
    answer->type = type;
    memcpy(answer->data, data, len);
    answer->len = len;
    core->stateless.count++;
    core->stateless.in_second++;
}

static void trace(struct belay_core *core, char type, size_t len, uint64_t now_ns)
{
    struct belay_trace packet = {.outgoing = true, .type = type, .len = len, .verdict = "ok"};

    if (core->env.trace != NULL)
        core->env.trace(core->env.trace_ctx, NULL, &packet, now_ns);
}

struct belay_hello belay_stateless_hello(const struct belay_hello *init,
                                         enum belay_packet_type type)
{
    return (struct belay_hello){
        .type = type,
        .version = init->version,
        .client_cid = init->client_cid,
        .client_cid_len = init->client_cid_len,
        .nonce = init->nonce,
        .random = init->random,
    };
}

size_t belay_stateless_build(struct belay_core *core, const struct belay_hello *hello,
                             uint8_t *packet, size_t size)
{
    size_t len = belay_hello_build(hello, packet, size - BELAY_TAG_BYTES);

    if (len == 0 || belay_hello_tag(&core->suite, hello->random, packet, len, false))
        return 0;
    return len + BELAY_TAG_BYTES;
}

static void queue_hello(struct belay_core *core, const struct belay_path *path,
                        const struct belay_hello *hello)
{
    uint8_t packet[BELAY_STATELESS_BYTES];
    size_t len = belay_stateless_build(core, hello, packet, sizeof(packet));

    if (len > 0)
        queue(core, path, hello->type == BELAY_PACKET_REFUSE ? 'R' : 'V', packet, len);
}

void belay_stateless_versions(struct belay_core *core, const struct belay_path *path,
                              const struct belay_hello *init, uint64_t now_ns)
{
    static const uint8_t versions[4] = {0, 0, 0, BELAY_VERSION_1};
    struct belay_hello hello = belay_stateless_hello(init, BELAY_PACKET_VERSIONS);

    hello.version = 0; /* of no version, as it names them */
    hello.versions = versions;
    hello.versions_count = 1;
    if (is_allowed(core, now_ns))
        queue_hello(core, path, &hello);
}

void belay_stateless_refuse(struct belay_core *core, const struct belay_path *path,
                            const struct belay_hello *init, uint64_t code, const char *reason,
                            uint64_t now_ns)
{
    struct belay_hello hello = belay_stateless_hello(init, BELAY_PACKET_REFUSE);
    char text[160];

    if (!is_allowed(core, now_ns))
        return;
    hello.code = code;
    hello.reason = reason;
    hello.reason_len = strlen(reason);
    queue_hello(core, path, &hello);
    snprintf(text, sizeof(text), "refused a client: %s", reason);
    if (core->env.log.line != NULL)
        core->env.log.line(core->env.log.ctx, 1, NULL, &path->remote, text);
}

void belay_stateless_reset(struct belay_core *core, const struct belay_path *path,
                           const uint8_t *cid, size_t cause_len, uint64_t now_ns)
{
    uint8_t token[BELAY_RESET_TOKEN_BYTES], packet[BELAY_RESET_BYTES];
    size_t len;

    if (cause_len <= BELAY_RESET_BYTES || !is_allowed(core, now_ns) ||
        belay_token_reset(&core->suite, core->config.reset_key, cid, BELAY_CID_BYTES, token))
        return;
    len = belay_reset_build(packet, sizeof(packet), token);
    queue(core, path, 'S', packet, len);
}

bool belay_stateless_send(struct belay_core *core, struct belay_train *train, uint64_t now_ns)
{
    struct belay_stateless *answer = &core->stateless.queue[core->stateless.start];

    if (core->stateless.count == 0)
        return false;
    memcpy(train->buffer, answer->data, answer->len);
    train->path = answer->path;
    train->len = train->segment_size = answer->len;
    train->ecn = 0;
    core->stateless.start = (core->stateless.start + 1) % BELAY_STATELESS_QUEUED;
    core->stateless.count--;
    core->stats.answers_sent++;
    trace(core, answer->type, answer->len, now_ns);
    return true;
}
