#include "recovery/congestion.h"

#include <string.h>

static const struct belay_congestion *const controllers[] = {
    &belay_newreno,
    &belay_cubic,
    &belay_bbr,
};

const struct belay_congestion *belay_congestion_find(const char *name)
{
    for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
        if (strcmp(controllers[i]->name, name) == 0)
            return controllers[i];
    return NULL;
}
