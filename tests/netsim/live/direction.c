/* One direction's log: what its stages did to packets, and what the link did itself. */
#include "../fixture.h"

#include "netsim/live/direction.h"

struct log {
    struct netsim_plan *plan;
    struct netsim_record record;
    struct netsim_direction direction;
    char *text;
    size_t size;
};

static void begin(struct log *log, const char *text)
{
    static struct counted counted;
    static struct belay_memory memory;

    memory = (struct belay_memory){counted_resize, &counted};
    memset(log, 0, sizeof(*log));
    assert_int_equal(netsim_plan_parse(&log->plan, text, &memory, NULL), 0);
    log->record.log = open_memstream(&log->text, &log->size);
    assert_non_null(log->record.log);
    assert_true(netsim_direction_init(&log->direction, true, log->plan, 1, 0, &log->record));
}

/* Packets leave when they are due; lost: why none of them arrives, or NULL. */
static void pass(struct log *log, uint64_t now_ns, const char *lost)
{
    struct netsim_outcome outcome;

    netsim_direction_enter(&log->direction, (struct netsim_packet){.len = 100}, now_ns);
    while (netsim_direction_poll(&log->direction, now_ns, &outcome))
        netsim_direction_tell(&log->direction, &outcome, lost, now_ns, NULL, 0);
}

static void end(struct log *log, const char *const parts[])
{
    char *at;

    netsim_direction_dispose(&log->direction, NULL, NULL);
    netsim_plan_free(log->plan);
    fclose(log->record.log);
    at = log->text;
    for (; *parts != NULL; parts++) { /* in this order */
        char *found = strstr(at, *parts);

        if (found == NULL)
            fail_msg("%s is not in\n%s", *parts, at);
        at = found + strlen(*parts);
    }
    free(log->text);
}

static void test_bit_of_each_stage(void **state)
{
    static const char *const one[] = {"\"corrupt\":true,\"bit\":", "}\n", NULL};
    static const char *const three[] = {"\"corrupt\":true,\"bit\":[", ",", ",", "]}\n", NULL};
    struct log log;

    (void)state;
    begin(&log, "corrupt 100% | corrupt 0%");
    pass(&log, 0, NULL);
    fflush(log.record.log);
    assert_null(strchr(log.text, '['));
    end(&log, one);
    begin(&log, "corrupt 100% | corrupt 100% | corrupt 100%");
    pass(&log, 0, NULL);
    end(&log, three);
}

static void test_why_and_where(void **state)
{
    static const char *const first[] = {"tx", "\"event\":\"drop\",\"link\":\"back\"",
                                        "\"why\":\"loss\",\"stage\":1}", NULL};
    static const char *const outside[] = {"\"event\":\"drop\"", "\"why\":\"x-rebind\"}", NULL};
    struct log log;

    (void)state;
    begin(&log, "loss 0% | loss 100%");
    pass(&log, 0, NULL);
    assert_int_equal(log.direction.left, 0);
    end(&log, first);
    begin(&log, "");
    pass(&log, 0, "x-rebind");
    assert_int_equal(log.direction.left, 0);
    end(&log, outside);
}

/* At its own time, in front of what comes then. */
static void test_rebinds(void **state)
{
    static const char *const parts[] = {
        "{\"t_ns\":0,\"id\":0,\"event\":\"tx\"",
        "{\"t_ns\":0,\"id\":0,\"event\":\"rx\"",
        "{\"t_ns\":1000000,\"event\":\"rebind\",\"link\":\"back\"}\n",
        "{\"t_ns\":2000000,\"event\":\"rebind\",\"link\":\"back\"}\n",
        "{\"t_ns\":2500000,\"id\":1,\"event\":\"tx\"",
        "{\"t_ns\":2500000,\"id\":1,\"event\":\"rx\"",
        NULL,
    };
    struct log log;

    (void)state;
    begin(&log, "x-rebind 1ms repeat");
    pass(&log, 0, NULL);
    pass(&log, 2500000, NULL);
    end(&log, parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bit_of_each_stage),
        cmocka_unit_test(test_why_and_where),
        cmocka_unit_test(test_rebinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
