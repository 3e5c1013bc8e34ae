#include "netsim/conformance/qdisc.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 64

extern char **environ;

/* Our stdout's buffer must be empty when a child writes to the same file. */
static int run(char **args, int out_fd, int quiet)
{
    posix_spawn_file_actions_t actions;
    int status = 0, error;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    if (out_fd >= 0)
        posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    if (quiet)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    error = posix_spawnp(&pid, args[0], &actions, NULL, args, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return 127;
    return WEXITSTATUS(status);
}

int qdisc_add(const char *device, const char *words, int quiet)
{
    char text[1024], *next = text, *word, *args[ARGS_MAX + 1];
    int count = 0;

    snprintf(text, sizeof(text), "tc qdisc add dev %s root netem %s", device, words);
    while (count < ARGS_MAX && (word = strsep(&next, " ")) != NULL)
        if (*word != '\0')
            args[count++] = word;
    args[count] = NULL;
    return run(args, -1, quiet);
}

int qdisc_delete(const char *device)
{
    char *args[] = {"tc", "qdisc", "del", "dev", (char *)device, "root", NULL};

    return run(args, -1, 1);
}

int qdisc_show(const char *device, FILE *out)
{
    char *args[] = {"tc", "-j", "-s", "qdisc", "show", "dev", (char *)device, "root", NULL};

    fflush(out);
    return run(args, fileno(out), 0);
}
