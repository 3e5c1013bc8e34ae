#include "event/ports.h"

#include <arpa/inet.h>

/* In the order of docs/protocol.md, "Source ports". */
static const uint16_t bad_ports[] = {
    0,     /* none: nobody could answer */
    7,     /* echo */
    13,    /* daytime */
    17,    /* quote of the day */
    19,    /* character generator */
    37,    /* time */
    53,    /* DNS */
    69,    /* TFTP */
    111,   /* portmapper */
    123,   /* NTP */
    137,   /* NetBIOS names */
    138,   /* NetBIOS datagrams */
    161,   /* SNMP */
    389,   /* CLDAP */
    427,   /* SLP */
    500,   /* IKE */
    520,   /* RIP */
    1434,  /* SQL server's browser */
    1900,  /* SSDP */
    3702,  /* WS-Discovery */
    5353,  /* mDNS */
    5355,  /* LLMNR */
    11211, /* memcached */
};

bool belay_port_is_bad(in_port_t net_port)
{
    uint16_t port = ntohs(net_port);

    for (size_t i = 0; i < sizeof(bad_ports) / sizeof(bad_ports[0]); i++)
        if (bad_ports[i] == port)
            return true;
    return false;
}
