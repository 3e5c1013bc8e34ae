#include "netsim/run/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsim/run/namespaces.h"

#define CODE_MISSING  127
#define CODE_PREPARE  126
#define ROOTS_FOLDERS "/usr/local/sbin:/usr/sbin:/sbin"

struct pipes {
    int in[2], out[2];
};

static void extend_path(void)
{
    const char *path = getenv("PATH");
    char longer[4096];

    snprintf(longer, sizeof(longer), "%s:%s", path != NULL ? path : "/usr/bin:/bin",
             ROOTS_FOLDERS);
    setenv("PATH", longer, 1);
}

static void exec_tool(const struct netsim_tool *tool, const struct pipes *pipes)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(pipes->in[0], 0);
    dup2(pipes->out[1], 1);
    dup2(pipes->out[1], 2);
    if ((tool->net >= 0 && netsim_namespaces_join(tool->net) != 0) ||
        (tool->prepare != NULL && tool->prepare(tool->arg) != 0)) {
        dprintf(2, "%s", strerror(errno));
        _exit(CODE_PREPARE);
    }
    extend_path();
    setenv("LC_ALL", "C", 1);
    execvp(tool->argv[0], (char *const *)tool->argv);
    if (errno == ENOENT)
        _exit(CODE_MISSING);
    dprintf(2, "%s", strerror(errno));
    _exit(CODE_PREPARE);
}

static void close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

static int open_pipe(int pair[2])
{
    if (pipe(pair) != 0)
        return -1;
    fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    fcntl(pair[1], F_SETFD, FD_CLOEXEC);
    return 0;
}

static int open_pipes(struct pipes *pipes)
{
    if (open_pipe(pipes->in) != 0)
        return -1;
    if (open_pipe(pipes->out) == 0)
        return 0;
    close_pair(pipes->in);
    return -1;
}

/* To the end, though no more than fits is kept. */
static void read_output(int fd, char *output)
{
    size_t used = 0;
    char rest[256];

    for (;;) {
        size_t room = NETSIM_TOOL_OUTPUT - 1 - used;
        ssize_t n = read(fd, room > 0 ? output + used : rest, room > 0 ? room : sizeof(rest));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if (room > 0)
            used += (size_t)n;
    }
    output[used] = '\0';
}

/* Its first line says what was wrong. */
static int explain(const struct netsim_tool *tool, int status, const char *output, char *why,
                   size_t size)
{
    int line = (int)strcspn(output, "\n");
    const char *name = tool->argv[0];

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CODE_MISSING)
        snprintf(why, size, "`%s` is not there: install iproute2", name);
    else if (WIFSIGNALED(status))
        snprintf(why, size, "`%s` was killed by signal %d", name, WTERMSIG(status));
    else
        snprintf(why, size, "%s: %.*s", name, line > 0 ? line : 10,
                 line > 0 ? output : "no reason");
    return -1;
}

static int wait_for(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

int netsim_tool_run(const struct netsim_tool *tool, char *output, char *why, size_t size)
{
    struct pipes pipes;
    pid_t pid;

    output[0] = '\0';
    if (open_pipes(&pipes) != 0 || (pid = fork()) < 0) {
        snprintf(why, size, "%s: %s", tool->argv[0], strerror(errno));
        return -1;
    }
    if (pid == 0)
        exec_tool(tool, &pipes);
    close(pipes.out[1]);
    if (tool->input != NULL) /* a pipe takes it whole; a tool that is gone, nothing */
        (void)!write(pipes.in[1], tool->input, strlen(tool->input));
    close(pipes.in[1]);
    read_output(pipes.out[0], output);
    close(pipes.in[0]);
    close(pipes.out[0]);
    return explain(tool, wait_for(pid), output, why, size);
}

/* "Command failed -:3": the line is appended to the reason. */
static void add_line(const char *batch, const char *output, char *why, size_t size)
{
    const char *failed = strstr(output, "Command failed -:");
    unsigned long number = failed == NULL ? 0 : strtoul(failed + 17, NULL, 10);
    size_t used = strlen(why);

    if (number == 0)
        return;
    while (--number > 0 && (batch = strchr(batch, '\n')) != NULL)
        batch++;
    if (batch != NULL)
        snprintf(why + used, size - used, " (%.*s)", (int)strcspn(batch, "\n"), batch);
}

int netsim_tool_ip(const char *batch, int net, char *why, size_t size)
{
    static const char *const argv[] = {"ip", "-batch", "-", NULL};
    char output[NETSIM_TOOL_OUTPUT];
    struct netsim_tool tool = {.argv = argv, .input = batch, .net = net};

    if (netsim_tool_run(&tool, output, why, size) == 0)
        return 0;
    if (strstr(output, "BusyBox") != NULL)
        snprintf(why, size, "this `ip` is BusyBox's, which can't do it: install iproute2");
    else
        add_line(batch, output, why, size);
    return -1;
}
