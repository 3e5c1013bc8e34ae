#include "netsim/run/matrix.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>

#include <event2/event.h>

#include "netsim/run/worker.h"
#include "netsim/run/run.h"

#define GRACE_S        10 /* for a run that shall end, to clean up after itself */
#define TAIL_OUT_BYTES (1 << 20)
#define TAIL_ERR_BYTES 65536
#define SIGNALS        4

struct slot {
    struct netsim_cell *cell; /* NULL: free */
    struct netsim_worker worker;
};

struct matrix {
    const struct netsim_matrix_config *config;
    struct netsim_cells *cells;
    size_t next; /* cell to start */
    struct slot *slots;
    size_t running;
    struct event_base *base;
    struct event *signals[SIGNALS], *grace;
    int stop;  /* the signal that ended it, or 0 */
    int error; /* errno */
};

/* ------------------------------------------------------------------ what came of a run */

/* The server's words stand among the client's, and behind them. */
static json_t *read_object(int fd)
{
    char *text = netsim_worker_tail(fd, TAIL_OUT_BYTES), *line;
    json_t *object = NULL;

    while (object == NULL && text != NULL && text[0] != '\0') {
        line = netsim_last_line(text);
        if (line[0] == '{')
            object = json_loads(line, 0, NULL);
        *line = '\0';
    }
    free(text);
    return object;
}

/* `belay-netsim: backend NAME: why it was taken`, which auto says. */
static void read_backend(struct netsim_cell *cell, const char *errors)
{
    static const char mark[] = "belay-netsim: backend ";
    const char *at = strstr(errors, mark);

    if (strcmp(cell->scenario->settings.backend, "auto") != 0)
        at = cell->scenario->settings.backend;
    else if (at != NULL)
        at += sizeof(mark) - 1;
    else
        return;
    snprintf(cell->backend, sizeof(cell->backend), "%.*s", (int)strcspn(at, ":,; \n"), at);
}

#define OURS "belay-netsim: "

/* The last line that the commands wrote, before the report; empty: none. Cuts text. */
static const char *commands_line(char *text)
{
    static const char report[] = "\nout: ";
    char *line, *found = NULL;

    for (char *at = text; (at = strstr(at, report)) != NULL; at++)
        found = at;
    if (found != NULL)
        *found = '\0';
    while ((line = netsim_last_line(text)) != text && strncmp(line, OURS, strlen(OURS)) == 0)
        line[-1] = '\0';
    return strncmp(line, OURS, strlen(OURS)) == 0 ? "" : line;
}

/* What a command said last, and what belay-netsim did. Cuts errors. NULL: nothing. */
static char *complaint_of(char *errors)
{
    char *last = netsim_last_line(errors), *text = NULL;
    const char *before = "";
    size_t size;

    if (last[0] == '\0')
        return NULL;
    if (last != errors && strncmp(last, OURS, strlen(OURS)) == 0) {
        last[-1] = '\0';
        before = commands_line(errors);
    }
    size = strlen(before) + strlen("; ") + strlen(last) + 1;
    text = malloc(size);
    if (text != NULL)
        snprintf(text, size, "%s%s%s", before, before[0] != '\0' ? "; " : "", last);
    return text;
}

static void read_output(struct netsim_cell *cell, const struct netsim_worker *worker)
{
    char *errors = netsim_worker_tail(worker->err, TAIL_ERR_BYTES);

    cell->client = read_object(worker->out);
    if (errors == NULL)
        return;
    read_backend(cell, errors);
    cell->complaint = complaint_of(errors);
    free(errors);
}

static void take_result(struct netsim_cell *cell, const struct netsim_worker *worker,
                        int status)
{
    char killed[64];

    read_output(cell, worker);
    cell->exit = WIFEXITED(status) ? WEXITSTATUS(status) : NETSIM_EXIT_RUN;
    if (WIFSIGNALED(status)) {
        snprintf(killed, sizeof(killed), "belay-netsim run was ended by signal %d",
                 WTERMSIG(status));
        free(cell->complaint);
        cell->complaint = strdup(killed);
    }
    netsim_cell_judge(cell);
}

static void finish(struct matrix *m, struct slot *slot, int status, double seconds)
{
    struct netsim_cell *cell = slot->cell;

    cell->seconds = seconds;
    if (m->stop != 0) /* that it ended now tells nothing of the command */
        cell->state = NETSIM_CELL_WAITING;
    else
        take_result(cell, &slot->worker, status);
    netsim_worker_close(&slot->worker);
    slot->cell = NULL;
    m->running--;
    m->config->on_change(m->config->arg, cell);
}

/* ------------------------------------------------------------------ starting */

/* What the scenarios of the running ones and of the next allow. */
static size_t jobs_allowed(const struct matrix *m)
{
    uint64_t jobs = m->cells->cells[m->next].scenario->settings.jobs;

    if (jobs == 0 || jobs > m->config->jobs)
        jobs = m->config->jobs;
    for (size_t i = 0; i < m->config->jobs; i++) {
        const struct netsim_cell *cell = m->slots[i].cell;
        uint64_t bound = cell != NULL ? cell->scenario->settings.jobs : 0;

        if (bound != 0 && bound < jobs)
            jobs = bound;
    }
    return (size_t)jobs;
}

static struct slot *free_slot(const struct matrix *m)
{
    size_t i = 0;

    while (m->slots[i].cell != NULL)
        i++;
    return &m->slots[i];
}

static int start(struct matrix *m, struct netsim_cell *cell)
{
    struct slot *slot = free_slot(m);
    struct netsim_cell_args args;
    char prefix[4096];
    const char *folder = m->config->keep;

    if (folder != NULL)
        snprintf(prefix, sizeof(prefix), "%.3800s/%s.%s.%llu", folder, cell->scenario->name,
                 cell->command->name, (unsigned long long)cell->seed);
    netsim_cell_args(cell, m->config->program, &args);
    if (netsim_worker_start(&slot->worker, (char *const *)args.argv,
                            folder != NULL ? prefix : NULL) != 0)
        return -1;
    slot->cell = cell;
    cell->state = NETSIM_CELL_RUNNING;
    m->running++;
    m->config->on_change(m->config->arg, cell);
    return 0;
}

static void stop_with(struct matrix *m, int signal)
{
    static const struct timeval grace = {GRACE_S, 0};

    for (size_t i = 0; i < m->config->jobs; i++)
        if (m->slots[i].cell != NULL)
            netsim_worker_signal(&m->slots[i].worker, m->stop == 0 ? SIGTERM : SIGKILL);
    if (m->stop == 0)
        event_add(m->grace, &grace);
    m->stop = signal;
}

/* As many as may run at a time. */
static void start_more(struct matrix *m)
{
    while (m->stop == 0 && m->next < m->cells->count && m->running < jobs_allowed(m)) {
        if (start(m, &m->cells->cells[m->next]) != 0) {
            m->error = errno;
            stop_with(m, SIGTERM);
            break;
        }
        m->next++;
    }
    if (m->running == 0)
        event_base_loopbreak(m->base);
}

/* ------------------------------------------------------------------ events */

static void on_child(evutil_socket_t signal, short what, void *arg)
{
    struct matrix *m = arg;
    double seconds;
    int status;

    (void)signal;
    (void)what;
    for (size_t i = 0; i < m->config->jobs; i++)
        if (m->slots[i].cell != NULL &&
            netsim_worker_has_ended(&m->slots[i].worker, &status, &seconds))
            finish(m, &m->slots[i], status, seconds);
    start_more(m);
}

/* The second time is a demand. */
static void on_signal(evutil_socket_t signal, short what, void *arg)
{
    (void)what;
    stop_with(arg, signal);
}

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
    struct matrix *m = arg;

    (void)fd;
    (void)what;
    stop_with(m, m->stop);
}

static bool watch(struct matrix *m)
{
    static const int numbers[SIGNALS] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};

    m->base = event_base_new();
    if (m->base == NULL)
        return false;
    for (size_t i = 0; i < SIGNALS; i++) {
        m->signals[i] = evsignal_new(m->base, numbers[i], i == 0 ? on_child : on_signal, m);
        if (m->signals[i] == NULL || event_add(m->signals[i], NULL) != 0)
            return false;
    }
    m->grace = evtimer_new(m->base, on_grace, m);
    return m->grace != NULL;
}

static void unwatch(struct matrix *m)
{
    for (size_t i = 0; i < SIGNALS; i++)
        if (m->signals[i] != NULL)
            event_free(m->signals[i]);
    if (m->grace != NULL)
        event_free(m->grace);
    if (m->base != NULL)
        event_base_free(m->base);
    libevent_global_shutdown();
}

int netsim_matrix_run(struct netsim_cells *cells, const struct netsim_matrix_config *config)
{
    struct matrix m = {.config = config, .cells = cells};

    m.slots = calloc(config->jobs, sizeof(*m.slots));
    if (m.slots == NULL || !watch(&m)) {
        m.error = ENOMEM;
    } else {
        start_more(&m);
        if (m.running > 0)
            event_base_dispatch(m.base);
    }
    unwatch(&m);
    free(m.slots);
    if (m.error == 0)
        return m.stop;
    errno = m.error;
    return -1;
}
