#include "netsim/run/offload.h"

#include <errno.h>

#ifdef __linux__

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

/* Without checksums the kernel drops what builds on them: tx-udp-segmentation, for one. What a
 * driver does not know, it can't do either. */
static const unsigned off[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};

static int switch_off(int fd, const char *interface, unsigned command)
{
    struct ethtool_value value = {.cmd = command, .data = 0};
    struct ifreq request = {.ifr_data = (char *)&value};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
    return ioctl(fd, SIOCETHTOOL, &request) == 0 || errno == EOPNOTSUPP ? 0 : -1;
}

int netsim_offload_off(const char *interface)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result = 0, error;

    if (fd < 0)
        return -1;
    for (size_t i = 0; result == 0 && i < sizeof(off) / sizeof(off[0]); i++)
        result = switch_off(fd, interface, off[i]);
    error = errno;
    close(fd);
    errno = error;
    return result;
}

#else

int netsim_offload_off(const char *interface)
{
    (void)interface;
    errno = ENOSYS;
    return -1;
}

#endif
