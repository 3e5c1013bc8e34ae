/*
 * memory.h - memory from the caller's function, counted.
 *
 * One struct belay_mem per owner; a child passes what it takes on to its parent, so that a
 * core knows its total and a connection its own. Sizes are given back exactly: what was
 * taken with n bytes is freed with n bytes.
 */
#ifndef BELAY_BASE_MEMORY_H
#define BELAY_BASE_MEMORY_H

#include <belay/core.h>

struct belay_mem {
    struct belay_memory hook;
    struct belay_mem *parent; /* counts the same bytes, or NULL */
    size_t used_bytes, peak_bytes;
};

void belay_mem_init(struct belay_mem *mem, const struct belay_memory *hook);
void belay_mem_init_child(struct belay_mem *mem, struct belay_mem *parent);

/* As realloc: p NULL allocates, new_size 0 frees (and returns NULL). New bytes are not
 * cleared. NULL when there is no memory; p then stands as it was. */
void *belay_mem_resize(struct belay_mem *mem, void *p, size_t old_size, size_t new_size);
/* size 0 gives NULL. */
void *belay_mem_alloc(struct belay_mem *mem, size_t size);
void *belay_mem_zalloc(struct belay_mem *mem, size_t size);
void belay_mem_free(struct belay_mem *mem, void *p, size_t size);

#endif
