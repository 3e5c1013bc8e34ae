#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define FILE_MAX 4096 /* a key, and some comment */

static bool fail(char why[KEY_WHY_MAX], const char *path, const char *what)
{
    snprintf(why, KEY_WHY_MAX, "%s: %s", path, what);
    return false;
}

/* ------------------------------------------------------------------ reading */

/* What is wrong about the file itself; NULL: nothing. */
static const char *check_mode(int fd, enum key_kind kind)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return strerror(errno);
    if (S_ISDIR(status.st_mode))
        return strerror(EISDIR);
    if (kind != KEY_PUBLIC && (status.st_mode & 077) != 0)
        return "others may read or change it, and it is a secret: 'chmod 600' it, and think of "
               "making a new one";
    return NULL;
}

/* The file's length; more than size: too long. -1 with errno. */
static ssize_t read_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    while (len <= size) {
        char beyond;
        ssize_t n = len < size ? read(fd, out + len, size - len) : read(fd, &beyond, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next line that says something, without blanks around; NULL: none. */
static const char *next_line(const char **at, const char *end, size_t *len)
{
    while (*at < end) {
        const char *line = *at;
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        *at = newline ? newline + 1 : end;
        while (line < stop && is_blank(*line))
            line++;
        while (stop > line && is_blank(stop[-1]))
            stop--;
        *len = (size_t)(stop - line);
        if (*len > 0 && *line != '#')
            return line;
    }
    return NULL;
}

static bool parse(const char *path, enum key_kind kind, const char *text, size_t text_len,
                  uint8_t key[KEY_SIZE], char why[KEY_WHY_MAX])
{
    char what[KEY_WHY_MAX];
    size_t len, more;
    const char *at = text, *end = text + text_len;
    const char *line = next_line(&at, end, &len);
    if (line == NULL)
        return fail(why, path, "no key is in it");
    if (!keytext_parse(kind, line, len, key, what)) {
        snprintf(why, KEY_WHY_MAX, "%.200s: %.300s", path, what);
        return false;
    }
    if (next_line(&at, end, &more)) {
        OPENSSL_cleanse(key, KEY_SIZE);
        return fail(why, path,
                    "more than one key is in it: one line is a key, others begin "
                    "with #");
    }
    return true;
}

bool keyfile_read(const char *path, enum key_kind kind, uint8_t key[KEY_SIZE],
                  char why[KEY_WHY_MAX])
{
    char text[FILE_MAX];
    bool read_it = false;
    memset(key, 0, KEY_SIZE);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fail(why, path,
                    errno == ENOENT ? "no such file: belay-keygen makes key files"
                                    : strerror(errno));
    const char *wrong = check_mode(fd, kind);
    ssize_t len = wrong ? 0 : read_all(fd, text, sizeof text);
    if (wrong)
        fail(why, path, wrong);
    else if (len < 0)
        fail(why, path, strerror(errno));
    else if ((size_t)len > sizeof text)
        fail(why, path, "too long for a key file, which holds one line");
    else
        read_it = parse(path, kind, text, (size_t)len, key, why);
    close(fd);
    OPENSSL_cleanse(text, sizeof text);
    return read_it;
}

/* ------------------------------------------------------------------ writing */

/* To the disk, so that a crash leaves no empty key file behind a printed public key. */
static bool write_line(int fd, enum key_kind kind, const uint8_t key[KEY_SIZE])
{
    char line[KEYTEXT_MAX + 1];
    keytext_write(kind, key, line);
    size_t len = strlen(line), done = 0;
    line[len++] = '\n';
    bool is_written = fchmod(fd, 0600) == 0;
    while (is_written && done < len) {
        ssize_t n = write(fd, line + done, len - done);
        if (n > 0)
            done += (size_t)n;
        else
            is_written = n < 0 && errno == EINTR;
    }
    OPENSSL_cleanse(line, sizeof line);
    if (!is_written)
        return false;
    return fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP; /* not on this file system */
}

/* close may be what says that the disk is full. */
static int finish(int fd, bool is_written)
{
    int error = is_written ? 0 : errno;
    if (close(fd) != 0 && error == 0)
        error = errno;
    return error;
}

static int write_new(const char *path, enum key_kind kind, const uint8_t key[KEY_SIZE])
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int error = finish(fd, write_line(fd, kind, key));
    if (error != 0)
        unlink(path);
    return error;
}

static int write_over(const char *path, enum key_kind kind, const uint8_t key[KEY_SIZE])
{
    char temporary[PATH_MAX];
    int len = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof temporary)
        return ENAMETOOLONG;
    int fd = mkstemp(temporary);
    if (fd < 0)
        return errno;
    int error = finish(fd, write_line(fd, kind, key));
    if (error == 0 && rename(temporary, path) != 0)
        error = errno;
    if (error != 0)
        unlink(temporary);
    return error;
}

bool keyfile_write(const char *path, enum key_kind kind, const uint8_t key[KEY_SIZE],
                   bool replace, char why[KEY_WHY_MAX])
{
    struct stat status;
    bool is_there = lstat(path, &status) == 0;
    if (replace && is_there && !S_ISREG(status.st_mode))
        return fail(why, path, "not an ordinary file: name one, or a new one");
    int error = replace && is_there ? write_over(path, kind, key) : write_new(path, kind, key);
    if (error == EEXIST)
        return fail(why, path,
                    "it is there already: choose another name, or --force, which destroys the "
                    "key in it");
    return error == 0 || fail(why, path, strerror(error));
}
