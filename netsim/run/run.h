/*
 * run.h - two programs with a bad link between them: what `belay-netsim run` does, whatever the
 * backend.
 *
 *     kernel   two network namespaces, a veth pair, the kernel's own netem on both ends
 *     live     three namespaces: the model in real time between two veth pairs
 *     proxy    no namespaces: a UDP proxy between two programs on this host's loopback
 *     vm       the kernel backend in a virtual machine with a clock of its own
 *
 * Exit codes of a run: the client's, or NETSIM_EXIT_*: 125 to 127 as env(1) has them.
 */
#ifndef NETSIM_RUN_H
#define NETSIM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsim/model/plan.h"

#define NETSIM_EXIT_RUN       125 /* netsim itself failed, or nothing crossed the link */
#define NETSIM_EXIT_NOT_RUN   126 /* a command was found and could not be run */
#define NETSIM_EXIT_NOT_FOUND 127 /* a command was not found */
#define NETSIM_EXIT_TIMEOUT   124 /* --duration was over and the client would not end */

/* Addresses of the namespaces. 198.18.0.0/15 is for network tests (RFC 2544, C.2.2). */
#define NETSIM_SERVER_IPV4 "198.18.0.1"
#define NETSIM_CLIENT_IPV4 "198.18.0.2"
#define NETSIM_SERVER_IPV6 "fd42:198:18::1"
#define NETSIM_CLIENT_IPV6 "fd42:198:18::2"
#define NETSIM_MTU         1500
#define NETSIM_PORT        10000 /* in $NETSIM_LISTEN and $NETSIM_SERVER */

struct netsim_run_config {
    const char *server, *client;      /* for sh -c */
    const char *out_text, *back_text; /* --link and --link-back; back_text NULL: clean */
    const struct netsim_plan *out, *back;
    uint64_t out_seed, back_seed;
    bool has_seed;          /* somebody asked for this seed: it must count */
    const char *log, *pcap; /* files, or NULL */
    uint64_t duration_ns;   /* BELAY_NEVER: as long as the client runs */
    uint32_t mtu;           /* of the namespaces' interfaces, bytes of IP packet [1500] */
    bool quiet;
    char **carry; /* vm: further files and folders, NULL-terminated */
};

struct netsim_backend {
    const char *name, *what;
    /* What of the config this backend can't do, and which one can: a sentence in why, false. */
    bool (*can)(const struct netsim_run_config *config, char *why, size_t size);
    /* Does it work on this machine, for this user? Tries, leaves nothing behind. */
    bool (*probe)(char *why, size_t size);
    /* Runs to the end. The exit code. */
    int (*run)(const struct netsim_run_config *config);
};

extern const struct netsim_backend netsim_backend_kernel, netsim_backend_live,
    netsim_backend_proxy, netsim_backend_vm;

#endif
