/*
 * socket.h - a UDP socket of an endpoint: how it is opened, what is switched on in it, and the
 * control messages that carry addresses, ECN marks and train sizes.
 *
 * Don't-fragment is IP_PMTUDISC_PROBE where there is one: DF is set, and the kernel's path MTU
 * cache, which any ICMP "too big" may write, does not refuse our datagrams; the core judges
 * sizes by what arrives. EMSGSIZE then only means larger than the interface's MTU, and is
 * a lost datagram of which the core is told, never a fatal error.
 */
#ifndef BELAY_EVENT_SOCKET_H
#define BELAY_EVENT_SOCKET_H

#include "event/address.h"

struct belay_endpoint;
struct event;

struct belay_socket {
    struct belay_endpoint *endpoint;
    uint32_t index; /* in endpoint.sockets, and struct belay_path.socket */
    int fd;
    int family;
    bool close_fd;        /* it is ours */
    bool is_spare;        /* opened for dials alone: goes when nobody uses it */
    uint32_t shard_place; /* of a group's address: the same in each endpoint; 0: none */
    bool v6only;          /* AF_INET6: takes no IPv4 */
    bool wildcard;        /* bound to no address: datagrams say which one they came to */
    bool gso, gro;        /* on, and not yet found broken */
    bool gso_doubted;     /* a train failed, and none of its segments has left yet */
    uint32_t refused_mtu; /* of the interface, as the error queue said last; 0: it did not */
    struct belay_address local; /* as bound */
    struct event *read, *write;
};

/* Opens, binds and adds; port 0: any. 0 or BELAY_ESYS with errno, BELAY_ENOMEM, BELAY_EINVAL.
 */
int belay_socket_bind(struct belay_endpoint *endpoint, const struct belay_address *addr,
                      bool v6only, struct belay_socket **out);
/* A bound socket of someone else's. */
int belay_socket_adopt(struct belay_endpoint *endpoint, int fd, bool close_fd);
/* Closes it and drops its events; the struct stays until the endpoint goes. */
void belay_socket_shut(struct belay_socket *sock);

/* An unbound one, for dials; spare. Errors as belay_socket_bind. */
int belay_socket_open(struct belay_endpoint *endpoint, int family, struct belay_socket **out);
/* Shuts the spare ones that no connection uses, but not one that is being read: a callback may
 * ask. Their places are taken by later ones. */
void belay_socket_shut_unused(struct belay_endpoint *endpoint);

/* One that can reach addresses of this family, or NULL. */
struct belay_socket *belay_socket_for(struct belay_endpoint *endpoint, int family);

/* ECN, local address (where the socket is bound to none) and train size of what came in. */
struct belay_arrival {
    struct belay_address local;
    unsigned ecn;
    size_t segment_size; /* 0: one datagram */
};
void belay_socket_parse(const struct belay_socket *sock, struct msghdr *header,
                        struct belay_arrival *out);

/* Writes the control messages of what goes out; segment_size 0: one datagram. control is
 * header's and large enough. */
void belay_socket_control(const struct belay_socket *sock, struct msghdr *header,
                          union belay_control *control, const struct belay_path *path,
                          unsigned ecn, size_t segment_size);

/* Reads the error queue and gives the core its hints. */
void belay_socket_read_errors(struct belay_socket *sock, uint64_t now_ns);
/* errno -> BELAY_EREFUSED, BELAY_EUNREACH, or 0 for what says nothing about a peer. */
int belay_socket_hint(int system_error);

#endif
