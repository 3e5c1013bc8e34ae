/* belay-echo-server: options in, a server until a signal. */
#include "server.h"

#include "listen.h"
#include "options.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

enum { LISTEN = 256, CC, PLAIN, JSON };

static const struct option_row rows[] = {
    {LISTEN, "listen", "ADDR:PORT",
     "listen there; :PORT is every address of both families,\n"
     "port 0 any free one [:10000]"},
    {SECURITY_KEY, "key", "FILE",
     "the server's private key, which belay-keygen makes;\n"
     "without it a temporary one is made"},
    {SECURITY_AUTHORIZED, "authorized", "FILE",
     "let in only clients with one of these public keys, one a\n"
     "line, with a name behind it"},
    {SECURITY_PSK, "psk", "FILE",
     "let in only clients that know this shared secret, which\n"
     "'belay-keygen --psk' makes"},
    {SECURITY_INSECURE, "insecure", NULL, "no encryption; clients must say so, too"},
    {SECURITY_KEY_LOG, "key-log", "FILE",
     "append the secrets of all connections to FILE, to decrypt\n"
     "recorded packets with"},
    {CC, "cc", "NAME",
     "congestion controller of what this side sends: bbr, cubic\n"
     "or newreno [bbr]"},
    {PLAIN, "plain", NULL, "plain UDP echo instead of Belay, for nc -u and the like"},
    {JSON, "json", NULL, "print each event as a JSON object, one a line"},
    {'q', "quiet", NULL, "print only the address listened on and the summary"},
    {0, NULL, NULL, NULL},
};

static const struct program program = {
    .name = SERVER_NAME,
    .synopsis = "[OPTION...]",
    .about = "Sends every message back to whom it came from. The first line of output is\n"
             "'listening on ADDR:PORT'. SIGINT or SIGTERM ends it: what is under way is\n"
             "finished and a summary printed; a second one ends it at once.",
    .rows = rows,
};

struct run {
    const struct server_kind *kind;
    struct server *server;
    struct event_base *base;
    bool draining;
};

void server_complain(const struct server_options *options, int error)
{
    listen_complain(SERVER_NAME, options->listen, error);
}

static void take_listen(struct server_options *options)
{
    const char *wrong = address_parse(optarg, &options->address);
    if (strcmp(options->address.host, "*") == 0)
        options->address.host[0] = '\0';
    if (!wrong && *optarg && strspn(optarg, "0123456789") == strlen(optarg))
        wrong = "a port alone is written with a colon, as in :10000";
    if (wrong)
        options_fail(&program, "--listen '%s': %s", optarg, wrong);
    options->listen = optarg;
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct run *run = ctx;
    if (run->draining) {
        event_base_loopbreak(run->base);
        return;
    }
    run->draining = true;
    run->kind->drain(run->server);
}

static int serve(struct run *run, const struct server_options *options)
{
    struct report report = {
        .quiet = options->quiet, .json = options->json, .plain = options->plain};
    struct event *interrupt = evsignal_new(run->base, SIGINT, on_signal, run);
    struct event *terminate = evsignal_new(run->base, SIGTERM, on_signal, run);
    int code = EXIT_FAILURE;
    if (!interrupt || !terminate || report_init(&report, run->base) != 0 ||
        evsignal_add(interrupt, NULL) != 0 || evsignal_add(terminate, NULL) != 0)
        server_complain(options, ENOMEM);
    else
        run->server = run->kind->open(run->base, options, &report);
    if (run->server) {
        event_base_dispatch(run->base);
        run->kind->free(run->server);
        report_summary(&report);
        code = EXIT_SUCCESS;
    }
    report_dispose(&report);
    if (interrupt)
        event_free(interrupt);
    if (terminate)
        event_free(terminate);
    return code;
}

int main(int argc, char **argv)
{
    struct server_options options = {
        .listen = ":10000",
        .address = {.port = ADDRESS_PORT_DEFAULT},
    };
    signal(SIGPIPE, SIG_IGN);
    for (int key; (key = options_next(&program, argc, argv)) != -1;) {
        if (key == LISTEN)
            take_listen(&options);
        security_take(&program, &options.security, key);
        if (key == CC)
            options.congestion = options_congestion(&program, "cc");
        options.plain |= key == PLAIN;
        options.json |= key == JSON;
        options.quiet |= key == 'q';
    }
    if (optind < argc)
        options_fail(&program, "'%s': no operand is taken: an address goes with --listen",
                     argv[optind]);
    security_check_server(&program, &options.security, options.plain);
    if (options.plain && options.congestion)
        options_fail(&program, "--plain: plain UDP has no congestion control: leave --cc out");

    struct run run = {.kind = options.plain ? &server_plain : &server_belay};
    run.base = event_base_new();
    if (run.base == NULL) {
        server_complain(&options, ENOMEM);
        return EXIT_FAILURE;
    }
    int code = serve(&run, &options);
    event_base_free(run.base);
    return options_finish(&program, code);
}
