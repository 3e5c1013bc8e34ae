#include "event/address.h"

#include <belay/belay.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct sockaddr_in6) <= BELAY_ADDRESS_MAX, "address too small");

/* BSD's sockaddr begin with their length. */
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
#define SET_LENGTH(field, type) ((field) = sizeof(type))
#else
#define SET_LENGTH(field, type) ((void)0)
#endif

void belay_address_set_in(struct belay_address *out, struct in_addr addr, in_port_t net_port)
{
    struct sockaddr_in in;

    memset(&in, 0, sizeof(in));
    SET_LENGTH(in.sin_len, in);
    in.sin_family = AF_INET;
    in.sin_addr = addr;
    in.sin_port = net_port;
    memset(out, 0, sizeof(*out));
    memcpy(out->bytes, &in, sizeof(in));
    out->len = sizeof(in);
}

void belay_address_set_in6(struct belay_address *out, const struct in6_addr *addr,
                           in_port_t net_port, uint32_t scope)
{
    struct sockaddr_in6 in6;
    struct in_addr v4;

    if (IN6_IS_ADDR_V4MAPPED(addr)) {
        memcpy(&v4, addr->s6_addr + 12, sizeof(v4));
        belay_address_set_in(out, v4, net_port);
        return;
    }
    memset(&in6, 0, sizeof(in6));
    SET_LENGTH(in6.sin6_len, in6);
    in6.sin6_family = AF_INET6;
    in6.sin6_addr = *addr;
    in6.sin6_port = net_port;
    /* Elsewhere a scope means nothing, and would make two of one address. */
    in6.sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(addr) ? scope : 0;
    memset(out, 0, sizeof(*out));
    memcpy(out->bytes, &in6, sizeof(in6));
    out->len = sizeof(in6);
}

bool belay_address_set(struct belay_address *out, const struct sockaddr *addr, size_t len)
{
    union belay_sockaddr u;

    memset(out, 0, sizeof(*out));
    if (addr == NULL || len < sizeof(struct sockaddr_in))
        return false;
    memcpy(&u, addr, len < sizeof(u) ? len : sizeof(u));
    if (u.sa.sa_family == AF_INET) {
        belay_address_set_in(out, u.in.sin_addr, u.in.sin_port);
        return true;
    }
    if (u.sa.sa_family != AF_INET6 || len < sizeof(struct sockaddr_in6))
        return false;
    belay_address_set_in6(out, &u.in6.sin6_addr, u.in6.sin6_port, u.in6.sin6_scope_id);
    return true;
}

socklen_t belay_address_get(const struct belay_address *address, union belay_sockaddr *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out, address->bytes, address->len);
    return address->len;
}

socklen_t belay_address_get_for(const struct belay_address *address, int socket_family,
                                union belay_sockaddr *out)
{
    socklen_t len = belay_address_get(address, out);
    struct in_addr v4;
    in_port_t port;

    if (len == 0 || socket_family != AF_INET6 || out->sa.sa_family != AF_INET)
        return len;
    v4 = out->in.sin_addr;
    port = out->in.sin_port;
    memset(out, 0, sizeof(*out));
    SET_LENGTH(out->in6.sin6_len, out->in6);
    out->in6.sin6_family = AF_INET6;
    out->in6.sin6_port = port;
    out->in6.sin6_addr.s6_addr[10] = out->in6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(out->in6.sin6_addr.s6_addr + 12, &v4, sizeof(v4));
    return sizeof(out->in6);
}

bool belay_address_copy(const struct belay_address *address, struct sockaddr *out, int *len)
{
    if (address->len == 0)
        return false;
    if (*len > 0)
        memcpy(out, address->bytes, *len < address->len ? (size_t)*len : address->len);
    *len = address->len;
    return true;
}

int belay_address_family(const struct belay_address *address)
{
    union belay_sockaddr u;

    return belay_address_get(address, &u) == 0 ? AF_UNSPEC : u.sa.sa_family;
}

in_port_t belay_address_net_port(const struct belay_address *address)
{
    union belay_sockaddr u;

    belay_address_get(address, &u);
    return u.sa.sa_family == AF_INET6 ? u.in6.sin6_port : u.in.sin_port;
}

bool belay_address_is_wildcard(const struct belay_address *address)
{
    union belay_sockaddr u;

    belay_address_get(address, &u);
    if (u.sa.sa_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&u.in6.sin6_addr);
    return u.in.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool belay_address_is_equal(const struct belay_address *a, const struct belay_address *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

const char *belay_address_format(const struct belay_address *address,
                                 char out[BELAY_ADDRESS_TEXT])
{
    char text[INET6_ADDRSTRLEN] = "?";
    char scope[IF_NAMESIZE + 1] = "";
    union belay_sockaddr u;

    if (belay_address_get(address, &u) == 0) {
        snprintf(out, BELAY_ADDRESS_TEXT, "(no address)");
    } else if (u.sa.sa_family == AF_INET) {
        inet_ntop(AF_INET, &u.in.sin_addr, text, sizeof(text));
        snprintf(out, BELAY_ADDRESS_TEXT, "%s:%u", text, ntohs(u.in.sin_port));
    } else {
        inet_ntop(AF_INET6, &u.in6.sin6_addr, text, sizeof(text));
        if (u.in6.sin6_scope_id != 0) {
            scope[0] = '%';
            if (if_indextoname(u.in6.sin6_scope_id, scope + 1) == NULL)
                scope[0] = '\0';
        }
        snprintf(out, BELAY_ADDRESS_TEXT, "[%.39s%s]:%u", text, scope, ntohs(u.in6.sin6_port));
    }
    return out;
}

const char *belay_format_address(const struct sockaddr *addr, int socklen, char *out,
                                 size_t size)
{
    char text[BELAY_ADDRESS_TEXT];
    struct belay_address address;

    if (size == 0)
        return out;
    belay_address_set(&address, addr, socklen > 0 ? (size_t)socklen : 0);
    snprintf(out, size, "%s", belay_address_format(&address, text));
    return out;
}
