#include "delivery/keys.h"

#include <string.h>

void *belay_keys_reserve(struct belay_mem *mem, void *table, size_t *capacity, size_t key)
{
    size_t old = *capacity, grown = old > 0 ? old : BELAY_MODES;
    if (key < old)
        return table;
    while (grown <= key)
        grown *= 2;
    char *p = belay_mem_resize(mem, table, old * sizeof(void *), grown * sizeof(void *));
    if (p == NULL)
        return NULL;
    memset(p + old * sizeof(void *), 0, (grown - old) * sizeof(void *));
    *capacity = grown;
    return p;
}
