/* What the tests of netsim share: counted memory, links from words, exact binomial bounds. */
#ifndef TESTS_NETSIM_FIXTURE_H
#define TESTS_NETSIM_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netsim/model/link.h"
#include "netsim/model/random.h"

#define MS UINT64_C(1000000)

struct counted {
    size_t bytes, allocations;
    size_t bytes_max; /* 0: no limit */
};

static inline void *counted_resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    struct counted *counted = ctx;

    if (new_size > old_size && counted->bytes_max > 0 &&
        counted->bytes - old_size + new_size > counted->bytes_max)
        return NULL;
    counted->bytes += new_size - old_size;
    if (new_size == 0) {
        free(p);
        return NULL;
    }
    counted->allocations++;
    p = realloc(p, new_size);
    assert_non_null(p);
    return p;
}

static inline struct netsim_words words_of(const char *text)
{
    struct netsim_words words;
    struct netsim_words_error error;

    if (netsim_words_parse(&words, text, &error) != 0)
        fail_msg("`%s`: %s at %zu", text, error.text, error.at);
    return words;
}

static inline struct netsim_link *link_of(const char *text, uint64_t seed,
                                          struct counted *counted)
{
    struct netsim_words words = words_of(text);
    struct belay_memory memory = {counted_resize, counted};

    return netsim_link_new(&words, seed, &memory);
}

static inline struct netsim_fate send_id(struct netsim_link *link, uint64_t id, uint32_t len,
                                         uint64_t now_ns)
{
    struct netsim_packet packet = {.id = id, .len = len};

    return netsim_link_send(link, &packet, now_ns);
}

/* Chance of at most hits in n tries of probability p, exactly (in log space). */
static inline double binomial_cdf(long hits, long n, double p)
{
    double sum = 0;

    for (long i = 0; i <= hits; i++)
        sum += exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) +
                   (double)i * log(p) + (double)(n - i) * log1p(-p));
    return sum;
}

/* A draw this far out comes once in 10^9 seeds; ours are fixed. */
static inline void assert_binomial(long hits, long n, double p, const char *what)
{
    if (p <= 0 || p >= 1) {
        assert_int_equal(hits, p <= 0 ? 0 : n);
        return;
    }
    if (binomial_cdf(hits, n, p) < 1e-9 || 1 - binomial_cdf(hits - 1, n, p) < 1e-9)
        fail_msg("%s: %ld of %ld is not %g", what, hits, n, p);
}

#endif
