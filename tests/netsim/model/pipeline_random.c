/*
 * Random plans, random packets: what holds for all of them.
 *
 * - each packet has exactly one outcome that says `last`, and none after it
 * - outcomes = packets + copies; what one stage delivers is what the next gets
 * - times never go back, and none is before its packet or after the poll
 * - nothing is due before the deadline
 * - nothing is allocated after new
 * - the same seed gives the same, whether the caller polls at each deadline or late
 *
 * And each kind of drop, and of mishap, happened somewhere. A failure prints the plan; run it
 * again with BELAY_TEST_SEED.
 */
#include "../fixture.h"

#include "support/random.h"

#include "netsim/model/pipeline.h"
#include "netsim/model/trace.h"

#define PLANS     300
#define PACKETS   400
#define PLAN_SIZE 4096
#define WHYS      (NETSIM_DROP_CODEL + 1)

static struct netsim_random dice;
static char plan_text[PLAN_SIZE];

static uint32_t below(uint32_t bound)
{
    return netsim_random_below(&dice, bound);
}

/* ------------------------------------------------------------------ plans */

static void add(const char *text)
{
    size_t len = strlen(plan_text);

    assert_true(len + strlen(text) + 2 < PLAN_SIZE);
    if (len > 0)
        plan_text[len++] = ' ';
    memcpy(plan_text + len, text, strlen(text) + 1);
}

/* One of the texts, or more often none. */
static void maybe(const char *const *texts, uint32_t count)
{
    uint32_t i = below(2 * count);

    if (i < count)
        add(texts[i]);
}

#define MAYBE(...)                                                                             \
    do {                                                                                       \
        static const char *const texts[] = {__VA_ARGS__};                                      \
        maybe(texts, sizeof(texts) / sizeof(texts[0]));                                        \
    } while (0)

static void add_words(void)
{
    bool line = below(4) == 0, trace = below(12) == 0;

    if (line)
        add(below(2) == 0 ? "x-queue codel" : "x-queue droptail 9000");
    if (trace)
        add("x-trace FILE");
    else if (line)
        add(below(3) == 0 ? "rate 200kbit" : "rate 4mbit 14 48 5");
    else
        MAYBE("rate 1mbit", "rate 10mbit 14 48 5");
    MAYBE("limit 0", "limit 1", "limit 5", "limit 30", "limit 2000");
    MAYBE("delay 20ms 5ms reorder 25%", "delay 5ms 30ms 25%", "delay 10ms reorder 50% gap 3",
          "delay 30ms 9ms distribution normal", "delay 1ms", "delay 100ms 1ms x-fifo");
    MAYBE("loss 5% ecn", "loss 20% 10%", "loss gemodel 5% 30% 90% 1%", "loss state 5% 40%",
          "loss 100%", "loss 1%");
    MAYBE("duplicate 10%", "duplicate 100%", "duplicate 3%");
    MAYBE("corrupt 5%", "corrupt 100%");
    MAYBE("slot 1ms 9ms packets 3", "slot 5ms bytes 3000",
          "slot distribution normal 3ms 3ms packets 2", "x-drop 0-3,9,30-50",
          "x-blackout 80ms 20ms repeat", "x-blackout 30ms 5ms", "x-mtu 900", "x-mtu 1400");
}

static void write_plan(void)
{
    unsigned stages = 1 + below(4), steps;
    char at[32];

    plan_text[0] = '\0';
    for (unsigned i = 0; i < stages; i++) {
        if (i > 0)
            add("|");
        steps = below(3) == 0 ? below(4) : 0;
        add_words();
        for (unsigned k = 1; k <= steps; k++) {
            snprintf(at, sizeof(at), "; at %ums", 40 * k + below(30));
            add(at);
            add_words();
        }
    }
}

static void give_traces(struct netsim_plan *plan)
{
    static const char text[] = "1\n1\n2\n9\n9\n9\n15\n";

    for (unsigned i = 0; i < plan->count; i++)
        for (unsigned k = 0; k < plan->stages[i].count; k++) {
            struct netsim_words *words = &plan->stages[i].steps[k].words;
            const char *wrong;
            size_t line;

            if (words->trace_file[0] == '\0')
                continue;
            words->trace =
                netsim_trace_parse(text, sizeof(text) - 1, &plan->mem, &wrong, &line);
            assert_non_null(words->trace);
        }
}

/* ------------------------------------------------------------------ runs */

struct run {
    struct counted counted;
    struct netsim_plan *plan;
    struct netsim_pipeline *pipeline;
    bool held[PACKETS];
    uint64_t sent, left, dropped, lasts, last_ns, called_ns, hash;
};

static uint64_t happened[WHYS], copies, reordered, marked, corrupted_twice;

static void mix(struct run *run, uint64_t value)
{
    run->hash = (run->hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    run->hash ^= run->hash >> 29;
}

static void hash(struct run *run, const struct netsim_outcome *out)
{
    mix(run, out->id);
    mix(run, out->t_ns);
    mix(run, (uint64_t)out->why << 8 | out->stage);
    mix(run, out->ce | out->duplicate << 1 | out->reordered << 2 | out->last << 3);
    for (unsigned i = 0; i < out->corrupt_bits; i++)
        mix(run, out->corrupt_bit[i]);
}

static void take(struct run *run, const struct netsim_outcome *out, uint64_t now_ns)
{
    assert_true(out->id < run->sent && run->held[out->id]);
    assert_ptr_equal(out->user, &run->held[out->id]);
    assert_true(out->t_ns >= run->last_ns && out->t_ns >= out->sent_ns && out->t_ns <= now_ns);
    assert_true(out->stage < run->plan->count);
    run->last_ns = out->t_ns;
    run->held[out->id] = !out->last;
    run->lasts += out->last;
    run->left += out->why == NETSIM_NOT_DROPPED;
    run->dropped += out->why != NETSIM_NOT_DROPPED;
    hash(run, out);
    happened[out->why]++;
    copies += out->duplicate;
    reordered += out->reordered;
    marked += out->ce;
    corrupted_twice += out->corrupt_bits > 1;
}

static void poll_all(struct run *run, uint64_t now_ns)
{
    struct netsim_outcome out;

    run->called_ns = now_ns;
    while (netsim_pipeline_poll(run->pipeline, now_ns, &out))
        take(run, &out, now_ns);
}

/* At each deadline, and just before it, when nothing is due. */
static void poll_each(struct run *run, uint64_t now_ns)
{
    uint64_t due;

    while ((due = netsim_pipeline_deadline(run->pipeline)) <= now_ns) {
        uint64_t before = run->left + run->dropped;

        assert_true(due >= run->last_ns);
        if (due > run->called_ns)
            poll_all(run, due - 1);
        assert_int_equal(run->left + run->dropped, before);
        poll_all(run, due);
        assert_true(netsim_pipeline_deadline(run->pipeline) > due);
    }
}

static void check_stats(struct run *run)
{
    uint64_t duplicated = 0, dropped = 0, delivered = run->sent;

    for (unsigned i = 0; i < run->plan->count; i++) {
        struct netsim_stats s;

        netsim_pipeline_stats(run->pipeline, i, &s);
        assert_int_equal(s.packets, delivered);
        assert_int_equal(s.packets + s.duplicated, s.delivered + s.dropped - s.marked);
        assert_int_equal(s.dropped, s.dropped_loss + s.dropped_limit + s.dropped_memory +
                                        s.dropped_listed + s.dropped_blackout + s.dropped_mtu +
                                        s.dropped_queue + s.dropped_codel + s.marked);
        assert_int_equal(s.dropped_memory, 0);
        duplicated += s.duplicated;
        dropped += s.dropped - s.marked;
        delivered = s.delivered;
    }
    assert_int_equal(run->left, delivered);
    assert_int_equal(run->dropped, dropped);
    assert_int_equal(run->left + run->dropped, run->sent + duplicated);
}

/* The packets are those of packet_seed, whoever polls how. */
static uint64_t play(uint64_t packet_seed, bool late)
{
    static struct run run;
    struct belay_memory memory = {counted_resize, &run.counted};
    struct netsim_random packets;
    struct netsim_words_error error;
    size_t allocations;
    uint64_t now = 0;

    run = (struct run){.hash = 0};
    netsim_random_init(&packets, packet_seed);
    if (netsim_plan_parse(&run.plan, plan_text, &memory, &error) != 0)
        fail_msg("%s at %zu", error.text, error.at);
    give_traces(run.plan);
    run.pipeline = netsim_pipeline_new(run.plan, packet_seed, 14, &memory);
    assert_non_null(run.pipeline);
    allocations = run.counted.allocations;
    while (run.sent < PACKETS) {
        struct netsim_packet packet = {.id = run.sent, .user = &run.held[run.sent]};

        packet.len = netsim_random_below(&packets, 8) == 0
                         ? netsim_random_below(&packets, 60)
                         : 60 + netsim_random_below(&packets, 1454);
        packet.ect = netsim_random_below(&packets, 2) == 0;
        now += netsim_random_below(&packets, 3) == 0
                   ? 0
                   : netsim_random_below(&packets, 900) * UINT64_C(1000);
        if (!late)
            poll_each(&run, now);
        run.held[run.sent++] = true;
        netsim_pipeline_send(run.pipeline, &packet, now);
        run.called_ns = now;
        if (late && run.sent % 16 == 0)
            poll_all(&run, now);
    }
    if (late)
        poll_all(&run, BELAY_NEVER);
    else
        poll_each(&run, BELAY_NEVER - 1);
    assert_true(netsim_pipeline_deadline(run.pipeline) == BELAY_NEVER);
    assert_int_equal(netsim_pipeline_queued(run.pipeline), 0);
    assert_int_equal(run.lasts, PACKETS);
    if (!late)
        assert_int_equal(run.counted.allocations, allocations);
    check_stats(&run);
    netsim_pipeline_free(run.pipeline);
    netsim_plan_free(run.plan);
    assert_int_equal(run.counted.bytes, 0);
    return run.hash;
}

static void test_random_plans(void **state)
{
    uint64_t seed = test_seed_from_env(20261121);

    (void)state;
    netsim_random_init(&dice, seed);
    for (uint64_t i = 0; i < PLANS; i++) {
        uint64_t hash;

        write_plan();
        hash = play(seed + i, false);
        if (play(seed + i, true) != hash)
            fail_msg("polling late changes what happens");
        if (play(seed + i + 1000, false) == hash)
            fail_msg("another seed and other packets change nothing");
    }
    for (int why = 0; why < WHYS; why++) {
        print_message("%-8s %llu\n", why == 0 ? "left" : netsim_why_name((enum netsim_why)why),
                      (unsigned long long)happened[why]);
        assert_true(why == NETSIM_DROP_MEMORY || happened[why] > 0);
    }
    assert_true(copies > 100 && reordered > 100 && marked > 100 && corrupted_twice > 100);
}

static int show_plan(void **state)
{
    (void)state;
    print_message("the last plan: %s\n", plan_text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_random_plans, show_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
