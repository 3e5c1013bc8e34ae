#include "../fixture.h"

#include "netsim/model/parcel.h"

static struct counted counted;
static struct belay_mem mem;
static struct netsim_parcels parcels;

static void begin(void)
{
    struct belay_memory memory = {counted_resize, &counted};

    counted = (struct counted){0};
    belay_mem_init(&mem, &memory);
    netsim_parcels_init(&parcels, 3, &mem);
    assert_int_equal(netsim_parcels_reserve(&parcels, 4), 0);
}

static void test_all_is_told(void **state)
{
    struct netsim_packet packet = {.id = 7, .len = 100, .ect = true, .user = &counted};
    struct netsim_parcel *parcel;
    struct netsim_outcome out;

    (void)state;
    begin();
    parcel = netsim_parcel_new(&parcels, &packet, 5);
    assert_true(parcel->item.ect && parcel->corrupt_bits == 0);
    parcel->t_ns = 9;
    parcel->why = NETSIM_DROP_MTU;
    parcel->stage = 2;
    parcel->ce = parcel->reordered = true;
    for (uint64_t i = 0; i < 3; i++)
        parcel->corrupt_bit[parcel->corrupt_bits++] = 10 + i;
    netsim_parcel_end(&parcels, parcel, &out);
    assert_true(out.id == 7 && out.len == 100 && out.user == &counted && out.last);
    assert_true(out.sent_ns == 5 && out.t_ns == 9 && out.stage == 2);
    assert_true(out.why == NETSIM_DROP_MTU && out.ce && out.reordered && !out.duplicate);
    assert_true(out.corrupt_bits == 3 && out.corrupt_bit[0] == 10 && out.corrupt_bit[2] == 12);
    netsim_parcels_dispose(&parcels);
    assert_int_equal(counted.bytes, 0);
}

/* Whatever the order in which they end, the last one of a packet says so, and only that. */
static void test_last(void **state)
{
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};

    (void)state;
    begin();
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct netsim_packet packet = {.id = i, .len = 100};
        struct netsim_parcel *all[4];
        struct netsim_outcome out;

        all[0] = netsim_parcel_new(&parcels, &packet, 0);
        all[0]->corrupt_bit[all[0]->corrupt_bits++] = 77;
        all[1] = netsim_parcel_copy(&parcels, all[0]);
        all[2] = netsim_parcel_copy(&parcels, all[1]);
        all[3] = netsim_parcel_copy(&parcels, all[0]);
        for (int k = 0; k < 4; k++) {
            netsim_parcel_end(&parcels, all[orders[i][k]], &out);
            assert_int_equal(out.last, k == 3);
            assert_true(out.corrupt_bits == 1 && out.corrupt_bit[0] == 77);
        }
    }
    assert_int_equal(counted.allocations, 1);
    netsim_parcels_dispose(&parcels);
}

static void test_no_memory(void **state)
{
    struct netsim_packet packet = {.id = 1};
    struct netsim_parcel *parcel;
    struct netsim_outcome out;

    (void)state;
    begin();
    counted.bytes_max = counted.bytes;
    parcel = netsim_parcel_new(&parcels, &packet, 0);
    for (int i = 0; i < 3; i++)
        assert_non_null(netsim_parcel_new(&parcels, &packet, 0));
    assert_null(netsim_parcel_new(&parcels, &packet, 0));
    assert_null(netsim_parcel_copy(&parcels, parcel));
    netsim_parcel_end(&parcels, parcel, &out);
    assert_true(out.last);
    netsim_parcels_dispose(&parcels);
    assert_int_equal(counted.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_told),
        cmocka_unit_test(test_last),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
