/* belay-netsim proxy: options and the event loop around proxy.c. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "netsim/cli.h"
#include "netsim/live/proxy.h"
#include "netsim/model/random.h"

struct options {
    const char *listen, *to, *out, *back, *log, *pcap;
    bool has_seed, quiet;
    uint64_t seed, clients_max;
    struct netsim_plan *out_plan, *back_plan;
};

static void print_help(void)
{
    puts(
        "Usage: belay-netsim proxy --listen ADDR:PORT --to ADDR:PORT --link 'WORDS' "
        "[OPTION]...\n\n"
        "Relays UDP between clients and a server, through a link in each direction.\n"
        "IPv6: [::1]:PORT. Port 0 of --listen: any; the first line of output says which:\n"
        "listening on 127.0.0.1:PORT\n\n"
        "  --link WORDS       the way out, as after `netem` in tc-netem(8); stages with |,\n"
        "                     changes with `; at TIME`, and x-words (see the manual)\n"
        "  --link-back WORDS  the way back; without it the way back is clean\n"
        "  --seed N           the same seed, the same decisions; a seed in WORDS counts "
        "before\n"
        "                     it; the way back has a seed derived from N (see the manual);\n"
        "                     none: one is chosen and shown on stderr\n"
        "  --log FILE         JSON lines: every packet that comes in, goes out, is dropped\n"
        "  --pcap FILE        pcapng for Wireshark, what became of each packet as its comment\n"
        "  --clients N        at most; the one silent longest yields to a new one [256]\n"
        "  --quiet            only the listening line, and errors\n"
        "  --help\n\n"
        "All clients share the links. Lengths count 28 bytes of headers (IPv6: 48). A bit\n"
        "flipped by `corrupt` in the headers is a drop; in the payload it is delivered, under\n"
        "a right UDP checksum. Ends at SIGINT or SIGTERM with the counters.");
}

enum {
    OPT_LISTEN = 256,
    OPT_TO,
    OPT_LINK,
    OPT_LINK_BACK,
    OPT_SEED,
    OPT_LOG,
    OPT_PCAP,
    OPT_CLIENTS,
    OPT_QUIET,
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"to", required_argument, NULL, OPT_TO},
    {"link", required_argument, NULL, OPT_LINK},
    {"link-back", required_argument, NULL, OPT_LINK_BACK},
    {"seed", required_argument, NULL, OPT_SEED},
    {"log", required_argument, NULL, OPT_LOG},
    {"pcap", required_argument, NULL, OPT_PCAP},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int take_option(struct options *o, int option)
{
    switch (option) {
    case OPT_LISTEN:
        o->listen = optarg;
        return 0;
    case OPT_TO:
        o->to = optarg;
        return 0;
    case OPT_LINK:
        o->out = optarg;
        return 0;
    case OPT_LINK_BACK:
        o->back = optarg;
        return 0;
    case OPT_SEED:
        o->has_seed = true;
        return netsim_cli_u64(&o->seed, "seed", optarg, UINT64_MAX);
    case OPT_LOG:
        o->log = optarg;
        return 0;
    case OPT_PCAP:
        o->pcap = optarg;
        return 0;
    case OPT_CLIENTS:
        return netsim_cli_u64(&o->clients_max, "clients", optarg, 65536);
    case OPT_QUIET:
        o->quiet = true;
        return 0;
    default: /* getopt has told */
        return netsim_cli_try_help("proxy");
    }
}

static int configure(struct netsim_proxy_config *config, struct options *o)
{
    const char *wrong;
    int code;

    if (o->listen == NULL || o->to == NULL || o->out == NULL)
        return netsim_cli_usage("--listen, --to and --link must be there; try: --listen "
                                "127.0.0.1:0 --to 127.0.0.1:4433 --link 'delay 20ms loss 5%%'");
    if (o->clients_max == 0)
        return netsim_cli_usage("--clients: at least 1");
    wrong = netsim_address_parse(&config->listen, o->listen, true);
    if (wrong != NULL)
        return netsim_cli_usage("--listen: `%s`: %s", o->listen, wrong);
    wrong = netsim_address_parse(&config->to, o->to, false);
    if (wrong != NULL)
        return netsim_cli_usage("--to: `%s`: %s", o->to, wrong);
    code = netsim_cli_plan(&o->out_plan, o->out, o->quiet);
    if (code == 0)
        code = netsim_cli_plan(&o->back_plan, o->back != NULL ? o->back : "", o->quiet);
    if (code != 0)
        return code;
    config->out = o->out_plan;
    config->back = o->back_plan;
    config->out_seed = netsim_cli_plan_seed(o->has_seed ? &o->seed : NULL, config->out);
    config->back_seed = netsim_seed_derive(config->out_seed, NETSIM_STREAM_BACK);
    config->clients_max = (size_t)o->clients_max;
    config->quiet = o->quiet;
    return 0;
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
    (void)signal;
    (void)what;
    event_base_loopexit(arg, NULL); /* what came before the signal is still read */
}

static void announce(const struct netsim_proxy *proxy, const struct options *o)
{
    char name[NETSIM_ADDRESS_TEXT_SIZE];

    netsim_address_format(netsim_proxy_address(proxy), name);
    printf("listening on %s\n", name);
    if (!o->quiet && o->back == NULL)
        puts("the way back is clean: there is no --link-back");
    fflush(stdout);
}

static int serve(struct event_base *base, const struct netsim_proxy_config *config,
                 const struct options *o)
{
    struct event *interrupt = evsignal_new(base, SIGINT, on_signal, base);
    struct event *terminate = evsignal_new(base, SIGTERM, on_signal, base);
    struct netsim_proxy *proxy = NULL;
    int code = 0;

    if (interrupt == NULL || terminate == NULL || event_add(interrupt, NULL) != 0 ||
        event_add(terminate, NULL) != 0)
        code = netsim_cli_fail("libevent can't watch signals");
    else if ((proxy = netsim_proxy_new(base, config)) == NULL)
        code = netsim_cli_fail("can't listen on %s: %s", o->listen, strerror(errno));
    if (code == 0) {
        announce(proxy, o);
        event_base_dispatch(base);
        if (!o->quiet) {
            netsim_proxy_report(proxy, stdout);
            if (o->back == NULL)
                puts("the way back was clean: there is no --link-back");
        }
        if (netsim_proxy_error(proxy) != 0)
            code = NETSIM_EXIT_FAILURE; /* told when it happened */
    }
    if (proxy != NULL)
        netsim_proxy_free(proxy);
    if (interrupt != NULL)
        event_free(interrupt);
    if (terminate != NULL)
        event_free(terminate);
    return code;
}

static int run_loop(const struct netsim_proxy_config *config, const struct options *o)
{
    struct event_base *base = event_base_new();
    int code =
        base == NULL ? netsim_cli_fail("libevent gives no loop") : serve(base, config, o);

    if (base != NULL)
        event_base_free(base);
    libevent_global_shutdown();
    return code;
}

static struct netsim_pcapng *open_capture(const struct options *o)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return netsim_pcapng_open(o->pcap, NETSIM_PCAPNG_RAW_IP,
                              (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
                              o->out, o->back != NULL ? o->back : "");
}

static int run(struct netsim_proxy_config *config, const struct options *o)
{
    int code;

    if (o->log != NULL && (config->log = fopen(o->log, "w")) == NULL)
        return netsim_cli_fail("%s: %s", o->log, strerror(errno));
    if (o->pcap != NULL && (config->pcap = open_capture(o)) == NULL)
        code = netsim_cli_fail("%s: %s", o->pcap, strerror(errno));
    else
        code = run_loop(config, o);
    if (config->pcap != NULL && netsim_pcapng_close(config->pcap) != 0)
        code = netsim_cli_fail("%s: %s", o->pcap, strerror(errno));
    if (config->log != NULL && fclose(config->log) != 0)
        code = netsim_cli_fail("%s: %s", o->log, strerror(errno));
    if (fflush(stdout) != 0)
        code = netsim_cli_fail("standard output: %s", strerror(errno));
    return code;
}

int netsim_cmd_proxy(int argc, char **argv)
{
    struct netsim_proxy_config config = {0};
    struct options o = {.clients_max = 256};
    int option, code;

    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return 0;
        }
        code = take_option(&o, option);
        if (code != 0)
            return code;
    }
    if (optind < argc)
        return netsim_cli_usage("`%s` is left over: quote the words of --link", argv[optind]);
    code = configure(&config, &o);
    if (code == 0) {
        signal(SIGPIPE, SIG_IGN);
        code = run(&config, &o);
    }
    netsim_plan_free(o.out_plan);
    netsim_plan_free(o.back_plan);
    return code;
}
