#include "netsim/live/afpacket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "netsim/live/frame.h"

#define RING_BYTES  (16u << 20)
#define BLOCK_BYTES (128u << 10) /* the kernel's unit, a multiple of a slot */
#define SLOT_MIN    2048u
#define NS_PER_S    INT64_C(1000000000)

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* Linux 4.20 */
#endif

struct afpacket {
    uint8_t *ring;            /* NULL: none */
    size_t slots, slot_bytes; /* of the ring */
    size_t next;              /* slot to be read */
    uint64_t overran;
    unsigned waiting; /* frames to be sent */
    struct netsim_buffer *frames[NETSIM_FRAMES_BATCH];
    struct mmsghdr headers[NETSIM_FRAMES_BATCH];
    struct iovec iov[NETSIM_FRAMES_BATCH];
};

/* ------------------------------------------------------------------ what it needs */

size_t netsim_afpacket_frame_max(const char *name)
{
    struct ifreq request;
    int fd, failed;

    memset(&request, 0, sizeof(request));
    if (strlen(name) >= sizeof(request.ifr_name)) {
        errno = ENODEV;
        return 0;
    }
    memcpy(request.ifr_name, name, strlen(name));
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    failed = ioctl(fd, SIOCGIFMTU, &request);
    close(fd);
    return failed ? 0 : (size_t)request.ifr_mtu + NETSIM_FRAME_HEADER + NETSIM_VLAN_TAG;
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* A power of two with room for the kernel's header and a frame. */
static size_t slot_for(size_t frame_bytes)
{
    size_t slot = SLOT_MIN;

    while (slot < TPACKET2_HDRLEN + TPACKET_ALIGNMENT + frame_bytes)
        slot *= 2;
    return slot;
}

static bool map_ring(const struct netsim_interface *interface, struct afpacket *own)
{
    struct tpacket_req request = {.tp_block_size = BLOCK_BYTES};
    void *ring;

    own->slot_bytes = slot_for(interface->pool->size_bytes);
    if (own->slot_bytes > BLOCK_BYTES) {
        errno = EMSGSIZE;
        return false;
    }
    own->slots = RING_BYTES / own->slot_bytes;
    request.tp_block_nr = RING_BYTES / BLOCK_BYTES;
    request.tp_frame_size = (unsigned)own->slot_bytes;
    request.tp_frame_nr = (unsigned)own->slots;
    if (!set_option(interface->fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2) ||
        setsockopt(interface->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) != 0)
        return false;
    ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, interface->fd, 0);
    if (ring == MAP_FAILED)
        return false;
    own->ring = ring;
    return true;
}

/* Bound last: until then the socket has no protocol, and no frames come in. */
static bool bind_to(int fd, const char *name)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

    address.sll_ifindex = (int)if_nametoindex(name);
    return address.sll_ifindex != 0 &&
           bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* ------------------------------------------------------------------ receiving */

static struct tpacket2_hdr *next_slot(const struct afpacket *own)
{
    return (struct tpacket2_hdr *)(void *)(own->ring + own->next * own->slot_bytes);
}

static void count_overrun(const struct netsim_interface *interface, struct afpacket *own)
{
    struct tpacket_stats stats;
    socklen_t len = sizeof(stats);

    if (getsockopt(interface->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
        own->overran += stats.tp_drops; /* since the last call */
}

static uint64_t overran(const struct netsim_interface *interface)
{
    return ((const struct afpacket *)interface->own)->overran;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* The kernel's times are of the real-time clock; offset_ns leads to the monotonic one. NULL:
 * counted why. */
static struct netsim_buffer *take_frame(struct netsim_interface *interface,
                                        const struct tpacket2_hdr *slot, int64_t offset_ns)
{
    struct netsim_buffer *frame;

    if (slot->tp_snaplen < slot->tp_len || slot->tp_snaplen > interface->pool->size_bytes) {
        interface->too_long++;
        return NULL;
    }
    frame = netsim_pool_take(interface->pool);
    if (frame == NULL) {
        interface->no_memory++;
        return NULL;
    }
    frame->len = slot->tp_snaplen;
    frame->t_ns = (uint64_t)((int64_t)slot->tp_sec * NS_PER_S + slot->tp_nsec + offset_ns);
    memcpy(frame->data, (const uint8_t *)slot + slot->tp_mac, frame->len);
    return frame;
}

static unsigned receive(struct netsim_interface *interface,
                        struct netsim_buffer *frames[NETSIM_FRAMES_BATCH])
{
    int64_t offset_ns = clock_ns(CLOCK_MONOTONIC) - clock_ns(CLOCK_REALTIME);
    struct afpacket *own = interface->own;
    unsigned count = 0;

    while (count < NETSIM_FRAMES_BATCH) {
        struct tpacket2_hdr *slot = next_slot(own);
        uint32_t status = __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);

        if ((status & TP_STATUS_USER) == 0)
            break;
        frames[count] = take_frame(interface, slot, offset_ns);
        count += frames[count] != NULL;
        __atomic_store_n(&slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        own->next = (own->next + 1) % own->slots;
        if ((status & TP_STATUS_LOSING) != 0) /* some before this one */
            count_overrun(interface, own);
    }
    return count;
}

/* ------------------------------------------------------------------ sending */

static void flush(struct netsim_interface *interface)
{
    struct afpacket *own = interface->own;
    unsigned at = 0;

    for (unsigned i = 0; i < own->waiting; i++) {
        own->iov[i] = (struct iovec){own->frames[i]->data, own->frames[i]->len};
        own->headers[i].msg_hdr = (struct msghdr){.msg_iov = &own->iov[i], .msg_iovlen = 1};
    }
    while (at < own->waiting) {
        int sent = sendmmsg(interface->fd, own->headers + at, own->waiting - at, 0);

        if (sent > 0) {
            at += (unsigned)sent;
        } else if (errno != EINTR) {
            interface->failed++;
            at++;
        }
    }
    for (unsigned i = 0; i < own->waiting; i++)
        netsim_pool_give(interface->pool, own->frames[i]);
    own->waiting = 0;
}

static void put(struct netsim_interface *interface, struct netsim_buffer *frame)
{
    struct afpacket *own = interface->own;

    if (own->waiting == NETSIM_FRAMES_BATCH)
        flush(interface);
    frame->holders++;
    own->frames[own->waiting++] = frame;
}

/* ------------------------------------------------------------------ begin and end */

static void close_all(struct netsim_interface *interface)
{
    struct afpacket *own = interface->own;
    int error = errno;

    if (own->waiting > 0)
        flush(interface);
    if (own->ring != NULL)
        munmap(own->ring, RING_BYTES);
    if (interface->fd >= 0)
        close(interface->fd);
    free(own);
    errno = error;
}

int netsim_afpacket_open(struct netsim_interface *interface, const char *name,
                         struct netsim_pool *pool)
{
    static const struct netsim_interface_kind kind = {receive, put, flush, overran, close_all};
    struct afpacket *own = calloc(1, sizeof(*own));

    if (own == NULL)
        return -1;
    *interface = (struct netsim_interface){.kind = &kind, .fd = -1, .pool = pool, .own = own};
    interface->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (interface->fd >= 0 && map_ring(interface, own)) {
        set_option(interface->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
        set_option(interface->fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
        if (bind_to(interface->fd, name))
            return 0;
    }
    netsim_interface_close(interface);
    return -1;
}

#else

size_t netsim_afpacket_frame_max(const char *name)
{
    (void)name;
    errno = ENOTSUP;
    return 0;
}

int netsim_afpacket_open(struct netsim_interface *interface, const char *name,
                         struct netsim_pool *pool)
{
    (void)interface;
    (void)name;
    (void)pool;
    errno = ENOTSUP;
    return -1;
}

#endif
