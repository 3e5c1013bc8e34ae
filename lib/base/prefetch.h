/*
 * prefetch.h - hints to the processor's cache: what will be read, or written, soon. A queue of
 * some MiB has left the cache when its turn comes.
 */
#ifndef BELAY_BASE_PREFETCH_H
#define BELAY_BASE_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

#define BELAY_CACHE_LINE     64
#define BELAY_PREFETCH_BYTES 1536 /* at most: about a packet */

#if defined(__GNUC__)
#define BELAY_PREFETCH(p, is_written) __builtin_prefetch(p, is_written)
#else
#define BELAY_PREFETCH(p, is_written) ((void)(p))
#endif

static inline size_t belay_prefetch_size(size_t len)
{
    return len < BELAY_PREFETCH_BYTES ? len : BELAY_PREFETCH_BYTES;
}

/* p may be any address. */
static inline void belay_prefetch_read(const void *p, size_t len)
{
    for (size_t i = 0; i < belay_prefetch_size(len); i += BELAY_CACHE_LINE)
        BELAY_PREFETCH((const uint8_t *)p + i, 0);
}

static inline void belay_prefetch_write(const void *p, size_t len)
{
    for (size_t i = 0; i < belay_prefetch_size(len); i += BELAY_CACHE_LINE)
        BELAY_PREFETCH((const uint8_t *)p + i, 1);
}

#endif
