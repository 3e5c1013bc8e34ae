/* The kernel backend: two namespaces, and the kernel's own netem on both ends of their wire. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/run/counters.h"
#include "netsim/run/lab_session.h"
#include "netsim/run/qdisc.h"

#define NAME "kernel"

static const struct netsim_words *words_of(const struct netsim_plan *plan)
{
    return &plan->stages[0].steps[0].words;
}

static bool is_clean(const char *text)
{
    return text == NULL || text[strspn(text, " \t\n")] == '\0';
}

/* ------------------------------------------------------------------ a run */

static int add_link(struct netsim_lab_session *session, int net, const struct netsim_plan *plan,
                    const uint64_t *seed, const char *name)
{
    char why[256];

    if (netsim_qdisc_add(net, NETSIM_LAB_INTERFACE, words_of(plan), seed, why, sizeof(why)) ==
        0)
        return 0;
    snprintf(session->guard->page->why, NETSIM_WHY_SIZE, "%s: %s", name, why);
    return -1;
}

/* The loopback of the middle, which nobody uses, finds out whether seeds are taken. */
static int add_links(struct netsim_lab_session *session)
{
    const struct netsim_run_config *run = session->run;
    char *why = session->guard->page->why;
    bool has_seed;

    if (netsim_qdisc_try(session->lab.middle, "lo", &has_seed, why, NETSIM_WHY_SIZE) != 0 ||
        add_link(session, session->lab.client, run->out, has_seed ? &run->out_seed : NULL,
                 "--link") != 0)
        return -1;
    if (!has_seed && !run->quiet)
        fputs("belay-netsim: note: this kernel's netem or this tc has no seed (Linux and "
              "iproute2 have it from 6.6 on): another run decides otherwise\n",
              stderr);
    if (is_clean(run->back_text))
        return 0;
    return add_link(session, session->lab.server, run->back, has_seed ? &run->back_seed : NULL,
                    "--link-back");
}

/* Nothing else sends: see lab.h. */
static void count(struct netsim_lab_session *session, struct netsim_crossing *crossing)
{
    const struct netsim_lab *lab = &session->lab;

    *crossing = (struct netsim_crossing){.has_in = false};
    if (netsim_counters_read(lab->server, lab->middle, NETSIM_LAB_INTERFACE, &crossing->out) !=
            0 ||
        netsim_counters_read(lab->client, lab->middle, NETSIM_LAB_INTERFACE, &crossing->back) !=
            0)
        netsim_cli_fail("the interfaces' counters can't be read: %s", strerror(errno));
    if (session->run->quiet)
        return;
    netsim_qdisc_show(lab->client, NETSIM_LAB_INTERFACE, "out");
    netsim_qdisc_show(lab->server, NETSIM_LAB_INTERFACE, "back");
}

static int run_inside(struct netsim_guard *guard, void *arg)
{
    struct netsim_lab_session session = {.backend = NAME,
                                         .shape = NETSIM_LAB_DIRECT,
                                         .run = arg,
                                         .guard = guard,
                                         .prepare = add_links,
                                         .count = count};
    int code = netsim_lab_session_run(&session);

    if (session.base != NULL)
        event_base_free(session.base);
    return code;
}

static int run(const struct netsim_run_config *config)
{
    char why[NETSIM_WHY_SIZE];
    int code = netsim_guard_run(true, run_inside, (void *)config, why, sizeof(why));

    if (why[0] != '\0')
        netsim_cli_fail("%s", why);
    return code;
}

/* ------------------------------------------------------------------ may it, and does it work
 */

/* 0, or -1: no netem; with arg also where its netem has no seed. */
static int try_netem(struct netsim_lab_session *session)
{
    bool has_seed;

    if (netsim_qdisc_try(session->lab.client, NETSIM_LAB_INTERFACE, &has_seed,
                         session->guard->page->why, NETSIM_WHY_SIZE) != 0)
        return -1;
    return session->arg == NULL || has_seed ? 0 : -1;
}

static int try_inside(struct netsim_guard *guard, void *arg)
{
    struct netsim_lab_session session = {
        .shape = NETSIM_LAB_DIRECT, .guard = guard, .prepare = try_netem, .arg = arg};

    return netsim_lab_session_try(&session);
}

static bool probe(char *why, size_t size)
{
    return netsim_guard_try(try_inside, NULL, why, size);
}

static bool lacks_seed(void)
{
    char why[NETSIM_WHY_SIZE];
    bool asked = true;

    return probe(why, sizeof(why)) && !netsim_guard_try(try_inside, &asked, why, sizeof(why));
}

static bool can(const struct netsim_run_config *config, char *why, size_t size)
{
    const char *extension = netsim_plan_extension(config->out);

    if (extension == NULL)
        extension = netsim_plan_extension(config->back);
    if (extension != NULL)
        snprintf(why, size, "the kernel's netem has no %s; --backend live has",
                 strncmp(extension, "a ", 2) == 0 ? extension + 2 : extension);
    else if (config->log != NULL || config->pcap != NULL)
        snprintf(why, size, "the kernel's netem writes no %s; --backend live does",
                 config->log != NULL ? "--log" : "--pcap");
    else if (config->has_seed && lacks_seed())
        snprintf(why, size,
                 "the netem of this kernel, or this tc, has no seed; --backend live "
                 "has");
    else
        return true;
    return false;
}

const struct netsim_backend netsim_backend_kernel = {
    .name = NAME,
    .what = "the kernel's own netem, between two network namespaces",
    .can = can,
    .probe = probe,
    .run = run,
};
