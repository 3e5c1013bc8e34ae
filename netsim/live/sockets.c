#include "netsim/live/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int netsim_sockets_open(const struct netsim_sockets *sockets, int domain, int type)
{
    int fd = sockets->open != NULL ? sockets->open(sockets->arg, domain, type)
                                   : socket(domain, type, 0);

    if (fd < 0)
        return -1;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return netsim_socket_close_failed(fd);
    return fd;
}

void netsim_socket_set(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

int netsim_socket_close_failed(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
    return -1;
}
