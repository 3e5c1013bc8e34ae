/* The proxy backend: no namespaces, a UDP proxy between two programs on 127.0.0.1. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsim/cli.h"
#include "netsim/live/proxy.h"
#include "netsim/run/crossing.h"
#include "netsim/run/environment.h"
#include "netsim/run/recording.h"
#include "netsim/run/session.h"

#define NAME        "proxy"
#define HOST        "127.0.0.1"
#define CLIENTS_MAX 1024

struct proxied {
    const struct netsim_run_config *run;
    struct netsim_guard *guard;
    struct event_base *base;
    struct netsim_recording recording;
    struct netsim_proxy *proxy;
    uint16_t listen_port, server_port; /* of $NETSIM_LISTEN and $NETSIM_SERVER */
};

static int fail(struct proxied *p, const char *what)
{
    snprintf(p->guard->page->why, NETSIM_WHY_SIZE, "%s: %s", what, strerror(errno));
    return -1;
}

/* ------------------------------------------------------------------ ports and the proxy */

/* A socket at a port of the system's choice: its port, 0 with errno when there is none. */
static uint16_t open_port(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (*fd < 0)
        return 0;
    if (bind(*fd, (struct sockaddr *)&address, len) == 0 &&
        getsockname(*fd, (struct sockaddr *)&address, &len) == 0)
        return ntohs(address.sin_port);
    close(*fd);
    return 0;
}

/* Two that differ: the first is held while the second is looked for. Free a moment ago; the
 * server's bind and ours find out whether they still are. */
static int choose_ports(struct proxied *p)
{
    int first, second;

    p->listen_port = open_port(&first);
    if (p->listen_port == 0)
        return fail(p, "no UDP socket on " HOST);
    p->server_port = open_port(&second);
    close(first);
    if (p->server_port == 0)
        return fail(p, "no UDP socket on " HOST);
    close(second);
    return 0;
}

static void set_address(struct netsim_address *address, uint16_t port)
{
    char text[32];

    snprintf(text, sizeof(text), HOST ":%u", port);
    netsim_address_parse(address, text, false);
}

/* With the client, so that a schedule does not depend on how long a server takes. */
static int new_proxy(void *arg)
{
    struct proxied *p = arg;
    struct netsim_proxy_config config = {
        .out = p->run->out,
        .back = p->run->back,
        .out_seed = p->run->out_seed,
        .back_seed = p->run->back_seed,
        .clients_max = CLIENTS_MAX,
        .log = p->recording.log,
        .pcap = p->recording.pcap,
        .quiet = p->run->quiet,
    };

    set_address(&config.listen, p->server_port);
    set_address(&config.to, p->listen_port);
    p->proxy = netsim_proxy_new(p->base, &config);
    return p->proxy != NULL ? 0 : fail(p, "the proxy can't listen");
}

/* ------------------------------------------------------------------ a run */

static int judge(struct proxied *p, int code)
{
    struct netsim_proxy_counts counts;
    struct netsim_crossing crossing;

    netsim_proxy_counts(p->proxy, &counts);
    crossing = (struct netsim_crossing){.out_in = counts.out_in,
                                        .out = counts.out,
                                        .back_in = counts.back_in,
                                        .back = counts.back,
                                        .has_in = true};
    if (!p->run->quiet) {
        netsim_proxy_report(p->proxy, stderr);
        netsim_crossing_print(&crossing, NAME, p->run->out_seed, stderr);
    }
    return netsim_crossing_judge(&crossing, code, p->guard->page->why, NETSIM_WHY_SIZE);
}

static int hold(struct proxied *p, struct netsim_ready *ready)
{
    const struct netsim_ends ends = {.listen_host = HOST,
                                     .server_host = HOST,
                                     .listen_port = p->listen_port,
                                     .server_port = p->server_port};
    struct netsim_environment environment;
    struct netsim_session_config config = {
        .base = p->base,
        .guard = p->guard,
        .run = p->run,
        .client_net = -1,
        .server_net = -1,
        .client_environment = environment.client,
        .server_environment = environment.server,
        .ready = ready,
        .on_ready = new_proxy,
        .arg = p,
    };
    bool client_ran;
    int code;

    netsim_environment_fill(&environment, &ends, NAME, p->run->out_seed);
    code = netsim_session_run(&config, &client_ran);
    return client_ran ? judge(p, code) : code;
}

static int run_recorded(struct proxied *p)
{
    struct netsim_ready ready;
    int code = NETSIM_EXIT_RUN;

    p->base = event_base_new();
    if (p->base == NULL)
        fail(p, "libevent gives no loop");
    if (p->base == NULL || choose_ports(p) != 0)
        return code;
    if (netsim_ready_open(&ready, p->listen_port) != 0) {
        fail(p, "/proc/net can't be read");
        return code;
    }
    code = hold(p, &ready);
    netsim_ready_close(&ready);
    return code;
}

static int run_inside(struct netsim_guard *guard, void *arg)
{
    struct proxied p = {.run = arg, .guard = guard};
    int code = NETSIM_EXIT_RUN, error = 0;

    if (netsim_recording_open(&p.recording, p.run, NETSIM_PCAPNG_RAW_IP, guard->page->why,
                              NETSIM_WHY_SIZE) != 0)
        return code;
    code = run_recorded(&p);
    if (p.proxy != NULL) {
        error = netsim_proxy_error(p.proxy);
        netsim_proxy_free(p.proxy);
    }
    if (p.base != NULL)
        event_base_free(p.base);
    if (netsim_recording_close(&p.recording, p.run, error, guard->page->why, NETSIM_WHY_SIZE) !=
            0 &&
        code == 0)
        code = NETSIM_EXIT_RUN;
    return code;
}

static int run(const struct netsim_run_config *config)
{
    char why[NETSIM_WHY_SIZE];
    int code = netsim_guard_run(false, run_inside, (void *)config, why, sizeof(why));

    if (why[0] != '\0')
        netsim_cli_fail("%s", why);
    return code;
}

/* ------------------------------------------------------------------ may it, and does it work
 */

static bool probe(char *why, size_t size)
{
    int fd;

    if (open_port(&fd) == 0) {
        snprintf(why, size, "no UDP socket on " HOST ": %s", strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

static bool can(const struct netsim_run_config *config, char *why, size_t size)
{
    if (config->mtu == NETSIM_MTU)
        return true;
    snprintf(why, size, "the proxy has no interface for --mtu; --backend live has");
    return false;
}

const struct netsim_backend netsim_backend_proxy = {
    .name = NAME,
    .what = "a UDP proxy between two programs on " HOST ", without namespaces",
    .can = can,
    .probe = probe,
    .run = run,
};
