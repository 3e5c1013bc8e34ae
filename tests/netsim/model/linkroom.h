/*
 * linkroom.h - one link on counted memory, and the steps that the tests of a link share.
 */
#ifndef TESTS_NETSIM_MODEL_LINKROOM_H
#define TESTS_NETSIM_MODEL_LINKROOM_H

#include "../fixture.h"

#define SEED 1

/* The memory of the link under test. */
static struct counted counted;

static inline struct netsim_link *linkroom_begin(const char *words)
{
    struct netsim_link *link;

    counted = (struct counted){0};
    link = link_of(words, SEED, &counted);
    assert_non_null(link);
    return link;
}

static inline void linkroom_end(struct netsim_link *link)
{
    netsim_link_free(link);
    assert_int_equal(counted.bytes, 0);
}

static inline void assert_receives(struct netsim_link *link, uint64_t id, uint64_t now_ns)
{
    struct netsim_delivery out;

    assert_true(netsim_link_receive(link, now_ns, &out));
    assert_int_equal(out.id, id);
}

static inline void assert_receives_nothing(struct netsim_link *link, uint64_t now_ns)
{
    struct netsim_delivery out;

    assert_false(netsim_link_receive(link, now_ns, &out));
}

#endif
