/* Connection IDs that say whose they are. */
#include "conn/pair.h"

#include "endpoint/private.h"
#include "endpoint/shard.h"

/* By hand from the formula of shard.h. */
static void the_formula(void **state)
{
    static const struct row {
        uint8_t cid[BELAY_CID_BYTES];
        uint32_t key, shard;
        uint8_t first;
    } rows[] = {
        {{
             0,
             1,
             2,
             3,
             0,
             0,
             0,
             0,
         },
         0x12345678,
         5,
         5},                                                 /* 0 * key: nothing hides it */
        {{9, 9, 9, 9, 0, 0, 0, 1}, 0xab000000, 0, 0xab},     /* made odd: 0xab000001 */
        {{0, 0, 0, 0, 0, 0, 1, 0}, 0x00cd0001, 3, 0xcd ^ 3}, /* 0x100 * 0xcd0001 >> 24 */
        {{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 1, 255, 0xff ^ 255},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct row row = rows[i];

        belay_shard_mark(row.cid, row.key, row.shard);
        assert_int_equal(row.cid[0], row.first);
        assert_int_equal(belay_shard_of(row.cid, row.key), row.shard);
    }
}

/* Every ID that a core gives out is its own, the handshake's and the spare ones alike: the
 * packets of a whole connection say so. */
static void all_ids_are_marked(void **state)
{
    struct belay_core_config config;
    struct pair pair;
    (void)state;

    belay_core_config_init(&config);
    config.shard_count = 7;
    config.shard_index = 4;
    config.shard_key = 0xfeedbeef;
    pair_init(&pair, &config);
    pair_connect(&pair);
    pair_run(&pair, 500 * MS);
    for (const struct belay_core_conn *conn = NULL;
         (conn = belay_core_next_conn(pair.server.core, (struct belay_core_conn *)conn));) {
        const uint8_t *cid;
        unsigned count = 0;

        for (unsigned i = 0; i < BELAY_CONNECTION_CIDS; i++) {
            uint8_t packet[40] = {0xf0};

            cid = conn->cids[i].cid;
            if (!conn->cids[i].node.linked)
                continue;
            count++;
            assert_int_equal(belay_shard_of(cid, config.shard_key), 4);
            memcpy(packet + 1, cid, BELAY_CID_BYTES);
            assert_int_equal(belay_core_shard_of(pair.server.core, packet, sizeof(packet)), 4);
            packet[1] ^= 6;
            assert_int_equal(belay_core_shard_of(pair.server.core, packet, sizeof(packet)), 2);
            packet[1] ^= 5; /* 7: there is none */
            assert_int_equal(belay_core_shard_of(pair.server.core, packet, sizeof(packet)), 4);
        }
        assert_int_equal(count, 3);
    }
    pair_dispose(&pair);
}

/* What says nothing is this core's business. */
static void others_are_nobodys(void **state)
{
    static const uint8_t packets[][10] = {
        {0xc0}, {0xe0, 1}, {0xf0}, {0xf4, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {0x40}, {0}};
    struct belay_core_config config;
    struct pair pair;
    (void)state;

    belay_core_config_init(&config);
    config.shard_count = 256;
    config.shard_index = 255;
    pair_init(&pair, &config);
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
        assert_int_equal(belay_core_shard_of(pair.server.core, packets[i], sizeof(packets[i])),
                         255);
    assert_int_equal(belay_core_shard_of(pair.server.core, packets[0], 0), 255);
    pair_dispose(&pair);
}

static void wrong_indexes_are_refused(void **state)
{
    struct belay_core_config config;
    (void)state;

    belay_core_config_init(&config);
    config.shard_count = config.shard_index = 2;
    assert_non_null(belay_core_config_check(&config));
    config.shard_count = 257;
    assert_non_null(belay_core_config_check(&config));
    config.shard_count = 256;
    assert_null(belay_core_config_check(&config));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_formula),
        cmocka_unit_test(all_ids_are_marked),
        cmocka_unit_test(others_are_nobodys),
        cmocka_unit_test(wrong_indexes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
