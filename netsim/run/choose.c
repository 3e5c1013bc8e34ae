#include "netsim/run/choose.h"

#include <stdio.h>
#include <string.h>

#include "netsim/run/guard.h"

const struct netsim_backend *const netsim_choose_auto[] = {
    &netsim_backend_kernel, &netsim_backend_live, &netsim_backend_proxy, NULL};

const struct netsim_backend *netsim_choose_at(unsigned i)
{
    static const struct netsim_backend *const all[] = {
        &netsim_backend_kernel, &netsim_backend_live, &netsim_backend_proxy,
        &netsim_backend_vm};

    return i < sizeof(all) / sizeof(all[0]) ? all[i] : NULL;
}

const struct netsim_backend *netsim_choose_named(const char *name)
{
    const struct netsim_backend *backend;

    for (unsigned i = 0; (backend = netsim_choose_at(i)) != NULL; i++)
        if (strcmp(backend->name, name) == 0)
            break;
    return backend;
}

const struct netsim_backend *netsim_choose(const struct netsim_backend *const *order,
                                           const struct netsim_run_config *config,
                                           char story[NETSIM_CHOOSE_STORY])
{
    char why[NETSIM_WHY_SIZE];
    size_t used = 0;

    story[0] = '\0';
    for (; *order != NULL; order++) {
        why[0] = '\0';
        if ((*order)->can(config, why, sizeof(why)) && (*order)->probe(why, sizeof(why)))
            return *order;
        used += (size_t)snprintf(story + used, NETSIM_CHOOSE_STORY - used, "%s%s: %s",
                                 used > 0 ? "; " : "", (*order)->name, why);
        if (used >= NETSIM_CHOOSE_STORY)
            used = NETSIM_CHOOSE_STORY - 1;
    }
    return NULL;
}
