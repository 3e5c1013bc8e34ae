/*
 * plain.h - malloc's memory, uncounted, for what a test is not about.
 */
#ifndef BELAY_TESTS_SUPPORT_PLAIN_H
#define BELAY_TESTS_SUPPORT_PLAIN_H

#include <stddef.h>
#include <stdlib.h>

static inline void *plain_resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    (void)ctx, (void)old_size;
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

#endif
