/*
 * retryroom.h - a server that asks for proof of address, and the steps that the tests of RETRY
 * share.
 */
#ifndef BELAY_TESTS_ENDPOINT_RETRYROOM_H
#define BELAY_TESTS_ENDPOINT_RETRYROOM_H

#include "conn/pair.h"

/* The server asks for cookies from so many half-open connections on. */
static inline void init_asking(struct pair *pair, uint32_t from)
{
    struct belay_core_config client, server;

    pair_config(&client);
    server = client;
    server.half_open_cookies = from;
    pair_init_two(pair, &client, &server);
}

/* The client's next packets, all of which arrive; what the server says to them stays. */
static inline void client_to_server(struct pair *pair)
{
    size_t count = pair_collect_from(&pair->client);

    for (size_t left = count; left > 0; left--)
        pair_deliver(pair, pair->packet_count - left);
    pair_collect_from(&pair->server);
}

/* One more client dials, and nothing of it arrives. */
static inline void dial_and_lose(struct pair *pair)
{
    pair_dial(pair, true);
    pair_collect(pair);
    pair_drop_all(pair);
}

static inline uint8_t type_of(const struct pair *pair, size_t i)
{
    assert_true(i < pair->packet_count);
    return pair->packets[i].data[0];
}

#endif
