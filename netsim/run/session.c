#include "netsim/run/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsim/run/herd.h"

#define READY_EVERY_MS  5
#define READY_WITHIN_MS 10000
#define GRACE_MS        2000

enum state { WAITING, CLIENT_RUNS, ENDING };

struct session {
    const struct netsim_session_config *config;
    struct event *signals[8], *leash, *poll, *late, *kill, *duration;
    enum state state;
    pid_t server, client; /* 0: not there */
    bool timed_out, stopped, client_ran, killed;
    int code;
};

static void say(struct session *s, int code, const char *text)
{
    s->code = code;
    snprintf(s->config->guard->page->why, NETSIM_WHY_SIZE, "%s", text);
}

static void set_ms(struct event *timer, uint64_t ms)
{
    struct timeval after = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

    event_add(timer, &after);
}

/* ------------------------------------------------------------------ the end */

static void begin_end(struct session *s)
{
    if (s->state == ENDING)
        return;
    s->state = ENDING;
    event_del(s->poll);
    event_del(s->late);
    event_del(s->duration);
    if (netsim_herd_is_gone()) {
        event_base_loopbreak(s->config->base);
        return;
    }
    netsim_herd_signal(s->config->guard, SIGTERM);
    set_ms(s->kill, GRACE_MS);
}

/* Of the client, when it does not end as it was told; of the rest, when the client has. */
static void on_kill(evutil_socket_t fd, short what, void *arg)
{
    struct session *s = arg;

    (void)fd;
    (void)what;
    if (s->state == CLIENT_RUNS) {
        kill(-s->client, SIGKILL);
        return;
    }
    netsim_herd_signal(s->config->guard, SIGKILL);
    if (s->config->guard->namespaces || s->killed)
        event_base_loopbreak(s->config->base); /* the rest goes with process 1 */
    s->killed = true;
    set_ms(s->kill, GRACE_MS);
}

static void on_leash(evutil_socket_t fd, short what, void *arg)
{
    struct session *s = arg;

    (void)fd;
    (void)what;
    do /* whose parent dies comes here only then */
        netsim_herd_signal(s->config->guard, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0);
    _exit(NETSIM_EXIT_RUN);
}

/* ------------------------------------------------------------------ the client */

static pid_t start_child(struct session *s, bool is_client)
{
    const struct netsim_session_config *c = s->config;
    struct netsim_child child = {.mask = &c->guard->mask,
                                 .timer_slack_ns = c->guard->timer_slack_ns};
    char text[128];
    pid_t pid;

    child.command = is_client ? c->run->client : c->run->server;
    child.environment = is_client ? c->client_environment : c->server_environment;
    child.net = is_client ? c->client_net : c->server_net;
    child.has_stdin = is_client;
    pid = netsim_child_start(&child);
    if (pid > 0) {
        c->guard->page->groups[is_client ? 1 : 0] = pid;
        return pid;
    }
    snprintf(text, sizeof(text), "the %s can't be started: %s", is_client ? "client" : "server",
             strerror(errno));
    say(s, NETSIM_EXIT_RUN, text);
    begin_end(s);
    return 0;
}

static void start_client(struct session *s)
{
    uint64_t duration_ns = s->config->run->duration_ns;

    event_del(s->poll);
    event_del(s->late);
    if (s->config->on_ready != NULL && s->config->on_ready(s->config->arg) != 0) {
        s->code = NETSIM_EXIT_RUN;
        begin_end(s);
        return;
    }
    s->state = CLIENT_RUNS;
    s->client = start_child(s, true);
    if (s->client > 0 && duration_ns != BELAY_NEVER)
        set_ms(s->duration, (duration_ns + 999999) / 1000000);
}

/* A signal that this program had not sent it. */
static void tell_killed(const struct session *s, int status)
{
    char how[64];

    if (!WIFSIGNALED(status) || s->timed_out || s->stopped)
        return;
    netsim_child_describe(status, how, sizeof(how));
    fprintf(stderr, "belay-netsim: the client ended with %s\n", how);
}

static void on_client_end(struct session *s, int status)
{
    tell_killed(s, status);
    s->client = 0;
    s->client_ran = true;
    s->code = netsim_child_code(status);
    if (s->timed_out && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        say(s, NETSIM_EXIT_TIMEOUT,
            "--duration was over, and the client did not end on SIGINT: it was killed");
    begin_end(s);
}

static void on_duration(evutil_socket_t fd, short what, void *arg)
{
    struct session *s = arg;

    (void)fd;
    (void)what;
    s->timed_out = true;
    if (!s->config->run->quiet)
        fputs("belay-netsim: --duration is over: SIGINT to the client\n", stderr);
    kill(-s->client, SIGINT);
    set_ms(s->kill, GRACE_MS);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct session *s = arg;

    (void)what;
    if (s->state == CLIENT_RUNS) {
        s->stopped = true;
        kill(-s->client, (int)number);
        set_ms(s->kill, GRACE_MS);
    } else if (s->state == WAITING) {
        say(s, 128 + (int)number, "stopped before the client began");
        begin_end(s);
    }
}

/* ------------------------------------------------------------------ the server */

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
    struct session *s = arg;

    (void)fd;
    (void)what;
    if (netsim_ready_check(s->config->ready))
        start_client(s);
    else
        set_ms(s->poll, READY_EVERY_MS);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    struct session *s = arg;
    char text[256];

    (void)fd;
    (void)what;
    if (s->config->ready->port != 0)
        snprintf(text, sizeof(text),
                 "the server is not ready after %d s: no socket is bound to $NETSIM_LISTEN "
                 "(port %u); a port of its own needs --backend live",
                 READY_WITHIN_MS / 1000, s->config->ready->port);
    else
        snprintf(text, sizeof(text),
                 "the server is not ready after %d s: no UDP or TCP socket was bound; for a "
                 "client that needs none write: -- : 'CLIENT'",
                 READY_WITHIN_MS / 1000);
    say(s, NETSIM_EXIT_RUN, text);
    begin_end(s);
}

/* One that goes into the background leaves a child, and may be ready yet. */
static void on_server_end(struct session *s, int status)
{
    char how[64], text[256];
    int code = netsim_child_code(status);

    s->server = 0;
    if (s->state == WAITING && netsim_ready_check(s->config->ready))
        start_client(s);
    else if (s->state == WAITING && (code != 0 || netsim_herd_is_gone())) {
        netsim_child_describe(status, how, sizeof(how));
        snprintf(text, sizeof(text), "the server ended before it was ready, with %s", how);
        say(s,
            WIFEXITED(status) && code >= NETSIM_EXIT_NOT_RUN && code <= NETSIM_EXIT_NOT_FOUND
                ? code
                : NETSIM_EXIT_RUN,
            text);
        begin_end(s);
    } else if (s->state == CLIENT_RUNS && code != 0) {
        netsim_child_describe(status, how, sizeof(how));
        fprintf(stderr, "belay-netsim: the server ended before the client, with %s\n", how);
    }
}

/* The server first, if both have ended: that it went before the client is told. */
static void reap(struct session *s)
{
    bool client_ended = false;
    int status, client_status = 0;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->server)
            on_server_end(s, status);
        if (pid == s->client) {
            client_ended = true;
            client_status = status;
        }
    }
    if (client_ended)
        on_client_end(s, client_status);
}

static void on_child(evutil_socket_t number, short what, void *arg)
{
    struct session *s = arg;

    (void)number;
    (void)what;
    reap(s);
    if (s->state != ENDING)
        return;
    if (netsim_herd_is_gone())
        event_base_loopbreak(s->config->base);
    else if (s->killed)
        netsim_herd_signal(s->config->guard, SIGKILL); /* orphans that have just come */
}

/* ------------------------------------------------------------------ all of it */

static bool watch_signal(struct session *s, int number, int place, event_callback_fn callback)
{
    s->signals[place] = evsignal_new(s->config->base, number, callback, s);
    return s->signals[place] != NULL && event_add(s->signals[place], NULL) == 0;
}

/* What came since the guard began waits, blocked, and comes now. */
static bool watch_signals(struct session *s)
{
    static const int all[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    sigset_t unblock = s->config->guard->signals;
    int place = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (sigismember(&s->config->guard->signals, all[i]) &&
            !watch_signal(s, all[i], place++, on_signal))
            return false;
    if (!watch_signal(s, SIGCHLD, place, on_child))
        return false;
    sigaddset(&unblock, SIGCHLD);
    return sigprocmask(SIG_UNBLOCK, &unblock, NULL) == 0;
}

static bool init(struct session *s)
{
    struct event_base *base = s->config->base;

    s->leash = event_new(base, s->config->guard->leash, EV_READ, on_leash, s);
    s->poll = evtimer_new(base, on_poll, s);
    s->late = evtimer_new(base, on_late, s);
    s->kill = evtimer_new(base, on_kill, s);
    s->duration = evtimer_new(base, on_duration, s);
    return s->leash != NULL && s->poll != NULL && s->late != NULL && s->kill != NULL &&
           s->duration != NULL && event_add(s->leash, NULL) == 0 && watch_signals(s);
}

static void dispose(struct session *s)
{
    struct event *all[] = {s->leash, s->poll, s->late, s->kill, s->duration};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i] != NULL)
            event_free(all[i]);
    for (size_t i = 0; i < sizeof(s->signals) / sizeof(s->signals[0]); i++)
        if (s->signals[i] != NULL)
            event_free(s->signals[i]);
}

static void begin(struct session *s)
{
    if (s->config->run->server[0] == '\0') {
        start_client(s);
        return;
    }
    s->server = start_child(s, false);
    if (s->server == 0)
        return;
    set_ms(s->poll, READY_EVERY_MS);
    set_ms(s->late, READY_WITHIN_MS);
}

int netsim_session_run(const struct netsim_session_config *config, bool *client_ran)
{
    struct session s = {.config = config};

    if (init(&s)) {
        begin(&s);
        if (!event_base_got_break(config->base))
            event_base_dispatch(config->base);
    } else {
        say(&s, NETSIM_EXIT_RUN, "libevent gives no events");
    }
    dispose(&s);
    *client_ran = s.client_ran;
    return s.code;
}
