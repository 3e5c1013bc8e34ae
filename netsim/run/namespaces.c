#include "netsim/run/namespaces.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifdef __linux__

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET)

/* The raw call, for it returns twice on the same stack, as fork does. */
static pid_t clone_like_fork(int flags)
{
#ifdef __s390x__
    return (pid_t)syscall(SYS_clone, NULL, flags | SIGCHLD, NULL, NULL, NULL);
#else
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
#endif
}

static long read_number(const char *file)
{
    FILE *in = fopen(file, "re");
    long value = -1;

    if (in == NULL)
        return -1;
    if (fscanf(in, "%ld", &value) != 1)
        value = -1;
    fclose(in);
    return value;
}

/* What keeps users out of namespaces, where it can be told. */
static const char *find_bar(void)
{
    if (read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        return "kernel.unprivileged_userns_clone is 0";
    if (read_number("/proc/sys/user/max_user_namespaces") == 0)
        return "user.max_user_namespaces is 0";
    if (read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        return "kernel.apparmor_restrict_unprivileged_userns is 1";
    return NULL;
}

static void explain(const char *what, char *why, size_t size)
{
    const char *error = strerror(errno), *bar = find_bar();

    snprintf(why, size, "%s: %s", what, bar != NULL ? bar : error);
}

pid_t netsim_namespaces_fork(struct netsim_namespaces *namespaces, char *why, size_t size)
{
    pid_t pid = -1;

    *namespaces = (struct netsim_namespaces){.uid = geteuid(), .gid = getegid()};
    if (namespaces->uid == 0)
        pid = clone_like_fork(NAMESPACES);
    if (pid >= 0)
        return pid;
    namespaces->user = true; /* also where root is not allowed what root usually is */
    pid = clone_like_fork(NAMESPACES | CLONE_NEWUSER);
    if (pid < 0)
        explain("the system gives this user no namespaces", why, size);
    return pid;
}

static int write_file(const char *file, const char *text)
{
    size_t len = strlen(text);
    int fd = open(file, O_WRONLY | O_CLOEXEC), error = 0;

    if (fd < 0)
        return -1;
    if (write(fd, text, len) != (ssize_t)len)
        error = errno;
    close(fd);
    errno = error;
    return error == 0 ? 0 : -1;
}

static int map_ids(const struct netsim_namespaces *namespaces)
{
    char uid[32], gid[32];

    snprintf(uid, sizeof(uid), "0 %lu 1", (unsigned long)namespaces->uid);
    snprintf(gid, sizeof(gid), "0 %lu 1", (unsigned long)namespaces->gid);
    if (write_file("/proc/self/setgroups", "deny") != 0 && errno != ENOENT)
        return -1;
    return write_file("/proc/self/uid_map", uid) == 0 ? write_file("/proc/self/gid_map", gid)
                                                      : -1;
}

/* The parent may have died before we asked to die with it. */
static void die_with_parent(int leash)
{
    struct pollfd at = {.fd = leash, .events = POLLIN};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&at, 1, 0) != 0)
        _exit(1);
}

int netsim_namespaces_enter(const struct netsim_namespaces *namespaces, int leash, char *why,
                            size_t size)
{
    die_with_parent(leash);
    if (namespaces->user && map_ids(namespaces) != 0) {
        explain("the system gives this user no rights in a namespace", why, size);
        return -1;
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        explain("the system gives this user no rights in a namespace", why, size);
        return -1;
    }
    /* Where a container forbids this, /proc shows other processes' numbers, and no more. */
    (void)!mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    return 0;
}

int netsim_namespaces_net_here(void)
{
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

int netsim_namespaces_join(int net)
{
    return setns(net, CLONE_NEWNET);
}

int netsim_namespaces_net(void)
{
    int here = netsim_namespaces_net_here(), fresh = -1;

    if (here < 0)
        return -1;
    if (unshare(CLONE_NEWNET) == 0) {
        fresh = netsim_namespaces_net_here();
        if (netsim_namespaces_join(here) != 0) {
            close(fresh);
            fresh = -1;
        }
    }
    close(here);
    return fresh;
}

#else

pid_t netsim_namespaces_fork(struct netsim_namespaces *namespaces, char *why, size_t size)
{
    (void)namespaces;
    snprintf(why, size, "namespaces are Linux's");
    return -1;
}

int netsim_namespaces_enter(const struct netsim_namespaces *namespaces, int leash, char *why,
                            size_t size)
{
    (void)namespaces;
    (void)leash;
    snprintf(why, size, "namespaces are Linux's");
    return -1;
}

int netsim_namespaces_net_here(void)
{
    errno = ENOSYS;
    return -1;
}

int netsim_namespaces_net(void)
{
    return netsim_namespaces_net_here();
}

int netsim_namespaces_join(int net)
{
    (void)net;
    return netsim_namespaces_net_here();
}

#endif
