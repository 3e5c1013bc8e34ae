#include "base/memory.h"

#include <string.h>

void belay_mem_init(struct belay_mem *mem, const struct belay_memory *hook)
{
    *mem = (struct belay_mem){.hook = *hook};
}

void belay_mem_init_child(struct belay_mem *mem, struct belay_mem *parent)
{
    *mem = (struct belay_mem){.hook = parent->hook, .parent = parent};
}

static void count(struct belay_mem *mem, size_t old_size, size_t new_size)
{
    for (; mem != NULL; mem = mem->parent) {
        mem->used_bytes = mem->used_bytes - old_size + new_size;
        if (mem->used_bytes > mem->peak_bytes)
            mem->peak_bytes = mem->used_bytes;
    }
}

void *belay_mem_resize(struct belay_mem *mem, void *p, size_t old_size, size_t new_size)
{
    if (p == NULL) {
        old_size = 0;
        if (new_size == 0)
            return NULL;
    }
    void *q = mem->hook.resize(mem->hook.ctx, p, old_size, new_size);
    if (q != NULL || new_size == 0)
        count(mem, old_size, new_size);
    return q;
}

void *belay_mem_alloc(struct belay_mem *mem, size_t size)
{
    return belay_mem_resize(mem, NULL, 0, size);
}

void *belay_mem_zalloc(struct belay_mem *mem, size_t size)
{
    void *p = belay_mem_resize(mem, NULL, 0, size);
    if (p != NULL)
        memset(p, 0, size);
    return p;
}

void belay_mem_free(struct belay_mem *mem, void *p, size_t size)
{
    belay_mem_resize(mem, p, size, 0);
}
