#include "netsim/live/tun.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsim/live/frame.h"
#include "netsim/live/timer.h"

struct own {
    const struct netsim_tun *tun;
    uint64_t overran_before; /* it was opened */
};

/* ------------------------------------------------------------------ the device */

static int attach(int fd, const char *name)
{
    struct ifreq request;

    memset(&request, 0, sizeof(request));
    memcpy(request.ifr_name, name, strlen(name));
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    return ioctl(fd, TUNSETIFF, &request);
}

static int set_mtu(const char *name, uint32_t mtu)
{
    struct ifreq request;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result, error;

    if (fd < 0)
        return -1;
    memset(&request, 0, sizeof(request));
    memcpy(request.ifr_name, name, strlen(name));
    request.ifr_mtu = (int)mtu;
    result = ioctl(fd, SIOCSIFMTU, &request);
    error = errno;
    close(fd);
    errno = error;
    return result;
}

int netsim_tun_new(struct netsim_tun *tun, const char *name, uint32_t mtu)
{
    int error;

    *tun = (struct netsim_tun){
        .fd = -1, .counters = -1, .frame_max = mtu + NETSIM_FRAME_HEADER + NETSIM_VLAN_TAG + 1};
    if (strlen(name) >= sizeof(tun->name)) {
        errno = ENODEV;
        return -1;
    }
    memcpy(tun->name, name, strlen(name));
    tun->fd = open(NETSIM_TUN_FILE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun->fd < 0)
        return -1;
    if (attach(tun->fd, name) == 0 && set_mtu(name, mtu) == 0) {
        tun->counters = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
        return 0;
    }
    error = errno;
    netsim_tun_free(tun);
    errno = error;
    return -1;
}

void netsim_tun_free(struct netsim_tun *tun)
{
    if (tun->fd >= 0)
        close(tun->fd);
    if (tun->counters >= 0)
        close(tun->counters);
    tun->fd = tun->counters = -1;
}

/* ------------------------------------------------------------------ its frames */

/* What the interface sent and nobody read in time: the fourth number of those sent, and eight
 * of those received stand before. */
static uint64_t count_overrun(const struct netsim_tun *tun)
{
    char text[4096];
    ssize_t len = tun->counters >= 0 ? pread(tun->counters, text, sizeof(text) - 1, 0) : -1;
    const char *at;
    uint64_t dropped = 0;

    if (len < 0)
        return 0;
    text[len] = '\0';
    at = strstr(text, tun->name);
    if (at != NULL)
        (void)!sscanf(at + strlen(tun->name),
                      ": %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &dropped);
    return dropped;
}

static uint64_t overran(const struct netsim_interface *interface)
{
    const struct own *own = interface->own;

    return count_overrun(own->tun) - own->overran_before;
}

/* A full buffer tells a frame that is cut. */
static struct netsim_buffer *read_frame(struct netsim_interface *interface, bool *more)
{
    struct netsim_buffer *frame = netsim_pool_take(interface->pool);
    uint8_t none;
    ssize_t len;

    if (frame == NULL) { /* it is read all the same, or it would be there for ever */
        *more = read(interface->fd, &none, 1) > 0;
        interface->no_memory += *more;
        return NULL;
    }
    len = read(interface->fd, frame->data, interface->pool->size_bytes);
    *more = len > 0;
    if (len > 0 && (size_t)len < interface->pool->size_bytes) {
        frame->len = (uint32_t)len;
        frame->t_ns = netsim_now_ns();
        return frame;
    }
    interface->too_long += *more;
    netsim_pool_give(interface->pool, frame);
    return NULL;
}

static unsigned receive(struct netsim_interface *interface,
                        struct netsim_buffer *frames[NETSIM_FRAMES_BATCH])
{
    unsigned count = 0;
    bool more = true;

    while (more && count < NETSIM_FRAMES_BATCH) {
        frames[count] = read_frame(interface, &more);
        count += frames[count] != NULL;
    }
    return count;
}

static void put(struct netsim_interface *interface, struct netsim_buffer *frame)
{
    interface->failed += write(interface->fd, frame->data, frame->len) != (ssize_t)frame->len;
}

static void flush(struct netsim_interface *interface)
{
    (void)interface;
}

static void close_it(struct netsim_interface *interface)
{
    free(interface->own);
}

/* What was sent before is nobody's. */
static void read_away(int fd)
{
    uint8_t none;

    while (read(fd, &none, 1) > 0)
        ;
}

int netsim_tun_open(struct netsim_interface *interface, const struct netsim_tun *tun,
                    struct netsim_pool *pool)
{
    static const struct netsim_interface_kind kind = {receive, put, flush, overran, close_it};
    struct own *own = calloc(1, sizeof(*own));

    if (own == NULL)
        return -1;
    *own = (struct own){.tun = tun, .overran_before = count_overrun(tun)};
    *interface =
        (struct netsim_interface){.kind = &kind, .fd = tun->fd, .pool = pool, .own = own};
    read_away(tun->fd);
    return 0;
}

#else

int netsim_tun_new(struct netsim_tun *tun, const char *name, uint32_t mtu)
{
    (void)name;
    (void)mtu;
    *tun = (struct netsim_tun){.fd = -1, .counters = -1};
    errno = ENOTSUP;
    return -1;
}

void netsim_tun_free(struct netsim_tun *tun)
{
    (void)tun;
}

int netsim_tun_open(struct netsim_interface *interface, const struct netsim_tun *tun,
                    struct netsim_pool *pool)
{
    (void)interface;
    (void)tun;
    (void)pool;
    errno = ENOTSUP;
    return -1;
}

#endif
