#include "netsim/run/localhost.h"

#include <stdio.h>

#include "netsim/run/run.h"
#include "netsim/run/switches.h"
#include "netsim/run/tool.h"

#define TABLE "100"

/* Interfaces that are made later begin with the default's. */
bool netsim_localhost_allow(void)
{
    static const char *const switches[][2] = {
        {"ipv4/conf/all/rp_filter", "0"},      {"ipv4/conf/default/rp_filter", "0"},
        {"ipv4/conf/all/route_localnet", "1"}, {"ipv4/conf/default/route_localnet", "1"},
        {"ipv4/conf/all/accept_local", "1"},   {"ipv4/conf/default/accept_local", "1"},
    };

    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
        if (netsim_switches_set(switches[i][0], switches[i][1]) != 0)
            return false;
    return true;
}

/* The table of local addresses comes first, at 0; it must come after the rules of ours. */
#define LOCAL_LATER "rule add pref 10 lookup local\nrule del pref 0\n"
#define WIRE        "route add 127.0.0.0/8 dev net0 table " TABLE " via "

static int route_by_rules(int client, int server, char *why, size_t size)
{
    static const char client_batch[] = WIRE NETSIM_SERVER_IPV4
        " src " NETSIM_CLIENT_IPV4 "\n"
        "rule add pref 1 iif lo to 127.0.0.0/8 lookup " TABLE "\n" LOCAL_LATER;
    static const char server_batch[] = WIRE NETSIM_CLIENT_IPV4 "\n" LOCAL_LATER;

    if (netsim_tool_ip(server_batch, server, why, size) != 0)
        return -1;
    return netsim_tool_ip(client_batch, client, why, size);
}

/* The main table is asked when no local address is found. */
static int route_by_main(int client, char *why, size_t size)
{
    static const char batch[] = "addr del 127.0.0.1/8 dev lo\n"
                                "route add 127.0.0.0/8 via " NETSIM_SERVER_IPV4
                                " dev net0 src " NETSIM_CLIENT_IPV4 "\n";

    return netsim_tool_ip(batch, client, why, size);
}

int netsim_localhost_route(int client, int server, char *why, size_t size)
{
    if (route_by_rules(client, server, why, size) == 0)
        return 0;
    return route_by_main(client, why, size);
}

/* Also a socket on :: takes IPv4. */
static bool takes_ipv4(const struct netsim_port *port)
{
    return !port->ipv6 || !port->loopback;
}

static bool is_told(const struct netsim_port *ports, unsigned i)
{
    for (unsigned k = 0; k < i; k++)
        if (takes_ipv4(&ports[k]) && ports[k].tcp == ports[i].tcp &&
            ports[k].number == ports[i].number)
            return true;
    return false;
}

void netsim_localhost_answer(int server, struct netsim_ready *ready)
{
    struct netsim_port ports[NETSIM_PORTS_MAX];
    unsigned count = netsim_ready_list(ready, ports, NETSIM_PORTS_MAX);
    char batch[NETSIM_PORTS_MAX * 96] = "", why[256];
    size_t used = 0;

    for (unsigned i = 0; i < count; i++)
        if (takes_ipv4(&ports[i]) && !is_told(ports, i))
            used +=
                (size_t)snprintf(batch + used, sizeof(batch) - used,
                                 "rule add pref 1 iif lo to 127.0.0.0/8 ipproto %s sport %u "
                                 "lookup " TABLE "\n",
                                 ports[i].tcp ? "tcp" : "udp", ports[i].number);
    if (used > 0)
        (void)!netsim_tool_ip(batch, server, why, sizeof(why));
}
