#include "address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/belay.h>

static const char *parse_port(const char *text, unsigned *port)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || strlen(text) > 5 || value > 65535)
        return "the port must be a number from 0 to 65535, as in localhost:10000";
    *port = (unsigned)value;
    return NULL;
}

static const char *copy_host(struct address *address, const char *host, size_t len)
{
    if (len >= sizeof address->host)
        return "the host name is longer than 255 characters";
    memcpy(address->host, host, len);
    address->host[len] = '\0';
    return NULL;
}

static const char *parse_bracketed(const char *text, struct address *address)
{
    const char *close = strchr(text, ']');
    if (close == NULL || close == text + 1 || (close[1] && close[1] != ':'))
        return "an IPv6 address in brackets is written as [::1] or [::1]:10000";
    const char *wrong = copy_host(address, text + 1, (size_t)(close - text - 1));
    if (wrong || close[1] == '\0')
        return wrong;
    return parse_port(close + 2, &address->port);
}

const char *address_parse(const char *text, struct address *address)
{
    *address = (struct address){.port = ADDRESS_PORT_DEFAULT};
    if (text[0] == '[')
        return parse_bracketed(text, address);

    const char *colon = strchr(text, ':');
    if (colon == NULL || strchr(colon + 1, ':')) /* a name, or IPv6 without a port */
        return copy_host(address, text, strlen(text));
    const char *wrong = copy_host(address, text, (size_t)(colon - text));
    return wrong ? wrong : parse_port(colon + 1, &address->port);
}

int address_resolve(const struct address *address, int family, struct evutil_addrinfo **list)
{
    char port[8];
    snprintf(port, sizeof port, "%u", address->port);
    struct evutil_addrinfo hints = {
        .ai_family = family,
        .ai_socktype = SOCK_DGRAM,
        .ai_protocol = IPPROTO_UDP,
        .ai_flags = EVUTIL_AI_PASSIVE | EVUTIL_AI_NUMERICSERV,
    };
    return evutil_getaddrinfo(address->host[0] ? address->host : NULL, port, &hints, list);
}

const char *address_format(const struct sockaddr *addr, socklen_t len,
                           char out[ADDRESS_TEXT_MAX])
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)addr;
    if (addr->sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        return belay_format_address(addr, (int)len, out, ADDRESS_TEXT_MAX);

    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = in6->sin6_port};
    memcpy(&in.sin_addr, in6->sin6_addr.s6_addr + 12, 4);
    return belay_format_address((struct sockaddr *)&in, sizeof in, out, ADDRESS_TEXT_MAX);
}

unsigned address_port(const struct sockaddr *addr)
{
    /* The port is at the same place in both families. */
    return ntohs(((const struct sockaddr_in *)(const void *)addr)->sin_port);
}
