#include "netsim/run/lab_session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "netsim/run/environment.h"
#include "netsim/run/localhost.h"
#include "netsim/run/localhost6.h"
#include "netsim/run/namespaces.h"
#include "netsim/run/session.h"

static int on_ready(void *arg)
{
    struct netsim_lab_session *session = arg;

    if (session->run->server[0] != '\0') {
        if (session->lab.has_localhost)
            netsim_localhost_answer(session->lab.server, session->ready);
        if (session->lab.has_ipv6)
            session->localhost6 =
                netsim_localhost6_new(session->base, &session->lab, session->ready);
    }
    return session->on_ready != NULL ? session->on_ready(session) : 0;
}

static int open_ready(const struct netsim_lab *lab, struct netsim_ready *ready)
{
    int result = netsim_namespaces_join(lab->server) == 0 ? netsim_ready_open(ready, 0) : -1;

    return netsim_namespaces_join(lab->middle) == 0 ? result : -1;
}

static int judge(struct netsim_lab_session *session, int code)
{
    const struct netsim_run_config *run = session->run;
    struct netsim_crossing crossing = {0};

    session->count(session, &crossing);
    if (!run->quiet)
        netsim_crossing_print(&crossing, session->backend, run->out_seed, stderr);
    return netsim_crossing_judge(&crossing, code, session->guard->page->why, NETSIM_WHY_SIZE);
}

static int hold(struct netsim_lab_session *session, struct netsim_ready *ready)
{
    struct netsim_environment environment;
    struct netsim_session_config config = {
        .base = session->base,
        .guard = session->guard,
        .run = session->run,
        .client_net = session->lab.client,
        .server_net = session->lab.server,
        .client_environment = environment.client,
        .server_environment = environment.server,
        .ready = ready,
        .on_ready = on_ready,
        .arg = session,
    };
    bool client_ran;
    int code;

    session->ready = ready;
    netsim_environment_of_lab(&environment, session->lab.has_ipv6, session->backend,
                              session->run->out_seed);
    code = netsim_session_run(&config, &client_ran);
    return client_ran ? judge(session, code) : code;
}

static int run_in_lab(struct netsim_lab_session *session)
{
    char *why = session->guard->page->why;
    struct netsim_ready ready;
    int code;

    if (session->prepare != NULL && session->prepare(session) != 0)
        return NETSIM_EXIT_RUN;
    if (!session->lab.has_localhost && !session->run->quiet)
        fputs(
            "belay-netsim: note: /proc/sys can't be written here: 127.0.0.1 does not lead over "
            "the link, only $NETSIM_SERVER does\n",
            stderr);
    session->base = event_base_new();
    if (session->base == NULL || open_ready(&session->lab, &ready) != 0) {
        snprintf(why, NETSIM_WHY_SIZE, "%s: %s",
                 session->base == NULL ? "libevent gives no loop" : "/proc/net can't be read",
                 strerror(errno));
        return NETSIM_EXIT_RUN;
    }
    code = hold(session, &ready);
    netsim_localhost6_free(session->localhost6);
    netsim_ready_close(&ready);
    return code;
}

/* ------------------------------------------------------------------ the lab */

static void tell_tun(const struct netsim_lab_session *session, const char *reason)
{
    if (session->run != NULL && !session->run->quiet)
        fprintf(stderr, "belay-netsim: note: TUN devices instead of veth pairs%s%s\n",
                reason[0] != '\0' ? ": " : "", reason);
}

/* Why it has no TUN devices either is told after why it has not what was wanted. */
static int build_with_tun(struct netsim_lab_session *session, uint32_t mtu)
{
    char *why = session->guard->page->why, other[NETSIM_WHY_SIZE];
    size_t used = strlen(why);

    session->shape = NETSIM_LAB_TUN;
    if (netsim_lab_build(&session->lab, session->shape, mtu, other, sizeof(other)) == 0) {
        tell_tun(session, why);
        why[0] = '\0';
        return 0;
    }
    if (strcmp(other, why) != 0)
        snprintf(why + used, NETSIM_WHY_SIZE - used, "; %s", other);
    return -1;
}

static int build(struct netsim_lab_session *session, uint32_t mtu)
{
    int result = netsim_lab_build(&session->lab, session->shape, mtu, session->guard->page->why,
                                  NETSIM_WHY_SIZE);

    if (result != 0)
        return session->or_tun ? build_with_tun(session, mtu) : -1;
    if (session->shape == NETSIM_LAB_TUN)
        tell_tun(session, "");
    return 0;
}

/* ------------------------------------------------------------------ all of it */

int netsim_lab_session_run(struct netsim_lab_session *session)
{
    int code;

    if (build(session, session->run->mtu) != 0)
        return NETSIM_EXIT_RUN;
    code = run_in_lab(session);
    if (session->end != NULL)
        session->end(session);
    netsim_lab_close(&session->lab);
    return code;
}

int netsim_lab_session_try(struct netsim_lab_session *session)
{
    int result = build(session, NETSIM_MTU);

    if (result == 0 && session->prepare != NULL)
        result = session->prepare(session);
    netsim_lab_close(&session->lab);
    return result == 0 ? 0 : 1;
}
