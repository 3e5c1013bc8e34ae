#include "netsim/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netsim/model/table.h"
#include "netsim/model/trace.h"

#define FILE_MAX_BYTES (16 << 20) /* a million opportunities of a trace with room to spare */
#define PATH_SIZE      1024

struct content {
    char *bytes;
    size_t len, size;
};

struct loader {
    struct netsim_plan *plan;
    char *wrong;
    const char *what; /* the word that names the file */
};

static int fail(struct loader *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct loader *l, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(l->wrong, NETSIM_FILES_TEXT, format, args);
    va_end(args);
    return -1;
}

static int grow(struct loader *l, struct content *c)
{
    size_t size = c->size > 0 ? 2 * c->size : 65536;
    char *bytes = belay_mem_resize(&l->plan->mem, c->bytes, c->size, size);

    if (bytes == NULL)
        return -1;
    c->bytes = bytes;
    c->size = size;
    return 0;
}

static int read_on(struct loader *l, int fd, const char *path, struct content *c)
{
    ssize_t n;

    do {
        if (c->len == c->size && grow(l, c) != 0)
            return fail(l, "%s: out of memory", path);
        n = read(fd, c->bytes + c->len, c->size - c->len);
        if (n < 0 && errno != EINTR)
            return fail(l, "%s %s: %s", l->what, path, strerror(errno));
        c->len += n > 0 ? (size_t)n : 0;
        if (c->len > FILE_MAX_BYTES)
            return fail(l, "%s %s: is longer than 16 MiB, as no distribution or trace is",
                        l->what, path);
    } while (n != 0);
    return 0;
}

/* What is read, even in part, is freed by the caller. */
static int read_file(struct loader *l, const char *path, struct content *c)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC),
        result; /* a FIFO waits for writers */
    struct stat st = {.st_mode = 0};

    if (fd < 0)
        return fail(l, "%s %s: %s", l->what, path, strerror(errno));
    (void)!fcntl(fd, F_SETFL, 0);
    (void)!fstat(fd, &st);
    if (S_ISDIR(st.st_mode))
        result = fail(l, "%s %s: is a directory, not a file", l->what, path);
    else
        result = read_on(l, fd, path, c);
    if (result == 0 && S_ISFIFO(st.st_mode) && c->len == 0)
        result = fail(l, "%s %s: is a FIFO, and nobody writes to it", l->what, path);
    close(fd);
    return result;
}

/* Where tc has its tables: $TC_LIB_DIR alone, else the places that systems know. A pattern, as
 * some have a folder for each machine type. */
static bool find_in_system(const char *name, char path[PATH_SIZE])
{
    static const char *const folders[] = {"/usr/lib/tc", "/usr/lib/*/tc", "/usr/lib64/tc",
                                          "/usr/share/tc"};
    bool found = false;

    for (size_t i = 0; !found && i < sizeof(folders) / sizeof(folders[0]); i++) {
        glob_t matches;

        if (glob(folders[i], 0, NULL, &matches) == 0)
            for (size_t k = 0; !found && k < matches.gl_pathc; k++) {
                snprintf(path, PATH_SIZE, "%s/%s.dist", matches.gl_pathv[k], name);
                found = access(path, F_OK) == 0;
            }
        globfree(&matches);
    }
    return found;
}

static int find_table(struct loader *l, const char *name, char path[PATH_SIZE])
{
    const char *own = getenv("TC_LIB_DIR");
    bool found;

    if (strchr(name, '/') != NULL) {
        snprintf(path, PATH_SIZE, "%s", name);
        return 0;
    }
    if (own != NULL) {
        int len = snprintf(path, PATH_SIZE, "%s/%s.dist", own, name);

        found = len < PATH_SIZE && access(path, F_OK) == 0;
    } else {
        found = find_in_system(name, path);
    }
    return found ? 0
                 : fail(l,
                        "distribution %.64s: there is no such .dist file in %.64s; uniform, "
                        "normal, pareto and paretonormal need none, and a name with a / is a "
                        "path, as ./%.64s",
                        name, own != NULL ? own : "/usr/lib/tc, /usr/lib/*/tc or /usr/share/tc",
                        name);
}

static int parse_table(struct loader *l, const char *path, const struct content *c,
                       const struct netsim_table **out)
{
    struct netsim_table *table = belay_mem_alloc(&l->plan->mem, sizeof(*table));
    const char *wrong;
    size_t line;

    if (table == NULL)
        return fail(l, "%s: out of memory", path);
    wrong = netsim_table_parse(table, c->bytes, c->len, &line);
    if (wrong == NULL) {
        *out = table;
        return 0;
    }
    belay_mem_free(&l->plan->mem, table, sizeof(*table));
    return fail(l, "%s:%zu: a distribution that %s; `belay-netsim table normal` shows one",
                path, line, wrong);
}

static int load_table(struct loader *l, const char *name, const struct netsim_table **out)
{
    struct content content = {NULL, 0, 0};
    char path[PATH_SIZE];
    int result = find_table(l, name, path);

    l->what = "distribution";
    if (result == 0)
        result = read_file(l, path, &content);
    if (result == 0)
        result = parse_table(l, path, &content, out);
    belay_mem_free(&l->plan->mem, content.bytes, content.size);
    return result;
}

static int load_trace(struct loader *l, const char *path, const struct netsim_trace **out)
{
    struct content content = {NULL, 0, 0};
    const char *wrong;
    size_t line;
    int result;

    l->what = "x-trace";
    result = read_file(l, path, &content);
    if (result == 0) {
        *out = netsim_trace_parse(content.bytes, content.len, &l->plan->mem, &wrong, &line);
        if (*out == NULL)
            result =
                fail(l, "%s:%zu: %s; a trace has one time a line, in ms", path, line, wrong);
    }
    belay_mem_free(&l->plan->mem, content.bytes, content.size);
    return result;
}

/* What words before these have read under the same name. */
static void share(const struct netsim_words *w, struct netsim_words *other)
{
    if (w->distribution_table != NULL) {
        if (strcmp(w->distribution_file, other->distribution_file) == 0)
            other->distribution_table = w->distribution_table;
        if (strcmp(w->distribution_file, other->slot_distribution_file) == 0)
            other->slot_distribution_table = w->distribution_table;
    }
    if (w->slot_distribution_table != NULL) {
        if (strcmp(w->slot_distribution_file, other->distribution_file) == 0)
            other->distribution_table = w->slot_distribution_table;
        if (strcmp(w->slot_distribution_file, other->slot_distribution_file) == 0)
            other->slot_distribution_table = w->slot_distribution_table;
    }
    if (w->trace != NULL && strcmp(w->trace_file, other->trace_file) == 0)
        other->trace = w->trace;
}

static void share_with_all(struct netsim_plan *plan, const struct netsim_words *w)
{
    for (unsigned k = 0; k < plan->count; k++)
        for (unsigned i = 0; i < plan->stages[k].count; i++)
            share(w, &plan->stages[k].steps[i].words);
}

static int load_words(struct loader *l, struct netsim_words *w)
{
    if (w->distribution_file[0] != '\0' && w->distribution_table == NULL) {
        if (load_table(l, w->distribution_file, &w->distribution_table) != 0)
            return -1;
        share_with_all(l->plan, w);
    }
    if (w->slot_distribution_file[0] != '\0' && w->slot_distribution_table == NULL) {
        if (load_table(l, w->slot_distribution_file, &w->slot_distribution_table) != 0)
            return -1;
        share_with_all(l->plan, w);
    }
    if (w->trace_file[0] != '\0' && w->trace == NULL) {
        if (load_trace(l, w->trace_file, &w->trace) != 0)
            return -1;
        share_with_all(l->plan, w);
    }
    return 0;
}

int netsim_files_load(struct netsim_plan *plan, char wrong[NETSIM_FILES_TEXT])
{
    struct loader loader = {.plan = plan, .wrong = wrong};

    for (unsigned k = 0; k < plan->count; k++)
        for (unsigned i = 0; i < plan->stages[k].count; i++)
            if (load_words(&loader, &plan->stages[k].steps[i].words) != 0)
                return -1;
    return 0;
}
