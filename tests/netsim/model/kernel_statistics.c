/*
 * What the kernel takes from the system's generator even with `seed`: where a bit is flipped,
 * how long until a slot opens, what a correlated draw leans on first. Here both are samples:
 * the kernel's (tests/vectors/netem-6.12.json) and the link's must be of the distribution that
 * is said, and of one distribution.
 *
 * Bounds hold for any sample size (Massart: P(D > e) <= 2 exp(-2 n e^2), for discrete ones too;
 * two samples: the sum of two such), with a false alarm in 10^9. All is replayed, so the test
 * gives the same each time.
 */
#include "../recording.h"

#define ALARM   1e-9
#define SAMPLES 8000

struct sample {
    size_t count;
    double at[SAMPLES]; /* each in [0, 1) when it is as it should be */
};

static void add(struct sample *sample, double value)
{
    assert_true(sample->count < SAMPLES);
    sample->at[sample->count++] = value;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double bound(size_t count, double alarm)
{
    return sqrt(log(2 / alarm) / (2 * (double)count));
}

/* Kolmogorov and Smirnov's distance from uniform; sorts. */
static double distance(struct sample *sample)
{
    double most = 0, n = (double)sample->count;

    qsort(sample->at, sample->count, sizeof(sample->at[0]), ascending);
    for (size_t i = 0; i < sample->count; i++) {
        most = fmax(most, fabs(sample->at[i] - (double)i / n));
        most = fmax(most, fabs(sample->at[i] - (double)(i + 1) / n));
    }
    return most;
}

/* Both sorted. */
static double distance_of_two(const struct sample *a, const struct sample *b)
{
    double most = 0;
    size_t i = 0, j = 0;

    while (i < a->count && j < b->count) {
        double x = fmin(a->at[i], b->at[j]);

        while (i < a->count && a->at[i] <= x)
            i++;
        while (j < b->count && b->at[j] <= x)
            j++;
        most = fmax(most, fabs((double)i / (double)a->count - (double)j / (double)b->count));
    }
    return most;
}

static void compare(const char *what, struct sample *kernel, struct sample *link)
{
    double theirs = distance(kernel), ours = distance(link);
    double between = distance_of_two(kernel, link);
    double may = bound(kernel->count, ALARM / 2) + bound(link->count, ALARM / 2);

    print_message("%s: kernel %.4f of %.4f (n %zu), link %.4f of %.4f (n %zu), "
                  "from each other %.4f of %.4f\n",
                  what, theirs, bound(kernel->count, ALARM), kernel->count, ours,
                  bound(link->count, ALARM), link->count, between, may);
    assert_true(kernel->count >= 100 && link->count >= 100);
    assert_true(theirs <= bound(kernel->count, ALARM));
    assert_true(ours <= bound(link->count, ALARM));
    assert_true(between <= may);
}

/* A sample that is a little off must be found. */
static void test_bounds_find(void **state)
{
    static struct sample half, shifted;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        add(&half, i / 4000.0);
        add(&shifted, fmin(i / 2000.0 + 0.1, 1));
    }
    assert_true(distance(&half) > bound(half.count, ALARM));
    assert_true(distance(&shifted) > bound(shifted.count, ALARM));
    assert_true(distance_of_two(&half, &shifted) > 2 * bound(2000, ALARM / 2));
}

/* As assert_binomial, for each of the eight bits of a byte. */
static void count_bits(const struct sample *sample, uint32_t size, const char *what)
{
    long counts[8] = {0};

    for (size_t i = 0; i < sample->count; i++)
        counts[(long)(sample->at[i] * 8 * size + 0.25) % 8]++;
    for (int bit = 0; bit < 8; bit++)
        assert_binomial(counts[bit], (long)sample->count, 1 / 8.0, what);
}

static void test_corrupt_bits(void **state)
{
    json_t *root = recording_load("netem-6.12.json"), *line, *bit;
    static struct sample kernel, link_sample;
    size_t l, i;

    (void)state;
    json_array_foreach(json_object_get(root, "bits"), l, line)
    {
        const char *words = json_string_value(json_object_get(line, "words"));
        uint32_t size = (uint32_t)recording_int(line, "size");
        struct counted counted = {0};
        struct netsim_link *link = link_of(words, 0, &counted);
        struct netsim_delivery out;

        kernel.count = link_sample.count = 0;
        json_array_foreach(json_object_get(line, "bits"), i, bit)
        {
            add(&kernel, (double)json_integer_value(bit) / (8.0 * size));
            send_id(link, i, size, i);
            assert_true(netsim_link_receive(link, i, &out));
            add(&link_sample, (double)out.corrupt_bit / (8.0 * size));
        }
        count_bits(&kernel, size, "the kernel's bits of a byte");
        count_bits(&link_sample, size, "the link's bits of a byte");
        compare(words, &kernel, &link_sample);
        netsim_link_free(link);
    }
    assert_true(l >= 2);
    json_decref(root);
}

struct leaving {
    uint64_t sent_ns;
    int64_t left_ns;
};

/*
 * How long it took for slots to open, as a share of [min, max]. Packets that leave at nearly
 * the same time left by one slot. Without bound on packets the next slot is drawn when a packet
 * comes to an empty queue: the first of a slot waited for it. With one, when the last of a full
 * slot has left.
 */
static void add_slots(struct sample *sample, const struct netsim_words *w,
                      const struct leaving *out, size_t count)
{
    double range = (double)(w->slot_max_ns - w->slot_min_ns);
    size_t of_slot = 1;

    for (size_t i = 1; i < count; i++, of_slot++) {
        int64_t since = out[i].left_ns - out[i - 1].left_ns;

        if (since < 500000)
            continue;
        if (w->slot_packets == 0)
            since = out[i].left_ns - (int64_t)out[i].sent_ns;
        if (w->slot_packets == 0 || of_slot == w->slot_packets)
            add(sample, (double)(since - w->slot_min_ns) / range);
        of_slot = 0;
    }
}

static size_t let_out(struct netsim_link *link, uint64_t until_ns, struct leaving *out)
{
    struct netsim_delivery delivery;
    size_t count = 0;

    while (netsim_link_deadline(link) < until_ns)
        while (netsim_link_receive(link, netsim_link_deadline(link), &delivery))
            out[count++] = (struct leaving){delivery.sent_ns, (int64_t)delivery.due_ns};
    return count;
}

static void test_slots(void **state)
{
    json_t *root = recording_load("netem-6.12.json"), *line;
    static struct sample kernel, link_sample;
    static struct leaving theirs[RECORDING_MAX], ours[RECORDING_MAX];
    static struct recording r;
    size_t l, compared = 0;

    (void)state;
    json_array_foreach(json_object_get(root, "lines"), l, line)
    {
        struct counted counted = {0};
        struct netsim_words words;
        struct netsim_link *link;
        size_t count = 0;

        if (!json_is_true(json_object_get(line, "free")))
            continue;
        recording_read(&r, line);
        words = words_of(r.words);
        link = link_of(r.words, 0, &counted);
        for (uint32_t id = 0; id < r.count; id++) {
            count += let_out(link, r.sent_ns[id], ours + count);
            send_id(link, id, recording_size(&r, id), r.sent_ns[id]);
        }
        count += let_out(link, BELAY_NEVER, ours + count);
        for (uint32_t i = 0; i < r.delivered; i++)
            theirs[i] = (struct leaving){r.sent_ns[r.out[i].id], r.out[i].left_ns};
        kernel.count = link_sample.count = 0;
        add_slots(&kernel, &words, theirs, r.delivered);
        add_slots(&link_sample, &words, ours, count);
        compare(r.words, &kernel, &link_sample);
        netsim_link_free(link);
        compared++;
    }
    assert_true(compared >= 2);
    json_decref(root);
}

/* The delay of the first packet of a link with such a beginning; -1: lost. */
static double first_delay(const char *text, uint32_t n)
{
    struct counted counted = {0};
    struct belay_memory memory = {counted_resize, &counted};
    struct netsim_words words = words_of(text);
    struct netsim_delivery out;
    struct netsim_link *link;
    double delay = -1;

    words.seed = recording_alike(words.seed, n);
    link = netsim_link_new(&words, 0, &memory);
    send_id(link, 0, 60, 0);
    if (netsim_link_receive(link, BELAY_NEVER, &out))
        delay = (double)out.due_ns;
    netsim_link_free(link);
    return delay;
}

/* With a correlation of 100 % the first draw is what it leans on, and so is all that follows.
 */
static void test_correlated_start(void **state)
{
    json_t *root = recording_load("netem-6.12.json"), *line, *delay;
    static struct sample kernel, link_sample;
    size_t l, i;

    (void)state;
    json_array_foreach(json_object_get(root, "again"), l, line)
    {
        const char *text = json_string_value(json_object_get(line, "words"));
        struct netsim_words w = words_of(text);
        double jitter = (double)w.jitter_ns, from = (double)w.delay_ns - jitter;
        long theirs = 0, ours = 0;

        kernel.count = link_sample.count = 0;
        json_array_foreach(json_object_get(line, "delays"), i, delay)
        {
            double kernel_ns = (double)json_integer_value(delay);
            double link_ns = first_delay(text, (uint32_t)i);

            theirs += kernel_ns < (double)w.delay_ns / 2; /* lost or early */
            ours += link_ns < (double)w.delay_ns / 2;
            add(&kernel, (kernel_ns - from) / (2 * jitter));
            add(&link_sample, (link_ns - from) / (2 * jitter));
        }
        if (w.jitter_ns > 0)
            compare(text, &kernel, &link_sample);
        else
            assert_binomial(theirs, (long)i, 0.5, text);
        if (w.jitter_ns == 0)
            assert_binomial(ours, (long)i, 0.5, text);
        print_message("%s: %ld and %ld of %zu\n", text, theirs, ours, i);
    }
    assert_true(l >= 3);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_find),
        cmocka_unit_test(test_corrupt_bits),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_correlated_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
