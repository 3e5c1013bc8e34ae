#include "../fixture.h"

#include "netsim/model/station.h"

static struct counted counted;
static struct belay_mem mem;
static struct netsim_parcels parcels;
static struct netsim_station station;
static struct netsim_step steps[2];
static struct netsim_stage stage;

static void begin(const char *first, const char *second)
{
    struct belay_memory memory = {counted_resize, &counted};

    counted = (struct counted){0};
    belay_mem_init(&mem, &memory);
    netsim_parcels_init(&parcels, 1, &mem);
    steps[0] = (struct netsim_step){0, words_of(first)};
    steps[1] = (struct netsim_step){50 * MS, words_of(second)};
    stage = (struct netsim_stage){steps, 2};
    assert_int_equal(netsim_station_init(&station, &stage, 1, 14, &memory), 0);
}

static void end(void)
{
    netsim_station_dispose(&station);
    netsim_parcels_dispose(&parcels);
    assert_int_equal(counted.bytes, 0);
}

static struct netsim_fate arrive(uint32_t len, uint64_t now_ns)
{
    struct netsim_packet packet = {.len = len};

    return netsim_station_arrive(&station, netsim_parcel_new(&parcels, &packet, now_ns),
                                 now_ns);
}

/* The greatest that a line and netem may hold, of whichever words. */
static void test_capacity(void **state)
{
    static const struct {
        const char *first, *second;
        uint64_t capacity;
    } rows[] = {
        {"", "limit 10", 1001},
        {"limit 10", "limit 20", 21},
        {"limit 10 rate 1mbit x-queue codel", "limit 20", 42},
        {"limit 10 rate 1mbit x-queue droptail 4000", "limit 5", 212},
        {"limit 10 rate 1mbit x-queue droptail 40", "limit 5", 22},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(rows[i].first, rows[i].second);
        assert_int_equal(netsim_station_capacity(&stage), rows[i].capacity);
        end();
    }
}

static void test_change(void **state)
{
    (void)state;
    begin("x-drop 0", "x-mtu 100");
    assert_int_equal(station.change_ns, 50 * MS);
    assert_int_equal(arrive(500, 0).drops[0].why, NETSIM_DROP_LISTED);
    assert_int_equal(arrive(500, 0).queued, 1);
    netsim_station_change(&station);
    assert_true(station.change_ns == BELAY_NEVER);
    assert_int_equal(arrive(115, 50 * MS).drops[0].why, NETSIM_DROP_MTU);
    assert_int_equal(arrive(114, 50 * MS).queued, 1);
    end();
}

/* Packets count where they come in, and drops of gate, line and netem together. */
static void test_stats(void **state)
{
    struct netsim_parcel *parcel;
    struct netsim_stats stats;
    struct netsim_fate fate;

    (void)state;
    begin("x-drop 0 rate 8mbit x-queue droptail 1000 loss 100%", "");
    arrive(1000, 0);
    arrive(1000, 0);
    arrive(1000, 0);
    arrive(1000, 0);
    assert_int_equal(netsim_station_inside(&station), 2);
    assert_int_equal(netsim_station_deadline(&station), 1 * MS);
    parcel = netsim_station_pass_line(&station, 1 * MS, &fate);
    assert_non_null(parcel);
    assert_true(fate.queued == 0 && fate.dropped == 1);
    assert_int_equal(fate.drops[0].why, NETSIM_DROP_LOSS);
    netsim_station_stats(&station, &stats);
    assert_true(stats.packets == 4 && stats.bytes == 4000 && stats.delivered == 0);
    assert_true(stats.dropped == 3 && stats.dropped_listed == 1 && stats.dropped_queue == 1);
    assert_true(stats.dropped_loss == 1 && stats.overlimits == 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_stats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
