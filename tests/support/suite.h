/*
 * suite.h - one suite for all tests of a file, which has it from its group's set-up to its
 * teardown.
 */
#ifndef BELAY_TESTS_SUPPORT_SUITE_H
#define BELAY_TESTS_SUPPORT_SUITE_H

#include "crypto/suite.h"

static struct belay_suite suite;

static inline int suite_setup(void **state)
{
    (void)state;
    return belay_suite_init(&suite);
}

static inline int suite_teardown(void **state)
{
    (void)state;
    belay_suite_dispose(&suite);
    return 0;
}

#endif
