#include "../fixture.h"

#include "netsim/report/log.h"

#define HEAD "{\"t_ns\":20000000,\"id\":7,\"event\":"

static const struct {
    struct netsim_event event;
    const char *line;
} rows[] = {
    {{.t_ns = 20000000, .id = 7, .event = "rx", .link = "out", .len = 146},
     HEAD "\"rx\",\"link\":\"out\",\"len\":146}\n"},
    {{.t_ns = 20000000, .id = 7, .event = "tx", .len = 0}, HEAD "\"tx\",\"len\":0}\n"},
    {{.t_ns = 20000000, .id = 7, .event = "drop", .why = "limit", .len = UINT32_MAX},
     HEAD "\"drop\",\"len\":4294967295,\"why\":\"limit\"}\n"},
    {{.t_ns = 20000000, .id = 7, .event = "rx", .len = 1, .duplicate = true},
     HEAD "\"rx\",\"len\":1,\"dup\":true}\n"},
    {{.t_ns = 20000000, .id = 7, .event = "rx", .len = 1, .corrupt = true, .corrupt_bit = 0},
     HEAD "\"rx\",\"len\":1,\"corrupt\":true,\"bit\":0}\n"},
    {{.t_ns = 20000000, .id = 7, .event = "rx", .len = 1, .corrupt_bit = 5},
     HEAD "\"rx\",\"len\":1}\n"}, /* no bit without corrupt */
    {{.t_ns = 20000000, .id = 7, .event = "rx", .len = 1, .reordered = true, .ce = true},
     HEAD "\"rx\",\"len\":1,\"reorder\":true,\"ce\":true}\n"},
    {{.t_ns = 5, .id = 7, .event = "rebind", .of_link = true},
     "{\"t_ns\":5,\"event\":\"rebind\"}\n"},
    {{.t_ns = 5, .event = "rebind", .link = "back", .of_link = true},
     "{\"t_ns\":5,\"event\":\"rebind\",\"link\":\"back\"}\n"},
    {{.t_ns = INT64_MAX, .id = INT64_MAX, .event = "tx", .link = "a\"b\n", .len = 1},
     "{\"t_ns\":9223372036854775807,\"id\":9223372036854775807,\"event\":\"tx\","
     "\"link\":\"a\\\"b\\n\",\"len\":1}\n"},
};

/* Outcomes of pipelines, and their lines. */
static const struct {
    struct netsim_outcome outcome;
    unsigned stages;
    const char *line;
} outcomes[] = {
    {{.id = 7, .len = 5, .why = NETSIM_NOT_DROPPED, .stage = 1}, 2, HEAD "\"rx\",\"len\":5}\n"},
    {{.id = 7, .len = 5, .why = NETSIM_DROP_QUEUE, .stage = 0},
     1,
     HEAD "\"drop\",\"len\":5,\"why\":\"queue\"}\n"},
    {{.id = 7, .len = 5, .why = NETSIM_DROP_LISTED, .stage = 0},
     2,
     HEAD "\"drop\",\"len\":5,\"why\":\"x-drop\",\"stage\":0}\n"},
    {{.id = 7, .len = 5, .why = NETSIM_DROP_LOSS, .stage = 7, .duplicate = true, .ce = true},
     8,
     HEAD "\"drop\",\"len\":5,\"why\":\"loss\",\"dup\":true,\"ce\":true,\"stage\":7}\n"},
    {{.id = 7, .len = 5, .corrupt_bits = 1, .corrupt_bit = {0}},
     2,
     HEAD "\"rx\",\"len\":5,\"corrupt\":true,\"bit\":0}\n"},
    {{.id = 7, .len = 5, .corrupt_bits = 3, .corrupt_bit = {39, 0, 39}, .reordered = true},
     3,
     HEAD "\"rx\",\"len\":5,\"corrupt\":true,\"bit\":[39,0,39],\"reorder\":true}\n"},
};

static void test_outcomes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        struct netsim_event event =
            netsim_event_outcome(&outcomes[i].outcome, outcomes[i].stages, 20000000);
        char line[256] = "";
        FILE *file = tmpfile();

        assert_non_null(file);
        assert_int_equal(netsim_log_write(file, &event), 0);
        rewind(file);
        assert_true(fread(line, 1, sizeof(line) - 1, file) > 0);
        assert_string_equal(line, outcomes[i].line);
        fclose(file);
    }
}

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[256] = "";
        FILE *file = tmpfile();

        assert_non_null(file);
        assert_int_equal(netsim_log_write(file, &rows[i].event), 0);
        rewind(file);
        assert_true(fread(line, 1, sizeof(line) - 1, file) > 0);
        assert_string_equal(line, rows[i].line);
        fclose(file);
    }
}

static void test_events_of_a_link(void **state)
{
    static const struct netsim_delivery delivery = {.id = 3,
                                                    .len = 100,
                                                    .sent_ns = 1,
                                                    .due_ns = 2,
                                                    .corrupt_bit = 0,
                                                    .ce = true,
                                                    .duplicate = true,
                                                    .reordered = true};
    static const struct netsim_delivery plain = {.id = 3, .len = 100, .corrupt_bit = -1};
    static const struct netsim_drop drop = {.why = NETSIM_DROP_GEMODEL, .duplicate = true};
    struct netsim_event event = netsim_event_rx(&delivery, 9);

    (void)state;
    assert_string_equal(event.event, "rx");
    assert_true(event.t_ns == 9 && event.id == 3 && event.len == 100);
    assert_true(event.duplicate && event.reordered && event.ce);
    assert_true(event.corrupt && event.corrupt_bit == 0);
    assert_true(event.link == NULL && event.why == NULL);
    event = netsim_event_rx(&plain, 9);
    assert_false(event.duplicate || event.reordered || event.ce || event.corrupt);
    event = netsim_event_drop(&drop, 4, 50, 10);
    assert_string_equal(event.event, "drop");
    assert_string_equal(event.why, "gemodel");
    assert_true(event.t_ns == 10 && event.id == 4 && event.len == 50 && event.duplicate);
}

static void test_what_cannot_be_written_is_told(void **state)
{
    FILE *file = fopen("/dev/null", "r");

    (void)state;
    assert_non_null(file);
    assert_int_equal(netsim_log_write(file, &rows[0].event), -1);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_events_of_a_link),
        cmocka_unit_test(test_what_cannot_be_written_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
