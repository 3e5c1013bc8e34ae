/*
 * keylog.h - --key-log: every connection's secrets, one a line (core.h, belay_core_set_keylog),
 * appended to a file of mode 0600. Whoever has the file reads all that these connections say.
 */
#ifndef BELAY_APPS_KEYLOG_H
#define BELAY_APPS_KEYLOG_H

#include <stdbool.h>

struct keylog {
    const char *program, *path;
    int fd;
    bool has_failed;
};

/* Prints the warning, or why it cannot be. path is kept. */
bool keylog_open(struct keylog *log, const char *program, const char *path);
void keylog_close(struct keylog *log);

/* A callback for belay_endpoint_set_keylog_cb; ctx is the log. */
void keylog_line(void *ctx, const char *text);

#endif
