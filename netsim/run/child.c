#include "netsim/run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsim/run/namespaces.h"
#include "netsim/run/run.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

static void set_environment(const struct netsim_variable *variable)
{
    for (; variable != NULL && variable->name != NULL; variable++)
        if (variable->value[0] != '\0')
            setenv(variable->name, variable->value, 1);
        else
            unsetenv(variable->name);
}

static void close_stdin(void)
{
    int fd = open("/dev/null", O_RDONLY);

    if (fd > 0) {
        dup2(fd, 0);
        close(fd);
    }
}

/* What is caught would be caught here too, until exec; what is ignored stays so. */
static void uncatch(int number)
{
    struct sigaction action;

    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
        signal(number, SIG_DFL);
}

/* What a program of the user expects, and this one has changed for itself. */
static void restore(const struct netsim_child *child)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};

    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        uncatch(caught[i]);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, child->mask, NULL);
#ifdef __linux__
    prctl(PR_SET_TIMERSLACK, (unsigned long)child->timer_slack_ns);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

static void become(const struct netsim_child *child)
{
    setpgid(0, 0);
    if (child->net >= 0 && netsim_namespaces_join(child->net) != 0) {
        dprintf(2, "belay-netsim: no network namespace: %s\n", strerror(errno));
        _exit(NETSIM_EXIT_NOT_RUN);
    }
    set_environment(child->environment);
    if (!child->has_stdin)
        close_stdin();
    restore(child);
    execl("/bin/sh", "sh", "-c", child->command, (char *)NULL);
    dprintf(2, "belay-netsim: /bin/sh: %s\n", strerror(errno));
    _exit(errno == ENOENT ? NETSIM_EXIT_NOT_FOUND : NETSIM_EXIT_NOT_RUN);
}

pid_t netsim_child_start(const struct netsim_child *child)
{
    sigset_t all, before;
    pid_t pid;

    fflush(NULL);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before); /* a signal for the child finds its own handlers */
    pid = fork();
    if (pid == 0)
        become(child);
    if (pid > 0)
        setpgid(pid, pid); /* both do it: nobody signals the group before it is there */
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

int netsim_child_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void netsim_child_describe(int status, char *out, size_t size)
{
    if (WIFEXITED(status))
        snprintf(out, size, "status %d", WEXITSTATUS(status));
    else
        snprintf(out, size, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
}
