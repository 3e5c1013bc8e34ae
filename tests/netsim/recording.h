/*
 * recording.h - reads tests/vectors/netem-6.12.json, which netsim/conformance/compact.py wrote
 * and describes. Link jansson.
 */
#ifndef TESTS_NETSIM_RECORDING_H
#define TESTS_NETSIM_RECORDING_H

#include "fixture.h"

#include <jansson.h>

#include "netsim/model/table.h"

#define RECORDING_UNIT_NS 100
#define RECORDING_MAX     8000 /* packets sent, or delivered, of a line */
#define RECORDING_COPIES  2    /* of a packet at most */

struct recorded {
    uint32_t id;
    int64_t left_ns; /* on the clock of sent_ns */
    int64_t bit;     /* which one was flipped, or -1 */
    bool ce;
};

struct recording {
    const char *words;
    uint64_t interval_ns;
    uint32_t size_min, size_max, count;
    bool ect;
    bool free; /* slots by chance: when packets leave is not for the seed to say */
    uint64_t sent_ns[RECORDING_MAX];
    uint32_t delivered;
    struct recorded out[RECORDING_MAX];
    uint32_t copies[RECORDING_MAX];                  /* of a packet, how many came out */
    uint32_t place[RECORDING_MAX][RECORDING_COPIES]; /* and where among out */
    json_t *kernel, *tc;
};

static inline json_t *recording_load(const char *name)
{
    const char *other = getenv("BELAY_NETSIM_RECORDING"); /* one that was made just now */
    char path[512];
    json_error_t error;
    json_t *root;

    snprintf(path, sizeof(path), "%s/%s", BELAY_TEST_VECTORS, name);
    if (other != NULL)
        snprintf(path, sizeof(path), "%s", other);
    root = json_load_file(path, 0, &error);
    if (root == NULL)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return root;
}

static inline int64_t recording_int(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (!json_is_integer(value))
        fail_msg("the recording lacks `%s`", key);
    return json_integer_value(value);
}

static inline void recording_read_sent(struct recording *r, json_t *sent)
{
    json_t *late;
    size_t i;

    assert_int_equal(json_array_size(sent), r->count);
    json_array_foreach(sent, i, late)
        /* From one interval after the netem was made, as the recorder sends. */
        r->sent_ns[i] =
        (i + 1) * r->interval_ns + (uint64_t)json_integer_value(late) * RECORDING_UNIT_NS;
}

static inline void recording_put_id(struct recording *r, int64_t difference)
{
    int64_t last = r->delivered > 0 ? (int64_t)r->out[r->delivered - 1].id : -1;
    int64_t id = last + 1 + difference;

    assert_true(r->delivered < RECORDING_MAX && id >= 0 && id < r->count);
    assert_true(r->copies[id] < RECORDING_COPIES);
    r->place[id][r->copies[id]++] = r->delivered;
    r->out[r->delivered++] = (struct recorded){.id = (uint32_t)id, .bit = -1};
}

static inline void recording_read_ids(struct recording *r, json_t *ids)
{
    json_t *value;
    size_t i;

    r->delivered = 0;
    memset(r->copies, 0, sizeof(r->copies));
    json_array_foreach(ids, i, value)
    {
        json_int_t zeros = json_integer_value(json_array_get(value, 0));

        if (!json_is_array(value))
            recording_put_id(r, json_integer_value(value));
        for (; zeros > 0; zeros--)
            recording_put_id(r, 0);
    }
}

static inline void recording_read_fates(struct recording *r, json_t *line)
{
    json_t *transit = json_object_get(line, "transit"), *value;
    json_t *corrupt = json_object_get(line, "corrupt");
    int64_t units = 0;
    size_t i;

    assert_int_equal(json_array_size(transit), r->delivered);
    json_array_foreach(transit, i, value)
    {
        units += json_integer_value(value);
        r->out[i].left_ns = (int64_t)r->sent_ns[r->out[i].id] + units * RECORDING_UNIT_NS;
    }
    for (i = 0; i + 1 < json_array_size(corrupt); i += 2)
        r->out[json_integer_value(json_array_get(corrupt, i))].bit =
            json_integer_value(json_array_get(corrupt, i + 1));
    json_array_foreach(json_object_get(line, "ce"), i, value) r->out[json_integer_value(value)]
        .ce = true;
}

static inline void recording_read(struct recording *r, json_t *line)
{
    json_t *size = json_object_get(line, "size");

    r->words = json_string_value(json_object_get(line, "words"));
    r->interval_ns = (uint64_t)recording_int(line, "interval_us") * 1000;
    r->size_min = (uint32_t)json_integer_value(json_array_get(size, 0));
    r->size_max = (uint32_t)json_integer_value(json_array_get(size, 1));
    r->count = (uint32_t)recording_int(line, "count");
    r->ect = json_is_true(json_object_get(line, "ect"));
    r->free = json_is_true(json_object_get(line, "free"));
    r->kernel = json_object_get(line, "kernel");
    r->tc = json_object_get(line, "tc");
    assert_true(r->count <= RECORDING_MAX);
    recording_read_sent(r, json_object_get(line, "sent"));
    recording_read_ids(r, json_object_get(line, "ids"));
    recording_read_fates(r, line);
}

/* As line_size() of netsim/conformance/lines.h. */
static inline uint32_t recording_size(const struct recording *r, uint32_t id)
{
    return r->size_min + (uint32_t)((uint64_t)id * 7919 % (r->size_max - r->size_min + 1));
}

/* The table that the recordings' only distribution of a file's own is. */
static inline const struct netsim_table *recording_steps(void)
{
    static const struct netsim_table steps = {5, {-16384, -8192, 0, 8192, 16384}};

    return &steps;
}

/* Made once, for a link would make it anew each time. */
static inline const struct netsim_table *recording_table(enum netsim_distribution distribution)
{
    static struct netsim_table tables[NETSIM_FROM_FILE];

    if (distribution == NETSIM_FROM_FILE)
        return recording_steps();
    if (distribution == NETSIM_UNIFORM)
        return NULL;
    if (tables[distribution].size == 0)
        assert_true(netsim_table_fill(&tables[distribution], distribution));
    return &tables[distribution];
}

static inline struct netsim_words recording_words(const char *text)
{
    struct netsim_words words = words_of(text);

    words.distribution_table = recording_table(words.distribution);
    words.slot_distribution_table = recording_table(words.slot_distribution);
    if (words.distribution != NETSIM_UNIFORM)
        words.distribution = NETSIM_FROM_FILE;
    if (words.slot_distribution != NETSIM_UNIFORM)
        words.slot_distribution = NETSIM_FROM_FILE;
    return words;
}

/* The n-th of the seeds that decide alike, and differ in what the kernel takes from the system:
 * see random.h. */
static inline uint64_t recording_alike(uint64_t seed, uint32_t n)
{
    uint32_t counts = (uint32_t)((seed >> 32) ^ (seed << 10) ^ seed);
    uint32_t low = (uint32_t)seed + n;

    return (uint64_t)(counts ^ (low << 10) ^ low) << 32 | low;
}

#endif
