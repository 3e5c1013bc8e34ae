#include "../fixture.h"

#include "netsim/model/rate.h"

static void test_by_hand(void **state)
{
    static const struct {
        const char *text;
        uint32_t len;
        int64_t ns;
    } rows[] = {
        {"", 1500, 0},
        {"rate 8mbit", 1500, 1500000}, /* 1 byte = 1 us */
        {"rate 10mbit", 1250, 1000000},
        {"rate 3bps", 1, 333333333}, /* rounded down */
        {"rate 8mbit 20", 80, 100000},
        {"rate 8mbit -20", 80, 60000},
        {"rate 8mbit -20", 10, 0},            /* never less than nothing */
        {"rate 8mbit 0 48 5", 48, 53000},     /* ATM: one cell */
        {"rate 8mbit 0 48 5", 49, 106000},    /* two */
        {"rate 8mbit 4 48 5", 1500, 1696000}, /* 1504 / 48 = 31.3: 32 cells of 53 */
        {"rate 8mbit 0 48 -48", 100, 0},
        {"rate 8mbit", 0, 0},
        {"rate 8bit", UINT32_MAX, INT64_C(4294967295000000000)},
        {"rate 8bit 0 1 1000000", UINT32_MAX, INT64_MAX}, /* longer than time */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_words words = words_of(rows[i].text);

        if (netsim_rate_time_ns(&words, rows[i].len) != rows[i].ns)
            fail_msg("%s, %u bytes", rows[i].text, (unsigned)rows[i].len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
