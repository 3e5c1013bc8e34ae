#include "../fixture.h"

#include "netsim/model/pipeline.h"
#include "netsim/model/trace.h"

#define SEED     1
#define ETHERNET 14
#define EVERYTHING                                                                             \
    "delay 20ms 5ms 25% distribution paretonormal loss 5% 20% ecn duplicate 5% 10% corrupt "   \
    "5% reorder 20% 30% gap 2 rate 20mbit slot 1ms 3ms packets 9 limit 40"

struct setup {
    struct counted counted;
    struct netsim_plan *plan;
    struct netsim_pipeline *pipeline;
    size_t allocations; /* after new */
    uint64_t next_id;
};

static struct netsim_plan *plan_of(const char *text, struct counted *counted)
{
    struct belay_memory memory = {counted_resize, counted};
    struct netsim_words_error error;
    struct netsim_plan *plan;

    if (netsim_plan_parse(&plan, text, &memory, &error) != 0)
        fail_msg("`%s`: %s at %zu", text, error.text, error.at);
    return plan;
}

static void begin_with(struct setup *s, uint32_t headers)
{
    struct belay_memory memory = {counted_resize, &s->counted};

    s->pipeline = netsim_pipeline_new(s->plan, SEED, headers, &memory);
    assert_non_null(s->pipeline);
    s->allocations = s->counted.allocations;
}

static void begin(struct setup *s, const char *text)
{
    *s = (struct setup){.next_id = 0};
    s->plan = plan_of(text, &s->counted);
    begin_with(s, 0);
}

static void end(struct setup *s)
{
    assert_int_equal(s->counted.allocations, s->allocations);
    netsim_pipeline_free(s->pipeline);
    netsim_plan_free(s->plan);
    assert_int_equal(s->counted.bytes, 0);
}

static void send_at(struct setup *s, uint32_t len, uint64_t now_ns)
{
    struct netsim_packet packet = {.id = s->next_id++, .len = len};

    netsim_pipeline_send(s->pipeline, &packet, now_ns);
}

static struct netsim_outcome poll_at(struct setup *s, uint64_t now_ns)
{
    struct netsim_outcome out;

    if (!netsim_pipeline_poll(s->pipeline, now_ns, &out))
        fail_msg("nothing at %llu", (unsigned long long)now_ns);
    return out;
}

static void assert_leaves(struct setup *s, uint64_t id, uint64_t t_ns)
{
    struct netsim_outcome out = poll_at(s, t_ns);

    assert_int_equal(out.why, NETSIM_NOT_DROPPED);
    assert_int_equal(out.id, id);
    assert_int_equal(out.t_ns, t_ns);
    assert_true(out.last);
}

static void assert_drops(struct setup *s, uint64_t id, enum netsim_why why, unsigned stage,
                         uint64_t t_ns)
{
    struct netsim_outcome out = poll_at(s, t_ns);

    assert_string_equal(netsim_why_name(out.why), netsim_why_name(why));
    assert_int_equal(out.id, id);
    assert_int_equal(out.stage, stage);
    assert_int_equal(out.t_ns, t_ns);
    assert_true(out.last);
}

static void assert_nothing(struct setup *s, uint64_t now_ns)
{
    struct netsim_outcome out;

    assert_false(netsim_pipeline_poll(s->pipeline, now_ns, &out));
}

static uint64_t deadline(const struct setup *s)
{
    return netsim_pipeline_deadline(s->pipeline);
}

/* ------------------------------------------------------------------ one stage is the link */

static void assert_same(const struct netsim_outcome *out, const struct netsim_delivery *d,
                        uint64_t due_ns)
{
    assert_true(out->why == NETSIM_NOT_DROPPED && out->stage == 0);
    assert_true(out->id == d->id && out->len == d->len && out->user == d->user);
    assert_int_equal(out->sent_ns, d->sent_ns);
    assert_int_equal(out->t_ns, due_ns);
    assert_int_equal(out->corrupt_bits, d->corrupt_bit >= 0);
    if (d->corrupt_bit >= 0)
        assert_int_equal(out->corrupt_bit[0], d->corrupt_bit);
    assert_true(out->ce == d->ce && out->duplicate == d->duplicate);
    assert_true(out->reordered == d->reordered && out->last == d->last);
}

/* A slot whose time is drawn below zero opens in the past: the link then says so, and in the
 * pipeline no time is before the last one. */
static void assert_same_until(struct setup *s, struct netsim_link *link, uint64_t now_ns,
                              uint64_t *last_ns)
{
    struct netsim_delivery d;
    struct netsim_outcome out;

    while (netsim_link_deadline(link) <= now_ns) {
        uint64_t due = netsim_link_deadline(link);

        while (netsim_link_receive(link, due, &d)) {
            *last_ns = d.due_ns > *last_ns ? d.due_ns : *last_ns;
            out = poll_at(s, now_ns);
            assert_same(&out, &d, *last_ns);
        }
    }
    assert_nothing(s, now_ns);
}

static void compare(const char *words, uint64_t interval_ns)
{
    struct counted counted = {0};
    struct netsim_link *link = link_of(words, SEED, &counted);
    struct netsim_stats stats, link_stats;
    uint64_t last_ns = 0;
    struct setup s;

    begin(&s, words);
    assert_int_equal(netsim_pipeline_seed(s.pipeline, 0), netsim_link_seed(link));
    for (uint64_t id = 0; id < 3000; id++) {
        struct netsim_packet packet = {
            .id = id, .len = 100 + id % 1000, .ect = id % 3 == 0, .user = link};
        uint64_t now = id * interval_ns;
        struct netsim_fate fate;

        assert_same_until(&s, link, now, &last_ns);
        fate = netsim_link_send(link, &packet, now);
        netsim_pipeline_send(s.pipeline, &packet, now);
        for (unsigned i = 0; i < fate.dropped; i++) {
            struct netsim_outcome out = poll_at(&s, now);

            assert_true(out.why == fate.drops[i].why && out.id == id);
            assert_int_equal(out.duplicate, fate.drops[i].duplicate);
            assert_int_equal(out.last, fate.queued == 0);
        }
        assert_int_equal(netsim_pipeline_queued(s.pipeline), netsim_link_queued(link));
    }
    while (netsim_link_queued(link) > 0)
        assert_same_until(&s, link, netsim_link_deadline(link), &last_ns);
    assert_true(deadline(&s) == BELAY_NEVER);
    netsim_pipeline_stats(s.pipeline, 0, &stats);
    netsim_link_stats(link, &link_stats);
    assert_memory_equal(&stats, &link_stats, sizeof(stats));
    end(&s);
    netsim_link_free(link);
    assert_int_equal(counted.bytes, 0);
}

static void test_one_stage_is_the_link(void **state)
{
    static const char *const rows[] = {
        "",
        "seed 77 loss 30%",
        "delay 20ms 5ms",
        "delay 20ms 40ms 25% distribution normal",
        "loss 10% 25% duplicate 10% delay 3ms",
        "loss gemodel 5% 30% 70% 1% ecn",
        "loss state 5% 40% 20% 50% 1% duplicate 5%",
        "corrupt 20% 10% duplicate 20%",
        "delay 10ms 2ms reorder 25% 50% gap 3",
        "delay 10ms reorder 100% limit 5",
        "rate 1mbit limit 20",
        "rate 10mbit 14 48 5 delay 10ms 3ms loss 5% reorder 10%",
        "slot 5ms 9ms packets 3",
        "slot 5ms 9ms bytes 2000 delay 10ms 8ms",
        "slot distribution normal 5ms 4ms packets 2 delay 3ms 1ms distribution pareto",
        "delay 20ms 10ms x-fifo duplicate 5%",
        EVERYTHING,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        compare(rows[i], 1 * MS);
        compare(rows[i], MS / 10);
    }
}

/* ------------------------------------------------------------------ several stages */

/* Packets move on when they are due, however late the caller is. */
static void test_stages(void **state)
{
    struct setup s;
    struct netsim_stats stats;

    (void)state;
    begin(&s, "rate 8mbit | delay 20ms");
    send_at(&s, 1000, 0);
    send_at(&s, 1000, 0);
    assert_int_equal(deadline(&s), 1 * MS);
    assert_nothing(&s, 1 * MS);
    assert_int_equal(deadline(&s), 2 * MS);
    assert_nothing(&s, 21 * MS - 1);
    assert_leaves(&s, 0, 21 * MS);
    assert_leaves(&s, 1, 22 * MS);
    send_at(&s, 1000, 30 * MS);
    send_at(&s, 1000, 31 * MS);
    assert_int_equal(netsim_pipeline_queued(s.pipeline), 2);
    assert_int_equal(poll_at(&s, 900 * MS).t_ns, 51 * MS);
    assert_int_equal(poll_at(&s, 900 * MS).t_ns, 52 * MS);
    assert_true(deadline(&s) == BELAY_NEVER);
    assert_int_equal(netsim_pipeline_stages(s.pipeline), 2);
    for (unsigned i = 0; i < 2; i++) {
        netsim_pipeline_stats(s.pipeline, i, &stats);
        assert_true(stats.packets == 4 && stats.bytes == 4000 && stats.delivered == 4);
    }
    end(&s);
}

/* What leaves at a time makes room for what comes in at that time. */
static void test_later_stages_first(void **state)
{
    struct setup s;

    (void)state;
    begin(&s, "delay 5ms | delay 5ms limit 1 | delay 5ms limit 1");
    for (uint64_t i = 0; i < 10; i++)
        send_at(&s, 100, i * 5 * MS);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(poll_at(&s, 100 * MS).why, NETSIM_NOT_DROPPED);
    end(&s);
}

static void test_seeds(void **state)
{
    struct setup s;

    (void)state;
    begin(&s, "loss 1% | loss 1% | loss 1% seed 5 | loss 1%");
    assert_int_equal(netsim_pipeline_seed(s.pipeline, 0), SEED);
    assert_true(netsim_pipeline_seed(s.pipeline, 1) ==
                netsim_seed_derive(SEED, NETSIM_STREAM_STAGE + 1));
    assert_int_equal(netsim_pipeline_seed(s.pipeline, 2), 5);
    assert_true(netsim_pipeline_seed(s.pipeline, 3) ==
                netsim_seed_derive(SEED, NETSIM_STREAM_STAGE + 3));
    end(&s);
}

/* A copy of a copy: four leave, one is the last, three are duplicates. */
static void test_copies(void **state)
{
    struct setup s;
    unsigned duplicates = 0;

    (void)state;
    begin(&s, "duplicate 100% | duplicate 100% corrupt 100% | corrupt 100%");
    send_at(&s, 100, 0);
    for (int i = 0; i < 4; i++) {
        struct netsim_outcome out = poll_at(&s, 0);

        duplicates += out.duplicate;
        assert_int_equal(out.last, i == 3);
        assert_int_equal(out.corrupt_bits, 2);
        assert_true(out.corrupt_bit[0] < 800 && out.corrupt_bit[1] < 800);
    }
    assert_int_equal(duplicates, 3);
    assert_nothing(&s, 0);
    end(&s);
}

/* A copy that is dropped later is not the end of its packet, unless it is the last. */
static void test_copy_dropped_later(void **state)
{
    struct netsim_outcome out;
    struct setup s;

    (void)state;
    begin(&s, "duplicate 100% delay 5ms | x-drop 1 delay 1ms");
    send_at(&s, 100, 0);
    out = poll_at(&s, 5 * MS);
    assert_true(out.why == NETSIM_DROP_LISTED && out.stage == 1 && !out.last && !out.duplicate);
    out = poll_at(&s, 6 * MS);
    assert_true(out.why == NETSIM_NOT_DROPPED && out.last && out.duplicate);
    end(&s);
}

/* ------------------------------------------------------------------ extensions */

static void test_gate(void **state)
{
    struct setup s = {.next_id = 0};

    (void)state;
    s.plan = plan_of("x-drop 1 | x-mtu 1000 x-blackout 50ms 10ms", &s.counted);
    begin_with(&s, ETHERNET);
    send_at(&s, 1014, 0);
    assert_leaves(&s, 0, 0);
    send_at(&s, 1014, 1 * MS);
    assert_drops(&s, 1, NETSIM_DROP_LISTED, 0, 1 * MS);
    send_at(&s, 1015, 2 * MS);
    assert_drops(&s, 2, NETSIM_DROP_MTU, 1, 2 * MS);
    send_at(&s, 10, 2 * MS); /* less than its header */
    assert_leaves(&s, 3, 2 * MS);
    send_at(&s, 100, 50 * MS);
    assert_drops(&s, 4, NETSIM_DROP_BLACKOUT, 1, 50 * MS);
    send_at(&s, 100, 60 * MS);
    assert_leaves(&s, 5, 60 * MS);
    end(&s);
}

/* delay and its like come after the line, and netem's own rate is off. */
static void test_line(void **state)
{
    struct netsim_stats stats;
    struct setup s;

    (void)state;
    begin(&s, "rate 8mbit delay 20ms x-queue droptail 1500");
    send_at(&s, 1000, 0);
    send_at(&s, 1000, 0);
    send_at(&s, 1000, 0);
    assert_drops(&s, 2, NETSIM_DROP_QUEUE, 0, 0);
    assert_int_equal(netsim_pipeline_queued(s.pipeline), 2);
    assert_leaves(&s, 0, 21 * MS);
    assert_leaves(&s, 1, 22 * MS);
    netsim_pipeline_stats(s.pipeline, 0, &stats);
    assert_true(stats.packets == 3 && stats.delivered == 2 && stats.dropped == 1);
    assert_true(stats.dropped_queue == 1 && stats.overlimits == 1);
    end(&s);
}

static void test_codel(void **state)
{
    struct netsim_outcome out;
    struct netsim_stats stats;
    uint64_t codel = 0, left = 0, ce = 0;
    struct setup s;

    (void)state;
    begin(&s, "rate 8mbit x-queue codel ecn loss 0.000001%");
    for (uint64_t i = 0; i < 2000; i++) {
        struct netsim_packet packet = {.id = i, .len = 1000, .ect = i % 2 == 0};

        netsim_pipeline_send(s.pipeline, &packet, i * MS / 2);
        while (netsim_pipeline_poll(s.pipeline, i * MS / 2, &out)) {
            codel += out.why == NETSIM_DROP_CODEL;
            left += out.why == NETSIM_NOT_DROPPED;
            ce += out.ce;
            assert_true(!out.ce || out.id % 2 == 0);
        }
    }
    while (netsim_pipeline_poll(s.pipeline, BELAY_NEVER, &out)) {
        codel += out.why == NETSIM_DROP_CODEL;
        left += out.why == NETSIM_NOT_DROPPED;
        ce += out.ce;
    }
    netsim_pipeline_stats(s.pipeline, 0, &stats);
    assert_true(codel > 3 && ce > 3 && left + codel == 2000);
    assert_int_equal(stats.dropped_codel, codel);
    assert_int_equal(stats.marked, ce);
    assert_int_equal(stats.dropped, codel + ce);
    end(&s);
}

static void give_trace(struct netsim_plan *plan, struct netsim_words *words, const char *text)
{
    const char *wrong;
    size_t line;

    words->trace = netsim_trace_parse(text, strlen(text), &plan->mem, &wrong, &line);
    assert_non_null(words->trace);
}

static void test_trace(void **state)
{
    struct setup s = {.next_id = 0};

    (void)state;
    s.plan = plan_of("x-trace FILE delay 1ms", &s.counted);
    give_trace(s.plan, &s.plan->stages[0].steps[0].words, "10\n20\n");
    begin_with(&s, 0);
    for (int i = 0; i < 3; i++)
        send_at(&s, 1500, 5 * MS);
    assert_leaves(&s, 0, 11 * MS);
    assert_leaves(&s, 1, 21 * MS);
    assert_leaves(&s, 2, 31 * MS);
    end(&s);
}

/* ------------------------------------------------------------------ schedules */

static void test_schedule(void **state)
{
    struct setup s;

    (void)state;
    begin(&s, "delay 20ms ; at 50ms loss 100% ; at 60ms delay 5ms");
    send_at(&s, 100, 49 * MS);
    send_at(&s, 100, 50 * MS);
    assert_drops(&s, 1, NETSIM_DROP_LOSS, 0, 50 * MS);
    send_at(&s, 100, 60 * MS);
    assert_leaves(&s, 2, 65 * MS);
    assert_leaves(&s, 0, 69 * MS);
    end(&s);

    begin(&s, "delay 20ms ; at 50ms loss 100% ; at 60ms delay 5ms");
    send_at(&s, 100, 100 * MS); /* nothing happened meanwhile, and both have come */
    assert_leaves(&s, 0, 105 * MS);
    end(&s);
}

/* The words of the time at which it comes to a stage, not of the time of the call. */
static void test_schedule_of_a_later_stage(void **state)
{
    struct setup s;

    (void)state;
    begin(&s, "delay 20ms | delay 1ms ; at 30ms loss 100% ; at 40ms delay 2ms");
    for (uint64_t i = 0; i < 4; i++)
        send_at(&s, 100, 8 * i * MS); /* at the second stage at 20, 28, 36, 44 */
    assert_int_equal(poll_at(&s, 100 * MS).t_ns, 21 * MS);
    assert_int_equal(poll_at(&s, 100 * MS).t_ns, 29 * MS);
    assert_drops(&s, 2, NETSIM_DROP_LOSS, 1, 36 * MS);
    assert_int_equal(poll_at(&s, 100 * MS).t_ns, 46 * MS);
    end(&s);
}

/* From a time on is at that time already. */
static void test_schedule_at_the_same_time(void **state)
{
    struct setup s;

    (void)state;
    begin(&s, "delay 20ms | delay 1ms ; at 20ms loss 100%");
    send_at(&s, 100, 0);
    assert_drops(&s, 0, NETSIM_DROP_LOSS, 1, 20 * MS);
    end(&s);
}

static void test_schedule_of_a_line(void **state)
{
    struct setup s;

    (void)state;
    begin(&s, "rate 8mbit x-queue codel ; at 1500us rate 80mbit x-queue codel");
    for (int i = 0; i < 4; i++)
        send_at(&s, 1000, 0);
    assert_leaves(&s, 0, 1 * MS);
    assert_leaves(&s, 1, 2 * MS); /* had begun */
    assert_leaves(&s, 2, 2 * MS + MS / 10);
    assert_leaves(&s, 3, 2 * MS + MS / 5);
    end(&s);
}

/* New words may let go what the old ones held back: that time is a deadline too. */
static void test_schedule_opens(void **state)
{
    struct setup s;

    (void)state;
    begin(&s, "slot 10s packets 1 ; at 100ms delay 0");
    send_at(&s, 100, 1 * MS); /* the slot opened at the start: its turn is lost */
    assert_nothing(&s, 99 * MS);
    assert_int_equal(deadline(&s), 100 * MS);
    assert_leaves(&s, 0, 100 * MS);
    end(&s);
}

static void test_rebinds(void **state)
{
    struct setup s;

    (void)state;
    begin(&s, "x-rebind 100ms repeat | x-rebind 250ms");
    assert_int_equal(netsim_pipeline_rebinds(s.pipeline, 99 * MS), 0);
    assert_int_equal(netsim_pipeline_rebinds(s.pipeline, 250 * MS), 3);
    assert_int_equal(netsim_pipeline_rebinds(s.pipeline, 1000 * MS), 11);
    assert_int_equal(netsim_pipeline_next_rebind(s.pipeline, 0), 100 * MS);
    assert_int_equal(netsim_pipeline_next_rebind(s.pipeline, 200 * MS), 250 * MS);
    assert_int_equal(netsim_pipeline_next_rebind(s.pipeline, 250 * MS), 300 * MS);
    end(&s);
}

/* ------------------------------------------------------------------ callers and memory */

/* Several sends before a poll lose nothing. */
static void test_many_sends(void **state)
{
    struct setup s;

    (void)state;
    begin(&s, "loss 100%");
    for (uint64_t i = 0; i < 500; i++)
        send_at(&s, 100, i);
    for (uint64_t i = 0; i < 500; i++)
        assert_drops(&s, i, NETSIM_DROP_LOSS, 0, i);
    assert_nothing(&s, BELAY_NEVER);
    end(&s);
}

static void test_no_memory(void **state)
{
    struct belay_memory memory = {counted_resize, NULL};
    struct netsim_stats stats;
    struct counted little;
    struct setup s;
    size_t step = 5000, tries = 0;

    (void)state;
    begin(&s, "loss 100% limit 10 | delay 1ms ; at 1s limit 5000");
    for (size_t bytes = 1; bytes < s.counted.bytes; bytes += step, tries++) {
        struct netsim_pipeline *pipeline;

        little = (struct counted){.bytes_max = bytes};
        memory.ctx = &little;
        pipeline = netsim_pipeline_new(s.plan, SEED, 0, &memory);
        netsim_pipeline_free(pipeline);
        assert_int_equal(little.bytes, 0);
        if (bytes < 100000)
            assert_null(pipeline);
    }
    assert_true(tries > 50);
    end(&s);

    /* A caller that does not poll, and there is no more: one is refused by name. */
    begin(&s, "loss 100% limit 10");
    s.counted.bytes_max = s.counted.bytes;
    for (uint64_t i = 0; i < 15; i++)
        send_at(&s, 100, i);
    for (uint64_t i = 0; i < 14; i++)
        assert_drops(&s, i, NETSIM_DROP_LOSS, 0, i);
    assert_drops(&s, 14, NETSIM_DROP_MEMORY, 0, 14);
    netsim_pipeline_stats(s.pipeline, 0, &stats);
    assert_true(stats.dropped_memory == 1 && stats.packets == 15 && stats.dropped == 15);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_stage_is_the_link),
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_later_stages_first),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_copy_dropped_later),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_codel),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_schedule_of_a_later_stage),
        cmocka_unit_test(test_schedule_at_the_same_time),
        cmocka_unit_test(test_schedule_of_a_line),
        cmocka_unit_test(test_schedule_opens),
        cmocka_unit_test(test_rebinds),
        cmocka_unit_test(test_many_sends),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
