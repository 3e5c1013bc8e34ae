#include "netsim/run/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsim/run/namespaces.h"
#include "netsim/run/run.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

static const int handed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* nohup and background jobs of a shell have some of them ignored: that stays so. */
static void find_signals(sigset_t *set)
{
    struct sigaction action;

    sigemptyset(set);
    for (size_t i = 0; i < sizeof(handed_on) / sizeof(handed_on[0]); i++)
        if (sigaction(handed_on[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(set, handed_on[i]);
}

static struct netsim_guard_page *new_page(void)
{
    void *page = mmap(NULL, sizeof(struct netsim_guard_page), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return page == MAP_FAILED ? NULL : page;
}

/* Orphans of the commands come to inside, where that can be had, so that it can wait for them.
 */
static void settle(const struct netsim_guard *guard)
{
    setsid();                 /* the terminal's Ctrl-C comes by the guard alone */
    signal(SIGPIPE, SIG_IGN); /* who reads our report may be gone */
#ifdef __linux__
    if (!guard->namespaces)
        prctl(PR_SET_CHILD_SUBREAPER, 1);
#else
    (void)guard;
#endif
}

static int run_inside(struct netsim_guard *guard, const struct netsim_namespaces *namespaces,
                      netsim_inside inside, void *arg)
{
    settle(guard);
    if (guard->namespaces && netsim_namespaces_enter(namespaces, guard->leash, guard->page->why,
                                                     NETSIM_WHY_SIZE) != 0)
        return NETSIM_EXIT_RUN;
    return inside(guard, arg);
}

/* Without namespaces; with them the kernel has done it. */
static void kill_groups(const struct netsim_guard *guard)
{
    for (size_t i = 0; !guard->namespaces && i < 2; i++)
        if (guard->page->groups[i] > 0)
            kill(-guard->page->groups[i], SIGKILL);
}

static int read_status(const struct netsim_guard *guard, int status, char *why, size_t size)
{
    if (WIFEXITED(status)) {
        snprintf(why, size, "%s", guard->page->why);
        return WEXITSTATUS(status);
    }
    kill_groups(guard);
    snprintf(why, size, "the process that held the run was killed by signal %d",
             WTERMSIG(status));
    return NETSIM_EXIT_RUN;
}

/* *last becomes the signal that came last, 0: none. */
static int wait_for(const struct netsim_guard *guard, pid_t pid, int *last, char *why,
                    size_t size)
{
    sigset_t set = guard->signals;
    int status = 0, number;

    *last = 0;
    sigaddset(&set, SIGCHLD);
    while (waitpid(pid, &status, WNOHANG) != pid)
        if (sigwait(&set, &number) == 0 && number != SIGCHLD) {
            *last = number;
            kill(pid, number);
        }
    return read_status(guard, status, why, size);
}

static pid_t start(struct netsim_guard *guard, const int leash[2], netsim_inside inside,
                   void *arg, char *why, size_t size)
{
    struct netsim_namespaces namespaces;
    pid_t pid;

    fflush(NULL); /* what waits to be written is the guard's alone */
    pid = guard->namespaces ? netsim_namespaces_fork(&namespaces, why, size) : fork();
    if (pid < 0 && !guard->namespaces)
        snprintf(why, size, "fork: %s", strerror(errno));
    if (pid == 0) {
        int code;

        close(leash[1]);
        code = run_inside(guard, &namespaces, inside, arg);
        fflush(NULL);
        _exit(code);
    }
    return pid;
}

static int guard_run(struct netsim_guard *guard, netsim_inside inside, void *arg, int *last,
                     char *why, size_t size)
{
    int leash[2], code = NETSIM_EXIT_RUN;
    sigset_t block;
    pid_t pid;

    if (pipe(leash) != 0) {
        snprintf(why, size, "no pipe: %s", strerror(errno));
        return code;
    }
    fcntl(leash[0], F_SETFD, FD_CLOEXEC);
    fcntl(leash[1], F_SETFD, FD_CLOEXEC);
    guard->leash = leash[0];
    find_signals(&guard->signals);
    block = guard->signals;
    sigaddset(&block, SIGCHLD);
    sigprocmask(SIG_BLOCK, &block, &guard->mask);
#ifdef __linux__
    guard->timer_slack_ns = prctl(PR_GET_TIMERSLACK);
#endif
    signal(SIGCHLD, SIG_DFL); /* ignored, it would take the exit codes with it */
    pid = start(guard, leash, inside, arg, why, size);
    if (pid > 0)
        code = wait_for(guard, pid, last, why, size);
    sigprocmask(SIG_SETMASK, &guard->mask, NULL);
    close(leash[0]);
    close(leash[1]);
    return code;
}

static int guard_with_page(bool namespaces, netsim_inside inside, void *arg, int *last,
                           char *why, size_t size)
{
    struct netsim_guard guard = {.namespaces = namespaces, .page = new_page()};
    int code;

    *last = 0;
    why[0] = '\0';
    if (guard.page == NULL) {
        snprintf(why, size, "no memory: %s", strerror(errno));
        return NETSIM_EXIT_RUN;
    }
    code = guard_run(&guard, inside, arg, last, why, size);
    munmap(guard.page, sizeof(*guard.page));
    return code;
}

int netsim_guard_run(bool namespaces, netsim_inside inside, void *arg, char *why, size_t size)
{
    int last;

    return guard_with_page(namespaces, inside, arg, &last, why, size);
}

bool netsim_guard_try(netsim_inside inside, void *arg, char *why, size_t size)
{
    int last, code = guard_with_page(true, inside, arg, &last, why, size);

    if (last != 0)
        raise(last);
    return code == 0;
}
