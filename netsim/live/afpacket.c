#include "netsim/live/afpacket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------ buffers */

struct netsim_buffer *netsim_pool_take(struct netsim_pool *pool)
{
    struct netsim_buffer *buffer = pool->free;

    if (buffer != NULL)
        pool->free = buffer->next;
    else
        buffer = malloc(sizeof(*buffer) + pool->size_bytes);
    if (buffer != NULL)
        buffer->holders = 1;
    return buffer;
}

void netsim_pool_give(struct netsim_pool *pool, struct netsim_buffer *buffer)
{
    if (--buffer->holders > 0)
        return;
    buffer->next = pool->free;
    pool->free = buffer;
}

void netsim_pool_dispose(struct netsim_pool *pool)
{
    while (pool->free != NULL) {
        struct netsim_buffer *buffer = pool->free;

        pool->free = buffer->next;
        free(buffer);
    }
}

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
#define VLAN_TAG    4

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* Linux 4.20 */
#endif

struct netsim_afpacket_batch {
    struct netsim_buffer *frames[NETSIM_FRAMES_BATCH];
    struct mmsghdr headers[NETSIM_FRAMES_BATCH];
    struct iovec iov[NETSIM_FRAMES_BATCH];
};

/* ------------------------------------------------------------------ begin and end */

size_t netsim_afpacket_frame_max(const char *interface)
{
    struct ifreq request;
    int fd, failed;

    memset(&request, 0, sizeof(request));
    if (strlen(interface) >= sizeof(request.ifr_name)) {
        errno = ENODEV;
        return 0;
    }
    memcpy(request.ifr_name, interface, strlen(interface));
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    failed = ioctl(fd, SIOCGIFMTU, &request);
    close(fd);
    return failed ? 0 : (size_t)request.ifr_mtu + NETSIM_FRAME_HEADER + VLAN_TAG;
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

static bool map_ring(struct netsim_afpacket *port)
{
    struct tpacket_req request = {.tp_block_size = BLOCK_BYTES};
    void *ring;

    port->slot_bytes = slot_for(port->pool->size_bytes);
    if (port->slot_bytes > BLOCK_BYTES) {
        errno = EMSGSIZE;
        return false;
    }
    port->slots = RING_BYTES / port->slot_bytes;
    request.tp_block_nr = RING_BYTES / BLOCK_BYTES;
    request.tp_frame_size = (unsigned)port->slot_bytes;
    request.tp_frame_nr = (unsigned)port->slots;
    if (!set_option(port->fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2) ||
        setsockopt(port->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) != 0)
        return false;
    ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, port->fd, 0);
    if (ring == MAP_FAILED)
        return false;
    port->ring = ring;
    return true;
}

/* Bound last: until then the socket has no protocol, and no frames come in. */
static bool bind_to(int fd, const char *interface)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

    address.sll_ifindex = (int)if_nametoindex(interface);
    return address.sll_ifindex != 0 &&
           bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

int netsim_afpacket_open(struct netsim_afpacket *port, const char *interface,
                         struct netsim_pool *pool)
{
    *port = (struct netsim_afpacket){.fd = -1, .pool = pool};
    port->out = calloc(1, sizeof(*port->out));
    if (port->out == NULL)
        return -1;
    port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (port->fd < 0 || !map_ring(port))
        return -1;
    set_option(port->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    set_option(port->fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    return bind_to(port->fd, interface) ? 0 : -1;
}

void netsim_afpacket_close(struct netsim_afpacket *port)
{
    int error = errno;

    if (port->fd >= 0)
        netsim_afpacket_flush(port);
    if (port->ring != NULL)
        munmap(port->ring, RING_BYTES);
    if (port->fd >= 0)
        close(port->fd);
    free(port->out);
    *port = (struct netsim_afpacket){.fd = -1};
    errno = error;
}

/* ------------------------------------------------------------------ receiving */

static struct tpacket2_hdr *slot_at(const struct netsim_afpacket *port, size_t i)
{
    return (struct tpacket2_hdr *)(void *)(port->ring + i * port->slot_bytes);
}

static void count_overrun(struct netsim_afpacket *port)
{
    struct tpacket_stats stats;
    socklen_t len = sizeof(stats);

    if (getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
        port->overran += stats.tp_drops; /* since the last call */
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* The kernel's times are of the real-time clock; offset_ns leads to the monotonic one. NULL:
 * counted why. */
static struct netsim_buffer *take_frame(struct netsim_afpacket *port,
                                        const struct tpacket2_hdr *slot, int64_t offset_ns)
{
    struct netsim_buffer *frame;

    if (slot->tp_snaplen < slot->tp_len || slot->tp_snaplen > port->pool->size_bytes) {
        port->too_long++;
        return NULL;
    }
    frame = netsim_pool_take(port->pool);
    if (frame == NULL) {
        port->no_memory++;
        return NULL;
    }
    frame->len = slot->tp_snaplen;
    frame->t_ns = (uint64_t)((int64_t)slot->tp_sec * NS_PER_S + slot->tp_nsec + offset_ns);
    memcpy(frame->data, (const uint8_t *)slot + slot->tp_mac, frame->len);
    return frame;
}

unsigned netsim_afpacket_receive(struct netsim_afpacket *port,
                                 struct netsim_buffer *frames[NETSIM_FRAMES_BATCH])
{
    int64_t offset_ns = clock_ns(CLOCK_MONOTONIC) - clock_ns(CLOCK_REALTIME);
    unsigned count = 0;

    while (count < NETSIM_FRAMES_BATCH) {
        struct tpacket2_hdr *slot = slot_at(port, port->next);
        uint32_t status = __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);

        if ((status & TP_STATUS_USER) == 0)
            break;
        frames[count] = take_frame(port, slot, offset_ns);
        count += frames[count] != NULL;
        __atomic_store_n(&slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        port->next = (port->next + 1) % port->slots;
        if ((status & TP_STATUS_LOSING) != 0) /* some before this one */
            count_overrun(port);
    }
    return count;
}

/* ------------------------------------------------------------------ sending */

void netsim_afpacket_put(struct netsim_afpacket *port, struct netsim_buffer *frame)
{
    if (port->waiting == NETSIM_FRAMES_BATCH)
        netsim_afpacket_flush(port);
    frame->holders++;
    port->out->frames[port->waiting++] = frame;
}

void netsim_afpacket_flush(struct netsim_afpacket *port)
{
    struct netsim_afpacket_batch *out = port->out;
    unsigned at = 0;

    for (unsigned i = 0; i < port->waiting; i++) {
        out->iov[i] = (struct iovec){out->frames[i]->data, out->frames[i]->len};
        out->headers[i].msg_hdr = (struct msghdr){.msg_iov = &out->iov[i], .msg_iovlen = 1};
    }
    while (at < port->waiting) {
        int sent = sendmmsg(port->fd, out->headers + at, port->waiting - at, 0);

        if (sent > 0) {
            at += (unsigned)sent;
        } else if (errno != EINTR) {
            port->failed++;
            at++;
        }
    }
    for (unsigned i = 0; i < port->waiting; i++)
        netsim_pool_give(port->pool, out->frames[i]);
    port->waiting = 0;
}

#else

size_t netsim_afpacket_frame_max(const char *interface)
{
    (void)interface;
    errno = ENOTSUP;
    return 0;
}

int netsim_afpacket_open(struct netsim_afpacket *port, const char *interface,
                         struct netsim_pool *pool)
{
    (void)interface;
    *port = (struct netsim_afpacket){.fd = -1, .pool = pool};
    errno = ENOTSUP;
    return -1;
}

void netsim_afpacket_close(struct netsim_afpacket *port)
{
    (void)port;
}

unsigned netsim_afpacket_receive(struct netsim_afpacket *port,
                                 struct netsim_buffer *frames[NETSIM_FRAMES_BATCH])
{
    (void)port;
    (void)frames;
    return 0;
}

void netsim_afpacket_put(struct netsim_afpacket *port, struct netsim_buffer *frame)
{
    (void)port;
    (void)frame;
}

void netsim_afpacket_flush(struct netsim_afpacket *port)
{
    (void)port;
}

#endif
