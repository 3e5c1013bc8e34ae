#include "netsim/run/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsim/run/hosts.h"
#include "netsim/run/localhost.h"
#include "netsim/run/namespaces.h"
#include "netsim/run/offload.h"
#include "netsim/run/run.h"
#include "netsim/run/switches.h"
#include "netsim/run/tool.h"

#define CLIENT_MAC "02:00:c6:12:00:02"
#define SERVER_MAC "02:00:c6:12:00:01"
#define TUN_QUEUE  16384 /* frames that wait to be read; the driver has 500 */
#define IPV6_MTU   1280  /* RFC 8200: the least; Linux has no IPv6 below it */

struct batch {
    size_t used;
    char text[2048];
};

__attribute__((format(printf, 2, 3))) static void add(struct batch *batch, const char *format,
                                                      ...)
{
    size_t room = sizeof(batch->text) - batch->used;
    va_list args;

    va_start(args, format);
    batch->used += (size_t)vsnprintf(batch->text + batch->used, room, format, args);
    va_end(args);
}

/* ------------------------------------------------------------------ switches in /proc/sys */

/* Not there without IPv6, and a /proc that is read-only leaves it as it is. */
static void silence_ipv6(void)
{
    netsim_switches_set("ipv6/conf/default/accept_ra", "0");
    netsim_switches_set("ipv6/conf/default/autoconf", "0");
    netsim_switches_set("ipv6/conf/default/router_solicitations", "0");
}

/* Anybody in the namespace may ping without privileges. */
static void allow_ping(void)
{
    netsim_switches_set("ipv4/ping_group_range", "0 0");
}

static int set_switches(const struct netsim_lab *lab, int side, bool *localhost)
{
    if (netsim_namespaces_join(side) != 0)
        return -1;
    *localhost = netsim_localhost_allow() && *localhost;
    silence_ipv6();
    allow_ping();
    return netsim_namespaces_join(lab->middle);
}

static int set_all_switches(struct netsim_lab *lab)
{
    lab->has_localhost = true;
    if (set_switches(lab, lab->client, &lab->has_localhost) != 0 ||
        set_switches(lab, lab->server, &lab->has_localhost) != 0)
        return -1;
    netsim_switches_set("ipv6/conf/default/disable_ipv6", "1"); /* the relay's own interfaces */
    return 0;
}

/* ------------------------------------------------------------------ wires and addresses */

/* What TUN devices are, is open already. */
static void add_wires(struct batch *batch, const struct netsim_lab *lab,
                      enum netsim_lab_shape shape, uint32_t mtu)
{
    if (shape == NETSIM_LAB_TUN)
        return;
    if (shape == NETSIM_LAB_DIRECT) {
        add(batch,
            "link add net0 netns /proc/self/fd/%d address " CLIENT_MAC
            " mtu %u type veth peer name net0 netns /proc/self/fd/%d address " SERVER_MAC
            " mtu %u\n",
            lab->client, mtu, lab->server, mtu);
        return;
    }
    add(batch,
        "link add ra mtu %u type veth peer name net0 netns /proc/self/fd/%d address " CLIENT_MAC
        " mtu %u\n",
        mtu, lab->client, mtu);
    add(batch,
        "link add rb mtu %u type veth peer name net0 netns /proc/self/fd/%d address " SERVER_MAC
        " mtu %u\n",
        mtu, lab->server, mtu);
    add(batch, "link set ra arp off up\nlink set rb arp off up\n");
}

struct side {
    const char *mac, *ipv4, *ipv6, *peer_ipv4, *peer_ipv6, *peer_mac;
};

static const struct side client_side = {CLIENT_MAC,         NETSIM_CLIENT_IPV4,
                                        NETSIM_CLIENT_IPV6, NETSIM_SERVER_IPV4,
                                        NETSIM_SERVER_IPV6, SERVER_MAC};
static const struct side server_side = {SERVER_MAC,         NETSIM_SERVER_IPV4,
                                        NETSIM_SERVER_IPV6, NETSIM_CLIENT_IPV4,
                                        NETSIM_CLIENT_IPV6, CLIENT_MAC};

/* `arp off` also keeps the kernel from joining groups, and so from telling of them (MLD). */
static void add_side(struct batch *batch, const struct side *side, enum netsim_lab_shape shape,
                     bool ipv6)
{
    if (shape == NETSIM_LAB_TUN)
        add(batch, "link set net0 txqueuelen %d\n", TUN_QUEUE);
    add(batch, "link set lo up\nlink set net0 address %s arp off%s up\n", side->mac,
        ipv6 ? " addrgenmode none" : "");
    add(batch, "addr add %s/24 dev net0\n", side->ipv4);
    add(batch, "neigh replace %s lladdr %s dev net0 nud permanent\n", side->peer_ipv4,
        side->peer_mac);
    if (!ipv6)
        return;
    add(batch, "addr add %s/64 dev net0 nodad\n", side->ipv6);
    add(batch, "neigh replace %s lladdr %s dev net0 nud permanent\n", side->peer_ipv6,
        side->peer_mac);
}

/* For ip, who finds the namespaces by these descriptors. */
static int make_wires(const struct netsim_lab *lab, const char *batch, char *why, size_t size)
{
    int result;

    fcntl(lab->client, F_SETFD, 0);
    fcntl(lab->server, F_SETFD, 0);
    result = netsim_tool_ip(batch, -1, why, size);
    fcntl(lab->client, F_SETFD, FD_CLOEXEC);
    fcntl(lab->server, F_SETFD, FD_CLOEXEC);
    return result;
}

static int configure(const struct netsim_lab *lab, enum netsim_lab_shape shape, uint32_t mtu,
                     char *why, size_t size)
{
    struct batch wires = {0}, client = {0}, server = {0};

    add_wires(&wires, lab, shape, mtu);
    add_side(&client, &client_side, shape, lab->has_ipv6);
    add_side(&server, &server_side, shape, lab->has_ipv6);
    if ((wires.used > 0 && make_wires(lab, wires.text, why, size) != 0) ||
        netsim_tool_ip(server.text, lab->server, why, size) != 0)
        return -1;
    if (netsim_tool_ip(client.text, lab->client, why, size) != 0)
        return -1;
    return !lab->has_localhost ? 0
                               : netsim_localhost_route(lab->client, lab->server, why, size);
}

static int switch_offloads(const struct netsim_lab *lab, enum netsim_lab_shape shape)
{
    const int sides[] = {lab->client, lab->server};
    int result = 0, error;

    for (int i = 0; result == 0 && i < 2; i++)
        result = netsim_namespaces_join(sides[i]) == 0
                     ? netsim_offload_off(NETSIM_LAB_INTERFACE)
                     : -1;
    error = errno;
    if (netsim_namespaces_join(lab->middle) != 0)
        return -1;
    errno = error;
    if (result != 0 || shape != NETSIM_LAB_RELAY)
        return result;
    return netsim_offload_off(NETSIM_LAB_RELAY_CLIENT) == 0
               ? netsim_offload_off(NETSIM_LAB_RELAY_SERVER)
               : -1;
}

/* ------------------------------------------------------------------ begin and end */

static int open_namespaces(struct netsim_lab *lab)
{
    lab->middle = netsim_namespaces_net_here();
    lab->client = lab->middle < 0 ? -1 : netsim_namespaces_net();
    lab->server = lab->client < 0 ? -1 : netsim_namespaces_net();
    return lab->server < 0 ? -1 : 0;
}

static int open_tun(struct netsim_tun *tun, int side, int middle, uint32_t mtu)
{
    int result = netsim_namespaces_join(side), error;

    if (result == 0)
        result = netsim_tun_new(tun, NETSIM_LAB_INTERFACE, mtu);
    error = errno;
    if (netsim_namespaces_join(middle) != 0)
        return -1;
    errno = error;
    return result;
}

/* Sockets and devices that the system may deny. */
static int open_means(struct netsim_lab *lab, enum netsim_lab_shape shape, uint32_t mtu,
                      char *why, size_t size)
{
    int fd;

    if (shape == NETSIM_LAB_TUN) {
        if (open_tun(&lab->client_tun, lab->client, lab->middle, mtu) == 0 &&
            open_tun(&lab->server_tun, lab->server, lab->middle, mtu) == 0)
            return 0;
        snprintf(why, size, NETSIM_TUN_FILE ": %s", strerror(errno));
        return -1;
    }
    if (shape == NETSIM_LAB_DIRECT)
        return 0;
    fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        close(fd);
    else
        snprintf(why, size, "no AF_PACKET sockets: %s", strerror(errno));
    return fd >= 0 ? 0 : -1;
}

static int build(struct netsim_lab *lab, enum netsim_lab_shape shape, uint32_t mtu, char *why,
                 size_t size)
{
    if (open_namespaces(lab) != 0 || set_all_switches(lab) != 0) {
        snprintf(why, size, "no network namespaces: %s", strerror(errno));
        return -1;
    }
    if (open_means(lab, shape, mtu, why, size) != 0)
        return -1;
    (void)!netsim_hosts_mount(); /* without, `localhost` may mean ::1 as well */
    lab->has_ipv6 = mtu >= IPV6_MTU && access("/proc/net/if_inet6", F_OK) == 0;
    if (configure(lab, shape, mtu, why, size) != 0)
        return -1;
    if (switch_offloads(lab, shape) != 0) {
        snprintf(why, size, "the interfaces' offloads can't be switched off: %s",
                 strerror(errno));
        return -1;
    }
    return 0;
}

int netsim_lab_build(struct netsim_lab *lab, enum netsim_lab_shape shape, uint32_t mtu,
                     char *why, size_t size)
{
    *lab = (struct netsim_lab){.middle = -1,
                               .client = -1,
                               .server = -1,
                               .client_tun = {.fd = -1, .counters = -1},
                               .server_tun = {.fd = -1, .counters = -1}};
    if (build(lab, shape, mtu, why, size) == 0)
        return 0;
    netsim_lab_close(lab);
    return -1;
}

void netsim_lab_close(struct netsim_lab *lab)
{
    const int all[] = {lab->middle, lab->client, lab->server};

    netsim_tun_free(&lab->client_tun);
    netsim_tun_free(&lab->server_tun);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i] >= 0)
            close(all[i]);
}
