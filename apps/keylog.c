#include "keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A terminal or a pipe is as open as its user made it. */
static bool is_open_to_others(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 077) != 0;
}

bool keylog_open(struct keylog *log, const char *program, const char *path)
{
    const char *wrong = NULL;
    *log = (struct keylog){.program = program, .path = path};
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (log->fd < 0)
        wrong = strerror(errno);
    else if (is_open_to_others(log->fd))
        wrong = "others may read or change it, and the secrets of connections are for it: "
                "'chmod 600' it, or name a new file";
    if (wrong) {
        fprintf(stderr, "%s: --key-log %s: %s\n", program, path, wrong);
        keylog_close(log);
        return false;
    }
    fprintf(stderr,
            "%s: warning: --key-log: whoever has %s can decrypt these connections: "
            "delete it when you have seen enough\n",
            program, path);
    return true;
}

void keylog_close(struct keylog *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

void keylog_line(void *ctx, const char *text)
{
    struct keylog *log = ctx;
    if (log->has_failed || dprintf(log->fd, "%s\n", text) > 0)
        return;
    log->has_failed = true;
    fprintf(stderr, "%s: --key-log %s: %s: no more is logged\n", log->program, log->path,
            strerror(errno));
}
