#include "../fixture.h"

#include "netsim/report/picture.h"

#define TEXT_SIZE 65536

static char text[TEXT_SIZE];

static void read_back(FILE *file)
{
    size_t len;

    rewind(file);
    len = fread(text, 1, TEXT_SIZE - 1, file);
    text[len] = '\0';
    fclose(file);
}

static struct netsim_trips *make(const struct netsim_trip *trip, size_t count)
{
    struct netsim_trips *trips = calloc(1, sizeof(*trips) + count * sizeof(*trip));

    assert_non_null(trips);
    trips->count = count;
    memcpy(trips->trip, trip, count * sizeof(*trip));
    return trips;
}

/* Lost, twice, early, late, a bit flipped, as it should be. */
static const struct netsim_trip fates[] = {
    {.sent_ns = 0, .why = NETSIM_DROP_LOSS},
    {.sent_ns = 1 * MS, .arrivals = 2, .arrival = {{.t_ns = 5 * MS}, {.t_ns = 5 * MS}}},
    {.sent_ns = 2 * MS, .arrivals = 1, .arrival = {{.t_ns = 6 * MS, .late = true}}},
    {.sent_ns = 3 * MS, .arrivals = 1, .arrival = {{.t_ns = 3 * MS, .early = true}}},
    {.sent_ns = 4 * MS, .arrivals = 1, .arrival = {{.t_ns = 8 * MS, .corrupt = true}}},
    {.sent_ns = 5 * MS, .why = NETSIM_DROP_LIMIT},
    {.sent_ns = 6 * MS, .arrivals = 1, .arrival = {{.t_ns = 10 * MS}}},
};
#define FATES (sizeof(fates) / sizeof(fates[0]))

static void test_raster(void **state)
{
    struct netsim_trips *trips = make(fates, FATES);
    FILE *file = tmpfile();

    (void)state;
    assert_non_null(file);
    netsim_picture_raster(file, trips);
    read_back(file);
    assert_string_equal(text, "  X2~^#Q.\n"
                              "  . delivered   X lost   Q dropped by a full queue   2 twice\n"
                              "  # a bit flipped   ^ early, past the queue   "
                              "~ late, after a later one\n");
    free(trips);
}

static void test_ladder(void **state)
{
    struct netsim_trips *trips = make(fates, FATES);
    FILE *file = tmpfile();

    (void)state;
    assert_non_null(file);
    netsim_picture_ladder(file, trips, 0, FATES, false);
    read_back(file);
    assert_string_equal(text,
                        "             sent                                          arrives\n"
                        "       0 ms     0 |------\\                                 |\n"
                        "       1 ms     1 |=====\\ ------------\\                    |\n"
                        "       2 ms     2 |-----\\========\\     X                   |\n"
                        "       3 ms     3 |------++++++++++++++++++++------------->| 3\n"
                        "       4 ms     4 |-----\\         ----------\\========\\     |\n"
                        "       5 ms     5 |-----Q--------\\           --------\\====>| 1 1\n"
                        "       6 ms     6 |-----\\         ----------\\         ---->| 2\n"
                        "                  |      --------\\           --------\\     |\n"
                        "       8 ms       |               ----------\\         ---->| 4#\n"
                        "                  |                          --------\\     |\n"
                        "      10 ms       |                                   ---->| 6\n");
    free(trips);
}

/* Every word's pictures fit, and come out the same from the same seed. */
static void test_all_fit(void **state)
{
    static const char *const rows[] = {
        "",
        "delay 20ms",
        "delay 20ms 40ms",
        "delay 20ms 5ms distribution normal",
        "loss 10%",
        "loss 100%",
        "loss gemodel 2% 25%",
        "loss state 5% 40% 10% 50% 3%",
        "loss 20% ecn",
        "corrupt 10%",
        "delay 3ms duplicate 20% 10%",
        "delay 20ms reorder 25% gap 5",
        "rate 1mbit limit 10",
        "limit 5 delay 20ms",
        "slot 5ms 15ms packets 4",
        "slot distribution pareto 10ms 2ms bytes 5000",
        "x-drop 3,7-9",
        "x-blackout 10s 2s repeat",
        "x-mtu 1000",
        "delay 20ms 5ms x-fifo",
        "x-rebind 5s repeat",
        "rate 10mbit limit 25 | delay 15ms",
        "delay 20ms ; at 5s delay 20ms loss 30% ; at 8s delay 20ms",
        "delay 2000s 1s",
        "rate 1tbit delay 1ns",
        "rate 8bit",
    };
    struct netsim_traffic traffic = {MS, 1200};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_picture_options options = {.seed = 3, .utf8 = i % 2 == 1};
        struct counted counted = {0};
        struct belay_memory memory = {counted_resize, &counted};
        struct netsim_words_error error;
        struct netsim_plan *plan;
        FILE *file = tmpfile();
        size_t columns = 0;

        assert_non_null(file);
        if (netsim_plan_parse(&plan, rows[i / 2], &memory, &error) != 0)
            fail_msg("`%s`: %s", rows[i / 2], error.text);
        assert_int_equal(netsim_picture(file, plan, &traffic, &options, &memory), 0);
        netsim_plan_free(plan);
        assert_int_equal(counted.bytes, 0);
        read_back(file);
        assert_true(strlen(text) > 100);
        for (const char *c = text; *c != '\0'; c++) {
            columns = *c == '\n' ? 0 : columns + (((unsigned char)*c & 0xc0) != 0x80);
            if (columns > NETSIM_PICTURE_COLUMNS)
                fail_msg("`%s` is wider than %d:\n%s", rows[i / 2], NETSIM_PICTURE_COLUMNS,
                         text);
            assert_true(options.utf8 || (unsigned char)*c < 0x80);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raster),
        cmocka_unit_test(test_ladder),
        cmocka_unit_test(test_all_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
