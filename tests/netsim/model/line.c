#include "../fixture.h"

#include "netsim/model/line.h"
#include "netsim/model/trace.h"

#define ITEMS_MAX 400

struct setup {
    struct netsim_words words;
    struct netsim_line_state line;
    struct netsim_line_item items[ITEMS_MAX];
    int used;
};

static struct setup *begin(const char *text)
{
    static struct setup s;

    s = (struct setup){.words = words_of(text)};
    netsim_line_init(&s.line, &s.words);
    return &s;
}

static enum netsim_why send_at(struct setup *s, uint32_t len, uint64_t now_ns)
{
    struct netsim_line_item *item = &s->items[s->used++];

    assert_true(s->used <= ITEMS_MAX);
    item->came_ns = now_ns;
    item->len = len;
    return netsim_line_send(&s->line, item);
}

static void assert_leaves(struct setup *s, int i, uint64_t at_ns)
{
    enum netsim_why why;
    uint64_t is_ns;

    assert_int_equal(netsim_line_deadline(&s->line), at_ns);
    assert_null(netsim_line_receive(&s->line, at_ns - 1, &why, &is_ns));
    assert_ptr_equal(netsim_line_receive(&s->line, at_ns, &why, &is_ns), &s->items[i]);
    assert_int_equal(is_ns, at_ns);
    assert_int_equal(why, NETSIM_NOT_DROPPED);
}

/* What waits comes to its turn, and nothing leaves. */
static void assert_turn(struct setup *s, uint64_t now_ns)
{
    enum netsim_why why;
    uint64_t at_ns;

    assert_null(netsim_line_receive(&s->line, now_ns, &why, &at_ns));
}

static void assert_empty(const struct setup *s)
{
    assert_true(netsim_line_deadline(&s->line) == BELAY_NEVER);
    assert_int_equal(netsim_line_inside(&s->line), 0);
    assert_int_equal(s->line.bytes, 0);
}

/* 1000 bytes at 8 mbit are 1 ms. */
static void test_first_in_first_out(void **state)
{
    struct setup *s = begin("rate 8mbit x-queue droptail 10000");

    (void)state;
    assert_empty(s);
    send_at(s, 1000, 5 * MS);
    send_at(s, 500, 5 * MS);
    send_at(s, 1000, 5 * MS);
    assert_int_equal(netsim_line_inside(&s->line), 3);
    assert_leaves(s, 0, 6 * MS);
    assert_turn(s, 6 * MS);
    assert_leaves(s, 1, 6 * MS + MS / 2);
    assert_turn(s, 6 * MS + MS / 2);
    assert_leaves(s, 2, 7 * MS + MS / 2);
    assert_empty(s);
    send_at(s, 1000, 20 * MS); /* the line was free meanwhile */
    assert_leaves(s, 3, 21 * MS);
}

/* A late caller is told when it was, and the next one begins then. */
static void test_late(void **state)
{
    struct setup *s = begin("rate 8mbit x-queue droptail 10000");
    enum netsim_why why;
    uint64_t at_ns;

    (void)state;
    for (int i = 0; i < 3; i++)
        send_at(s, 1000, 0);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(netsim_line_receive(&s->line, BELAY_NEVER, &why, &at_ns),
                         &s->items[i]);
        assert_int_equal(at_ns, (uint64_t)(i + 1) * MS);
    }
    assert_empty(s);
}

/* The bytes that wait count, not those on the way; and a packet of nothing counts too. */
static void test_droptail(void **state)
{
    struct setup *s = begin("rate 8mbit x-queue droptail 2000");

    (void)state;
    assert_int_equal(send_at(s, 9000, 0), NETSIM_NOT_DROPPED); /* is sent at once */
    assert_int_equal(send_at(s, 1500, 0), NETSIM_NOT_DROPPED);
    assert_int_equal(send_at(s, 501, 0), NETSIM_DROP_QUEUE);
    assert_int_equal(send_at(s, 500, 0), NETSIM_NOT_DROPPED);
    assert_int_equal(send_at(s, 0, 0), NETSIM_DROP_QUEUE);
    assert_leaves(s, 0, 9 * MS);
    assert_turn(s, 9 * MS);
    for (int i = 0; i < 75; i++)
        assert_int_equal(send_at(s, 0, 9 * MS), NETSIM_NOT_DROPPED);
    assert_int_equal(send_at(s, 0, 9 * MS), NETSIM_DROP_QUEUE);
    assert_true(netsim_line_inside(&s->line) <= netsim_line_capacity(&s->words));
}

static void test_nothing_may_wait(void **state)
{
    struct setup *s = begin("rate 8mbit x-queue droptail 1");

    (void)state;
    s->words.line_bytes = 0;
    assert_int_equal(send_at(s, 1000, 0), NETSIM_NOT_DROPPED);
    assert_int_equal(send_at(s, 1000, 0), NETSIM_DROP_QUEUE);
    assert_leaves(s, 0, 1 * MS);
    assert_int_equal(send_at(s, 1000, 1 * MS), NETSIM_NOT_DROPPED);
}

static void test_overhead_and_cells(void **state)
{
    struct setup *s = begin("rate 8mbit 20 100 10 x-queue droptail 10000");

    (void)state;
    send_at(s, 1000, 0); /* 1020 bytes are 11 cells of 110 */
    assert_leaves(s, 0, 1210000);
}

/* A new rate is that of the packets which begin after. */
static void test_change_of_rate(void **state)
{
    struct setup *s = begin("rate 8mbit x-queue droptail 10000");
    struct netsim_words slow = words_of("rate 800kbit x-queue droptail 2000");

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(send_at(s, 1000, 0), NETSIM_NOT_DROPPED);
    netsim_line_change(&s->line, &slow);
    assert_int_equal(send_at(s, 1000, MS / 2), NETSIM_DROP_QUEUE);
    assert_leaves(s, 0, 1 * MS);
    assert_turn(s, 1 * MS);
    assert_leaves(s, 1, 11 * MS);
}

/* Words without a line: what is being sent is sent, and the rest goes at once, in order. */
static void test_change_to_no_line(void **state)
{
    struct setup *s = begin("rate 8mbit x-queue droptail 10000");
    struct netsim_words clean = words_of("rate 8kbit limit 3");

    (void)state;
    assert_true(netsim_line_is_on(&s->line));
    for (int i = 0; i < 3; i++)
        send_at(s, 1000, 0);
    netsim_line_change(&s->line, &clean);
    assert_true(netsim_line_is_on(&s->line));
    assert_int_equal(send_at(s, 1000, 0), NETSIM_NOT_DROPPED);
    assert_int_equal(send_at(s, 1000, 0), NETSIM_DROP_LIMIT);
    for (int i = 0; i < 4; i++)
        assert_leaves(s, i, 1 * MS);
    assert_false(netsim_line_is_on(&s->line));
}

static struct netsim_trace *trace_of(const char *text, struct belay_mem *mem)
{
    static struct belay_memory memory = {counted_resize, NULL};
    static struct counted counted;
    const char *wrong = NULL;
    struct netsim_trace *trace;
    size_t line;

    memory.ctx = &counted;
    belay_mem_init(mem, &memory);
    trace = netsim_trace_parse(text, strlen(text), mem, &wrong, &line);
    if (trace == NULL)
        fail_msg("line %zu %s", line, wrong);
    return trace;
}

/* Opportunities at 10, 10, 20, 30, 100; then from 100 on again. */
static void test_trace(void **state)
{
    struct setup *s = begin("limit 3");
    struct belay_mem mem;
    struct netsim_trace *trace = trace_of("10\n10\n20\n30\n100\n", &mem);

    (void)state;
    s->words.trace = trace;
    assert_true(netsim_line_is_on(&s->line));
    send_at(s, 1000, 0);
    send_at(s, 1000, 0); /* 500 of the first, 500 of the second */
    send_at(s, 1001, 0); /* 1000 are left, which is 1 too few */
    assert_leaves(s, 0, 10 * MS);
    assert_leaves(s, 1, 10 * MS);
    assert_turn(s, 10 * MS);
    assert_leaves(s, 2, 20 * MS);
    /* 1499 bytes were left, but nobody waited. */
    send_at(s, 100, 20 * MS);
    assert_leaves(s, 3, 30 * MS);
    send_at(s, 4000, 31 * MS); /* three: 100, 110, 110 */
    send_at(s, 400, 31 * MS);  /* 500 are left */
    send_at(s, 101, 31 * MS);  /* 100 are left */
    assert_leaves(s, 4, 110 * MS);
    assert_leaves(s, 5, 110 * MS);
    assert_turn(s, 110 * MS);
    assert_leaves(s, 6, 120 * MS);
    assert_empty(s);
    netsim_trace_free(trace, &mem);
}

static void test_trace_limit(void **state)
{
    struct setup *s = begin("limit 2");
    struct belay_mem mem;
    struct netsim_trace *trace = trace_of("5\n", &mem);

    (void)state;
    s->words.trace = trace;
    for (int i = 0; i < 3; i++) /* one is on its way, two wait */
        assert_int_equal(send_at(s, 1500, 0), NETSIM_NOT_DROPPED);
    assert_int_equal(send_at(s, 1500, 0), NETSIM_DROP_LIMIT);
    assert_int_equal(netsim_line_inside(&s->line), netsim_line_capacity(&s->words));
    netsim_trace_free(trace, &mem);
}

static void test_change_of_trace(void **state)
{
    struct setup *s = begin("limit 10");
    struct netsim_words other;
    struct belay_mem mem, other_mem;
    struct netsim_trace *trace = trace_of("1\n", &mem), *slow = trace_of("40\n", &other_mem);

    (void)state;
    s->words.trace = trace;
    other = s->words;
    other.trace = slow;
    for (int i = 0; i < 3; i++)
        send_at(s, 1500, 0);
    assert_leaves(s, 0, 1 * MS);
    netsim_line_change(&s->line, &other);
    assert_turn(s, 1 * MS);
    assert_leaves(s, 1, 40 * MS);
    assert_turn(s, 40 * MS);
    assert_leaves(s, 2, 80 * MS);
    netsim_trace_free(trace, &mem);
    netsim_trace_free(slow, &other_mem);
}

/* 1000 bytes each 1 ms go out, two each 1 ms come in: CoDel drops as its schedule says. */
static void test_codel(void **state)
{
    struct setup *s = begin("rate 8mbit x-queue codel");
    uint64_t dropped_ms[8] = {0}, at_ns;
    enum netsim_why why;
    size_t drops = 0;

    (void)state;
    for (uint64_t ms = 0; ms < 200; ms++) {
        struct netsim_line_item *item;

        while ((item = netsim_line_receive(&s->line, ms * MS, &why, &at_ns)) != NULL)
            if (why == NETSIM_DROP_CODEL && drops < 8)
                dropped_ms[drops++] = at_ns / MS;
        assert_int_equal(send_at(s, 1000, ms * MS), NETSIM_NOT_DROPPED);
        assert_int_equal(send_at(s, 1000, ms * MS), NETSIM_NOT_DROPPED);
    }
    /* Packet k comes at k / 2 ms and to its turn at k ms: the wait reaches 5 ms with packet 9,
     * which came at 4. */
    assert_int_equal(drops, 1);
    assert_int_equal(dropped_ms[0], 109);
}

static void test_codel_marks(void **state)
{
    struct setup *s = begin("rate 8mbit x-queue codel");
    struct netsim_line_item *item;
    uint64_t at_ns, marked = 0, dropped = 0;
    enum netsim_why why;

    (void)state;
    s->words.ecn = true;
    for (int i = 0; i < 300; i++) {
        s->items[i].ect = i % 2 == 0;
        send_at(s, 1000, 0);
    }
    while ((item = netsim_line_receive(&s->line, BELAY_NEVER, &why, &at_ns)) != NULL) {
        bool ect = item->ect;

        assert_true(why == NETSIM_NOT_DROPPED ? !item->ce || ect : !ect && !item->ce);
        marked += item->ce;
        dropped += why == NETSIM_DROP_CODEL;
    }
    assert_true(marked > 0 && dropped > 0);
    assert_int_equal(netsim_line_inside(&s->line), 0);
}

static void test_codel_limit(void **state)
{
    struct setup *s = begin("rate 8mbit x-queue codel limit 2");

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(send_at(s, 1000, 0), NETSIM_NOT_DROPPED);
    assert_int_equal(send_at(s, 1000, 0), NETSIM_DROP_LIMIT);
}

/* The slowest rate and the longest packets do not wrap. */
static void test_end_of_time(void **state)
{
    struct setup *s = begin("rate 8bit x-queue codel");

    (void)state;
    for (int i = 0; i < 5; i++)
        send_at(s, UINT32_MAX, (uint64_t)INT64_MAX - 10);
    for (int i = 0; i < 5; i++) {
        enum netsim_why why;
        uint64_t at_ns;

        assert_non_null(netsim_line_receive(&s->line, BELAY_NEVER, &why, &at_ns));
        assert_int_equal(at_ns, INT64_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_droptail),
        cmocka_unit_test(test_nothing_may_wait),
        cmocka_unit_test(test_overhead_and_cells),
        cmocka_unit_test(test_change_of_rate),
        cmocka_unit_test(test_change_to_no_line),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_trace_limit),
        cmocka_unit_test(test_change_of_trace),
        cmocka_unit_test(test_codel),
        cmocka_unit_test(test_codel_marks),
        cmocka_unit_test(test_codel_limit),
        cmocka_unit_test(test_end_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
