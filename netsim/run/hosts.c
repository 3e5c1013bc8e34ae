#include "netsim/run/hosts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <sys/mount.h>
#endif

#define HOSTS          "/etc/hosts"
#define FOLDER         "/tmp" /* there is one everywhere */
#define OWN            FOLDER "/hosts"
#define FIRST          "127.0.0.1 localhost\n"
#define SIZE_MAX_BYTES (1 << 20)

static bool is_ipv6_loopback(const char *line)
{
    static const char *const names[] = {"::1", "0:0:0:0:0:0:0:1"};
    size_t len;

    line += strspn(line, " \t");
    len = strcspn(line, " \t\n");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (len == strlen(names[i]) && strncmp(line, names[i], len) == 0)
            return true;
    return false;
}

char *netsim_hosts_filter(const char *text)
{
    char *out = malloc(strlen(text) + sizeof(FIRST)), *at;

    if (out == NULL)
        return NULL;
    at = stpcpy(out, FIRST);
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        len += text[len] == '\n';
        if (!is_ipv6_loopback(text)) {
            memcpy(at, text, len);
            at += len;
        }
        text += len;
    }
    *at = '\0';
    return out;
}

#ifdef __linux__

/* A machine without the file has an empty one; one of 1 MiB and more is cut. */
static char *read_hosts(void)
{
    FILE *in = fopen(HOSTS, "re");
    char *text = malloc(SIZE_MAX_BYTES + 1);
    size_t len = 0;

    if (text != NULL && in != NULL)
        len = fread(text, 1, SIZE_MAX_BYTES, in);
    if (text != NULL)
        text[len] = '\0';
    if (in != NULL)
        fclose(in);
    return text;
}

static int write_own(const char *text)
{
    FILE *out = fopen(OWN, "we");

    if (out == NULL)
        return -1;
    fputs(text, out);
    return fclose(out);
}

/* The file stays, bound, when the folder that it was made in goes. */
static int mount_text(const char *text)
{
    int result, error;

    if (mount("tmpfs", FOLDER, "tmpfs", MS_NOSUID | MS_NODEV, "size=2m,mode=755") != 0)
        return -1;
    result = write_own(text) == 0 ? mount(OWN, HOSTS, NULL, MS_BIND, NULL) : -1;
    error = errno;
    umount2(FOLDER, MNT_DETACH);
    errno = error;
    return result;
}

int netsim_hosts_mount(void)
{
    char *text = read_hosts(), *own = text != NULL ? netsim_hosts_filter(text) : NULL;
    int result = -1;

    if (own != NULL)
        result = mount_text(own);
    free(own);
    free(text);
    return result;
}

#else

int netsim_hosts_mount(void)
{
    errno = ENOSYS;
    return -1;
}

#endif
