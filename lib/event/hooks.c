#include "event/hooks.h"

#include "event/address.h"
#include "event/cpu.h"
#include "event/endpoint.h"

#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LEVEL_INFO 2

static void *resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_size);
}

const struct belay_memory belay_hooks_memory = {resize, NULL};

/* Keys made of bytes that are not random are worse than no program. */
static void fill(void *ctx, void *out, size_t len)
{
    uint8_t *bytes = out;

    (void)ctx;
    while (len > 0) {
        int part = len > 1 << 20 ? 1 << 20 : (int)len;

        if (RAND_bytes(bytes, part) != 1)
            abort();
        bytes += part;
        len -= (size_t)part;
    }
}

const struct belay_random belay_hooks_random = {fill, NULL};

static const struct belay_conn *conn_of(const struct belay_core_conn *conn)
{
    return conn == NULL ? NULL : belay_core_conn_user(conn);
}

/* Says who, too: the connection may be none that the app knows, or be gone when it looks. */
static void log_line(void *ctx, int level, const struct belay_core_conn *conn,
                     const struct belay_address *remote, const char *text)
{
    char peer[BELAY_ADDRESS_TEXT];

    if (remote == NULL)
        belay_endpoint_log(ctx, level, conn_of(conn), "%s", text);
    else
        belay_endpoint_log(ctx, level, conn_of(conn), "%s: %s",
                           belay_address_format(remote, peer), text);
}

struct belay_log belay_hooks_log(struct belay_endpoint *endpoint)
{
    return (struct belay_log){log_line, endpoint};
}

/* A peer's words may be in it: they are to write no second line, and to tell a terminal
 * nothing. */
static void clean(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

void belay_endpoint_log(struct belay_endpoint *endpoint, int level,
                        const struct belay_conn *conn, const char *format, ...)
{
    char text[BELAY_ADDRESS_TEXT + 256];
    va_list args;

    if (endpoint->config.log == NULL || level > LEVEL_INFO)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    clean(text);
    endpoint->config.log(endpoint->config.log_ctx, level, conn, text);
}

void belay_hooks_trace(void *ctx, const struct belay_core_conn *conn,
                       const struct belay_trace *packet, uint64_t now_ns)
{
    const struct belay_endpoint *endpoint = ctx;

    if (endpoint->trace != NULL)
        endpoint->trace(endpoint->trace_ctx, conn_of(conn), packet, now_ns);
}

void belay_config_init(struct belay_config *config)
{
    *config = (struct belay_config){
        .socket_buffer_bytes = 4 << 20, .gso = true, .gro = true, .mmsg = true};
    belay_core_config_init(&config->core);
    if (!belay_has_fast_aes())
        config->core.aead = BELAY_AEAD_CHACHA20_POLY1305;
}
