#include "netsim/run/switches.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int netsim_switches_set(const char *name, const char *value)
{
    char file[128];
    size_t len = strlen(value);
    int fd;
    ssize_t written;

    snprintf(file, sizeof(file), "/proc/sys/net/%s", name);
    fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    written = write(fd, value, len);
    close(fd);
    return written == (ssize_t)len ? 0 : -1;
}
