/*
 * Network namespaces for tests, without a second process:
 *
 *     client net0 --- ca [middle] sb --- net0 server
 *
 * Addresses 198.18.0.2 and .1, fd42:198:18::2 and ::1. As root, or in a user namespace; where
 * neither can be had, the test says SKIPPED and ends.
 */
#ifndef TESTS_NETSIM_NETNS_H
#define TESTS_NETSIM_NETNS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NETNS_SKIPPED 77

enum netns_side { NETNS_CLIENT, NETNS_SERVER, NETNS_MIDDLE, NETNS_SIDES };

struct netns {
    int fd[NETNS_SIDES];
};

__attribute__((noreturn, format(printf, 1, 2))) static inline void netns_skip(const char *why,
                                                                              ...)
{
    int error = errno;
    va_list args;

    printf("SKIPPED: ");
    va_start(args, why);
    vprintf(why, args);
    va_end(args);
    printf(": %s\n", strerror(error));
    exit(NETNS_SKIPPED);
}

static inline void netns_enter(const struct netns *ns, enum netns_side side)
{
    if (setns(ns->fd[side], CLONE_NEWNET) != 0)
        netns_skip("setns");
}

static inline int netns_socket(const struct netns *ns, enum netns_side side, int domain,
                               int type)
{
    netns_enter(ns, side);
    int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    netns_enter(ns, NETNS_MIDDLE);
    return fd;
}

static inline void netns_write(const char *file, const char *text)
{
    int fd = open(file, O_WRONLY);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        netns_skip("%s", file);
    close(fd);
}

static inline void netns_become_root(void)
{
    char map[64];
    unsigned uid = geteuid(), gid = getegid();

    if (uid == 0)
        return;
    if (unshare(CLONE_NEWUSER) != 0)
        netns_skip("no root, and no user namespaces");
    netns_write("/proc/self/setgroups", "deny");
    snprintf(map, sizeof(map), "0 %u 1", uid);
    netns_write("/proc/self/uid_map", map);
    snprintf(map, sizeof(map), "0 %u 1", gid);
    netns_write("/proc/self/gid_map", map);
}

__attribute__((format(printf, 1, 2))) static inline void netns_run(const char *format, ...)
{
    char command[512];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    if (system(command) != 0)
        netns_skip("`%s` failed", command);
}

/* Checksums are made by the sender, and packets are packets. */
static inline void netns_offloads_off(const char *interface)
{
    static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO,
                                        ETHTOOL_SGRO};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct ethtool_value value = {.cmd = commands[i], .data = 0};
        struct ifreq request = {.ifr_data = (void *)&value};

        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
        if (ioctl(fd, SIOCETHTOOL, &request) != 0)
            netns_skip("ethtool command 0x%x", commands[i]);
    }
    close(fd);
}

static inline void netns_side(const struct netns *ns, enum netns_side side, const char *middle,
                              int address)
{
    netns_enter(ns, side);
    netns_run("ip link set lo up && "
              "ip link add net0 type veth peer name %s netns /proc/%d/fd/%d && "
              "ip addr add 198.18.0.%d/24 dev net0 && "
              "ip addr add fd42:198:18::%d/64 dev net0 nodad && ip link set net0 up",
              middle, (int)getpid(), ns->fd[NETNS_MIDDLE], address, address);
    netns_offloads_off("net0");
    netns_enter(ns, NETNS_MIDDLE);
    netns_run("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1 && ip link set %s up", middle,
              middle);
    netns_offloads_off(middle);
}

/* The process is in the middle then. */
static inline void netns_begin(struct netns *ns)
{
    netns_become_root();
    for (int i = 0; i < NETNS_SIDES; i++) {
        if (unshare(CLONE_NEWNET) != 0)
            netns_skip("no network namespaces");
        ns->fd[i] = open("/proc/self/ns/net", O_RDONLY);
        if (ns->fd[i] < 0)
            netns_skip("/proc/self/ns/net");
    }
    netns_side(ns, NETNS_CLIENT, "ca", 2);
    netns_side(ns, NETNS_SERVER, "sb", 1);
}

#endif
