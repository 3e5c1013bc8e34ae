/*
 * hooks.h - what the core is given: memory from the C library, randomness from libcrypto, and
 * the way of its log lines and packets to the app's callbacks.
 */
#ifndef BELAY_EVENT_HOOKS_H
#define BELAY_EVENT_HOOKS_H

#include <belay/belay.h>

extern const struct belay_memory belay_hooks_memory;
extern const struct belay_random belay_hooks_random;

/* ctx of both: the struct belay_endpoint. */
struct belay_log belay_hooks_log(struct belay_endpoint *endpoint);
void belay_hooks_trace(void *ctx, const struct belay_core_conn *conn,
                       const struct belay_trace *packet, uint64_t now_ns);

/* A line of the driver's own. level as in struct belay_log; only warnings and worse go out. */
void belay_endpoint_log(struct belay_endpoint *endpoint, int level,
                        const struct belay_conn *conn, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;

#endif
