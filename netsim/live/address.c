#include "netsim/live/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "netsim/model/units.h"

/* Splits HOST:PORT and [HOST]:PORT. */
static const char *split(const char *text, char host[256], const char **port)
{
    const char *colon = strrchr(text, ':'), *begin = text, *end = colon;

    if (colon == NULL || colon == text)
        return "is not ADDRESS:PORT";
    if (text[0] == '[') {
        if (colon[-1] != ']')
            return "is not [ADDRESS]:PORT";
        begin++;
        end--;
    } else if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
        return "is an IPv6 address without brackets: [ADDRESS]:PORT";
    }
    if (end <= begin || end - begin >= 256)
        return "has no address";
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    *port = colon + 1;
    return NULL;
}

const char *netsim_address_parse(struct netsim_address *address, const char *text,
                                 bool port_0_allowed)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found;
    const char *port_text, *wrong;
    char host[256];
    uint32_t port;
    int error;

    wrong = split(text, host, &port_text);
    if (wrong != NULL)
        return wrong;
    if (netsim_parse_u32(port_text, &port) != NULL || port > 65535)
        return "has no port from 0 to 65535 at its end";
    if (port == 0 && !port_0_allowed)
        return "has port 0, which nobody can be reached at";
    error = getaddrinfo(host, port_text, &hints, &found);
    if (error != 0)
        return gai_strerror(error);
    memset(address, 0, sizeof(*address));
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->len = found->ai_addrlen;
    freeaddrinfo(found);
    return NULL;
}

static bool is_mapped(const struct netsim_address *address)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;

    return in6->sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
}

bool netsim_address_is_v4(const struct netsim_address *address)
{
    return address->storage.ss_family == AF_INET || is_mapped(address);
}

void netsim_address_format(const struct netsim_address *address,
                           char out[NETSIM_ADDRESS_TEXT_SIZE])
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->storage.ss_family == AF_INET) {
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, NETSIM_ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(in->sin_port));
    } else if (is_mapped(address)) {
        inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, sizeof(host));
        snprintf(out, NETSIM_ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(in6->sin6_port));
    } else {
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, NETSIM_ADDRESS_TEXT_SIZE, "[%s]:%u", host, ntohs(in6->sin6_port));
    }
}
