/* Control messages: local address, ECN, train size, and the error queue (socket.h). */
#include "event/socket.h"

#include "event/endpoint.h"

#include <string.h>

#define ECN_MASK 3u

static void put(struct msghdr *header, union belay_control *control, int level, int type,
                const void *data, size_t len)
{
    /* Not CMSG_NXTHDR: on fresh memory it reads lengths that are not there yet. */
    struct cmsghdr *cmsg = (struct cmsghdr *)(void *)(control->bytes + header->msg_controllen);

    cmsg->cmsg_level = level;
    cmsg->cmsg_type = type;
    cmsg->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(cmsg), data, len);
    header->msg_control = control->bytes;
    header->msg_controllen += CMSG_SPACE(len);
}

static void put_local_v6(struct msghdr *header, union belay_control *control,
                         const union belay_sockaddr *local)
{
#if defined(IPV6_PKTINFO)
    struct in6_pktinfo info;

    memset(&info, 0, sizeof(info));
    info.ipi6_addr = local->in6.sin6_addr;
    info.ipi6_ifindex = local->in6.sin6_scope_id;
    put(header, control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
#else
    (void)header, (void)control, (void)local;
#endif
}

static void put_local_v4(struct msghdr *header, union belay_control *control,
                         const union belay_sockaddr *local)
{
#if defined(IP_PKTINFO)
    struct in_pktinfo info;

    memset(&info, 0, sizeof(info));
    info.ipi_spec_dst = local->in.sin_addr;
    put(header, control, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
#elif defined(IP_SENDSRCADDR)
    put(header, control, IPPROTO_IP, IP_SENDSRCADDR, &local->in.sin_addr,
        sizeof(local->in.sin_addr));
#else
    (void)header, (void)control, (void)local;
#endif
}

/* Replies leave from the address that was written to (RFC 8085 section 5.1 on multihomed
 * hosts); a socket bound to one address does that by itself. */
static void put_local(const struct belay_socket *sock, struct msghdr *header,
                      union belay_control *control, const struct belay_address *address)
{
    union belay_sockaddr local;

    if (!sock->wildcard || address->len == 0 || belay_address_is_wildcard(address))
        return;
    belay_address_get_for(address, sock->family, &local);
    if (sock->family == AF_INET6)
        put_local_v6(header, control, &local);
    else
        put_local_v4(header, control, &local);
}

static void put_ecn(struct msghdr *header, union belay_control *control, int remote_family,
                    unsigned ecn)
{
    int value = (int)(ecn & ECN_MASK);

    if (remote_family == AF_INET6) {
#if defined(IPV6_TCLASS)
        put(header, control, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof(value));
#endif
    } else {
        put(header, control, IPPROTO_IP, IP_TOS, &value, sizeof(value));
    }
}

void belay_socket_control(const struct belay_socket *sock, struct msghdr *header,
                          union belay_control *control, const struct belay_path *path,
                          unsigned ecn, size_t segment_size)
{
    uint16_t segment = (uint16_t)segment_size;

    header->msg_control = NULL;
    header->msg_controllen = 0;
    put_local(sock, header, control, &path->local);
    if ((ecn & ECN_MASK) != 0)
        put_ecn(header, control, belay_address_family(&path->remote), ecn);
    if (segment_size != 0)
        put(header, control, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
}

static void parse_v4(const struct belay_socket *sock, const struct cmsghdr *cmsg,
                     struct belay_arrival *out)
{
    const unsigned char *data = CMSG_DATA(cmsg);

    switch (cmsg->cmsg_type) {
#if defined(IP_PKTINFO)
    case IP_PKTINFO: {
        struct in_pktinfo info;

        if (cmsg->cmsg_len < CMSG_LEN(sizeof(info)))
            break;
        memcpy(&info, data, sizeof(info));
        belay_address_set_in(&out->local, info.ipi_addr, belay_address_net_port(&sock->local));
        break;
    }
#elif defined(IP_RECVDSTADDR)
    case IP_RECVDSTADDR: {
        struct in_addr addr;

        memcpy(&addr, data, sizeof(addr));
        belay_address_set_in(&out->local, addr, belay_address_net_port(&sock->local));
        break;
    }
#endif
    case IP_TOS: /* Linux; the others use the option's own number */
#if defined(IP_RECVTOS)
    case IP_RECVTOS:
#endif
        out->ecn = data[0] & ECN_MASK;
        break;
    default:
        break;
    }
}

static void parse_v6(const struct belay_socket *sock, const struct cmsghdr *cmsg,
                     struct belay_arrival *out)
{
    const unsigned char *data = CMSG_DATA(cmsg);
    struct in6_pktinfo info;
    int tclass;

    if (cmsg->cmsg_type == IPV6_PKTINFO && cmsg->cmsg_len >= CMSG_LEN(sizeof(info))) {
        memcpy(&info, data, sizeof(info));
        belay_address_set_in6(&out->local, &info.ipi6_addr,
                              belay_address_net_port(&sock->local), info.ipi6_ifindex);
    } else if (cmsg->cmsg_type == IPV6_TCLASS && cmsg->cmsg_len >= CMSG_LEN(sizeof(tclass))) {
        memcpy(&tclass, data, sizeof(tclass));
        out->ecn = (unsigned)tclass & ECN_MASK;
    }
}

void belay_socket_parse(const struct belay_socket *sock, struct msghdr *header,
                        struct belay_arrival *out)
{
    struct cmsghdr *cmsg;
    uint16_t segment;

    memset(out, 0, sizeof(*out));
    if (!sock->wildcard)
        out->local = sock->local;
    for (cmsg = CMSG_FIRSTHDR(header); cmsg != NULL; cmsg = CMSG_NXTHDR(header, cmsg)) {
        if (cmsg->cmsg_level == IPPROTO_IP) {
            parse_v4(sock, cmsg, out);
        } else if (cmsg->cmsg_level == IPPROTO_IPV6) {
            parse_v6(sock, cmsg, out);
        } else if (cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO) {
            /* An int in today's kernels, 16 bits in the first ones: the low half either way
             * only on little-endian machines, so by length. */
            int value;

            if (cmsg->cmsg_len >= CMSG_LEN(sizeof(value))) {
                memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
                out->segment_size = value > 0 ? (size_t)value : 0;
            } else {
                memcpy(&segment, CMSG_DATA(cmsg), sizeof(segment));
                out->segment_size = segment;
            }
        }
    }
}

int belay_socket_hint(int system_error)
{
    switch (system_error) {
    case ECONNREFUSED:
        return BELAY_EREFUSED;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EACCES: /* a broadcast address */
    case EADDRNOTAVAIL:
    case EINVAL: /* a link-local address without its interface */
        return BELAY_EUNREACH;
    default:
        return 0;
    }
}
