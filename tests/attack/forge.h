/*
 * forge.h - an attacker's packets: INITs that are right in every byte, and datagrams and ICMP
 * from whatever address. IPv4; addresses and ports are in network order.
 */
#ifndef BELAY_TESTS_ATTACK_FORGE_H
#define BELAY_TESTS_ATTACK_FORGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/random.h"
#include "wire/packet.h"

#define FORGE_HEADERS 28 /* of IP and UDP */

struct forge_flow {
    struct in_addr from, to;
    in_port_t from_port, to_port;
};

/* Different INITs, as a client of the core sends them; insecure: one that asks for no
 * encryption. Exits when there is no memory. */
void forge_inits(uint8_t (*inits)[BELAY_INIT_BYTES], size_t count, bool insecure,
                 struct test_random *random);

/* REFUSE and VERSIONS for the client that sent this INIT, with the right tags, as one who saw
 * it can make them. Their lengths. */
size_t forge_refuse(const uint8_t init[BELAY_INIT_BYTES], uint8_t *out, size_t size);
size_t forge_versions(const uint8_t init[BELAY_INIT_BYTES], uint8_t *out, size_t size);

/* An IP packet with a UDP datagram of len bytes, which are copied; no UDP checksum. Its length.
 */
size_t forge_udp(uint8_t *out, const struct forge_flow *flow, const uint8_t *data, size_t len);
/* An IP packet with an ICMP error of this type and code on a datagram of the flow, from who
 * would have received it. rest: the second word, the MTU of a "too big". */
size_t forge_icmp(uint8_t *out, const struct forge_flow *flow, uint8_t type, uint8_t code,
                  uint32_t rest);

/* "192.0.2.1", or exits with a word on it. */
struct in_addr forge_address(const char *text);
uint64_t forge_now_ns(void);
/* Waits until then: a pace, nothing else. */
void forge_pace(uint64_t at_ns);

#endif
