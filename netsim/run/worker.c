#include "netsim/run/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#define NOT_FOUND 127 /* as of a shell */

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ------------------------------------------------------------------ its files */

static int open_unnamed(void)
{
    char name[] = "/tmp/belay-netsim-XXXXXX";
    int fd = mkstemp(name);

    if (fd >= 0)
        unlink(name);
    return fd;
}

static int open_output(const char *prefix, const char *suffix)
{
    char name[4096];
    int fd;

    if (prefix == NULL) {
        fd = open_unnamed();
    } else if ((size_t)snprintf(name, sizeof(name), "%s%s", prefix, suffix) >= sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    } else {
        fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0666);
    }
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

static int open_outputs(struct netsim_worker *worker, const char *prefix)
{
    worker->out = open_output(prefix, ".out");
    worker->err = worker->out >= 0 ? open_output(prefix, ".err") : -1;
    return worker->err >= 0 ? 0 : -1;
}

void netsim_worker_close(struct netsim_worker *worker)
{
    if (worker->out >= 0)
        close(worker->out);
    if (worker->err >= 0)
        close(worker->err);
    worker->out = worker->err = -1;
    worker->pid = 0;
}

/* ------------------------------------------------------------------ its life */

static void tie_to(pid_t parent)
{
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* it was faster */
        _exit(NOT_FOUND);
#else
    (void)parent;
#endif
}

static void reset_signals(void)
{
    static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE};
    sigset_t none;

    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
        signal(handled[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn)) static void become(const struct netsim_worker *worker, pid_t parent,
                                             char *const argv[])
{
    int nothing = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    tie_to(parent);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    dup2(worker->out, STDOUT_FILENO);
    dup2(worker->err, STDERR_FILENO);
    reset_signals();
    execvp(argv[0], argv);
    dprintf(STDERR_FILENO, "belay-netsim: %s: %s\n", argv[0], strerror(errno));
    _exit(NOT_FOUND);
}

/* Signals wait until the child has its own handlers: it shares the pipes behind ours. */
static pid_t fork_quietly(sigset_t *before)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, before);
    return fork();
}

int netsim_worker_start(struct netsim_worker *worker, char *const argv[], const char *prefix)
{
    pid_t parent = getpid();
    sigset_t before;
    int error;

    *worker = (struct netsim_worker){.pid = 0, .out = -1, .err = -1};
    if (open_outputs(worker, prefix) == 0) {
        worker->began_ns = now_ns();
        worker->pid = fork_quietly(&before);
        error = errno;
        if (worker->pid == 0)
            become(worker, parent, argv);
        sigprocmask(SIG_SETMASK, &before, NULL);
        errno = error;
        if (worker->pid > 0) {
            setpgid(worker->pid, worker->pid); /* whoever is first */
            return 0;
        }
    }
    error = errno;
    netsim_worker_close(worker);
    errno = error;
    return -1;
}

bool netsim_worker_has_ended(struct netsim_worker *worker, int *status, double *seconds)
{
    if (worker->pid == 0 || waitpid(worker->pid, status, WNOHANG) != worker->pid)
        return false;
    *seconds = (double)(now_ns() - worker->began_ns) / 1e9;
    return true;
}

void netsim_worker_signal(const struct netsim_worker *worker, int signal)
{
    if (worker->pid > 0)
        kill(signal == SIGKILL ? -worker->pid : worker->pid, signal);
}

/* ------------------------------------------------------------------ what it said */

char *netsim_worker_tail(int fd, size_t max)
{
    struct stat file;
    off_t begin = 0;
    size_t len = 0;
    char *text = malloc(max + 1);

    if (text == NULL)
        return NULL;
    if (fstat(fd, &file) == 0 && file.st_size > (off_t)max)
        begin = file.st_size - (off_t)max;
    while (len < max) {
        ssize_t got = pread(fd, text + len, max - len, begin + (off_t)len);

        if (got <= 0)
            break;
        len += (size_t)got;
    }
    text[len] = '\0';
    return text;
}

char *netsim_last_line(char *text)
{
    size_t len = strlen(text);

    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        len--;
    text[len] = '\0';
    while (len > 0 && text[len - 1] != '\n')
        len--;
    return text + len;
}

const char *netsim_worker_self(void)
{
    return access("/proc/self/exe", X_OK) == 0 ? "/proc/self/exe" : "belay-netsim";
}
