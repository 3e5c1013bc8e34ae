#include "netsim/run/counters.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "netsim/run/namespaces.h"

/* "  net0:     628       6    0 ...": bytes and packets received come first. */
bool netsim_counters_parse(const char *text, const char *interface, uint64_t *received)
{
    size_t len = strlen(interface);

    while (text != NULL && *text != '\0') {
        text += strspn(text, " \n");
        if (strncmp(text, interface, len) == 0 && text[len] == ':')
            return sscanf(text + len + 1, "%*u %" SCNu64, received) == 1;
        text = strchr(text, '\n');
    }
    return false;
}

static int read_here(const char *interface, uint64_t *received)
{
    FILE *in = fopen("/proc/thread-self/net/dev", "re");
    char text[4096];
    size_t len;

    if (in == NULL)
        return -1;
    len = fread(text, 1, sizeof(text) - 1, in);
    fclose(in);
    text[len] = '\0';
    if (netsim_counters_parse(text, interface, received))
        return 0;
    errno = ENODEV;
    return -1;
}

int netsim_counters_read(int net, int here, const char *interface, uint64_t *received)
{
    int result = netsim_namespaces_join(net) == 0 ? read_here(interface, received) : -1;
    int error = errno;

    if (netsim_namespaces_join(here) != 0)
        return -1;
    errno = error;
    return result;
}
