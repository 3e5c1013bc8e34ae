/*
 * platform.h - the system's headers, and which of its fast paths are compiled in. Whether one
 * is used is decided at run time, per socket; BELAY_PORTABLE_IO leaves them out altogether.
 */
#ifndef BELAY_EVENT_PLATFORM_H
#define BELAY_EVENT_PLATFORM_H

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__linux__) && !defined(BELAY_PORTABLE_IO)
#define BELAY_FAST_IO 1
#else
#define BELAY_FAST_IO 0
#endif

#if BELAY_FAST_IO
#define belay_mmsghdr mmsghdr
#else
struct belay_mmsghdr {
    struct msghdr msg_hdr;
    unsigned msg_len;
};
#endif

/* linux/udp.h, for C libraries that are older than the kernel. */
#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* Room for control messages, aligned as they must be. */
union belay_control {
    char bytes[256];
    struct cmsghdr align;
};

#endif
