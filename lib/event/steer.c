#include "event/steer.h"

#include <errno.h>

#if defined(__linux__)

#include <linux/filter.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_ATTACH_REUSEPORT_CBPF
#define SO_ATTACH_REUSEPORT_CBPF 51
#endif

/* docs/protocol.md, "DATA packets", and endpoint/shard.h. */
#define HAS_CID_MASK 0xf0
#define CID_AT       1
#define WORD_AT      5 /* the ID's bytes 4 to 7 */
#define BY_ADDRESS   0xffffffffu

bool belay_steer_can(void)
{
    return true;
}

int belay_steer_attach(int fd, uint32_t shard_key)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, HAS_CID_MASK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HAS_CID_MASK, 0, 7),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WORD_AT),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, shard_key | 1),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 24),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, CID_AT),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_RET | BPF_A, 0),
        BPF_STMT(BPF_RET | BPF_K, BY_ADDRESS),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
}

int belay_steer_wake_open(void)
{
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void belay_steer_wake_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

void belay_steer_wake(int fd)
{
    uint64_t one = 1;
    /* It can fail only when it counts to 2^64: the other side is awake then. */
    ssize_t len = write(fd, &one, sizeof(one));

    (void)len;
}

void belay_steer_wake_clear(int fd)
{
    uint64_t count;
    ssize_t len = read(fd, &count, sizeof(count));

    (void)len;
}

#else

bool belay_steer_can(void)
{
    return false;
}

int belay_steer_attach(int fd, uint32_t shard_key)
{
    (void)fd, (void)shard_key;
    errno = ENOTSUP;
    return -1;
}

int belay_steer_wake_open(void)
{
    errno = ENOTSUP;
    return -1;
}

void belay_steer_wake_close(int fd)
{
    (void)fd;
}

void belay_steer_wake(int fd)
{
    (void)fd;
}

void belay_steer_wake_clear(int fd)
{
    (void)fd;
}

#endif
