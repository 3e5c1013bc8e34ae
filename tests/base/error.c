#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <belay/common.h>

static void test_every_error_has_a_text_of_its_own(void **state)
{
    (void)state;
    const char *unknown = belay_strerror(1);
    for (int error = BELAY_EKEY; error <= BELAY_OK; error++) {
        const char *text = belay_strerror(error);
        assert_string_not_equal(text, unknown);
        assert_int_not_equal(text[strlen(text) - 1], '.');
        for (int other = BELAY_EKEY; other < error; other++)
            assert_string_not_equal(text, belay_strerror(other));
    }
    assert_string_equal(belay_strerror(BELAY_EKEY - 1), unknown);
    assert_string_equal(belay_strerror(INT32_MIN), unknown);
}

static void test_version(void **state)
{
    (void)state;
    assert_string_equal(belay_version(), BELAY_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_a_text_of_its_own),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
