#include "../fixture.h"

#include "netsim/model/loss.h"

#define TRIES 20000

static struct netsim_loss loss_of(const char *text)
{
    struct netsim_words words = words_of(text);
    struct netsim_loss loss;

    netsim_loss_init(&loss, &words, 0);
    return loss;
}

static void test_random(void **state)
{
    static const struct {
        const char *text;
        double p;
    } rows[] = {{"loss 5%", 0.05}, {"loss 50%", 0.5}, {"loss 0.1%", 0.001},
                {"loss 100%", 1},  {"loss 0%", 0},    {"", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_loss loss = loss_of(rows[i].text);
        struct netsim_random random, untouched;
        long lost = 0;

        netsim_random_init(&random, 11);
        for (long n = 0; n < TRIES; n++)
            lost += netsim_loss_event(&loss, &random);
        assert_binomial(lost, TRIES, rows[i].p, rows[i].text);
        netsim_random_init(&untouched, 11); /* nothing is drawn where nothing can be lost */
        if (rows[i].p == 0)
            assert_memory_equal(&random, &untouched, sizeof(random));
    }
}

/* Correlation narrows the draw: netem itself loses almost nothing here. */
static void test_random_correlated(void **state)
{
    struct netsim_loss loss = loss_of("loss 10% 75%");
    struct netsim_random random;
    long lost = 0;

    (void)state;
    netsim_random_init(&random, 1);
    loss.correlated.last = UINT32_MAX / 2;
    for (int n = 0; n < TRIES; n++)
        lost += netsim_loss_event(&loss, &random);
    assert_true(lost < TRIES / 1000);
}

/* From each state: how often each next one, and whether that packet is lost. */
static void test_state(void **state)
{
    static const struct {
        enum netsim_loss_state from, to;
        double p;
        bool lost;
    } rows[] = {
        {NETSIM_GAP_DELIVERED, NETSIM_GAP_LOST, 0.02, true},
        {NETSIM_GAP_DELIVERED, NETSIM_BURST_LOST, 0.10, true},
        {NETSIM_GAP_DELIVERED, NETSIM_GAP_DELIVERED, 0.88, false},
        {NETSIM_BURST_LOST, NETSIM_BURST_DELIVERED, 0.05, false},
        {NETSIM_BURST_LOST, NETSIM_GAP_DELIVERED, 0.30, false},
        {NETSIM_BURST_LOST, NETSIM_BURST_LOST, 0.65, true},
        {NETSIM_BURST_DELIVERED, NETSIM_BURST_LOST, 0.40, true},
        {NETSIM_BURST_DELIVERED, NETSIM_BURST_DELIVERED, 0.60, false},
        {NETSIM_GAP_LOST, NETSIM_GAP_DELIVERED, 1, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_loss loss = loss_of("loss state 10% 30% 5% 40% 2%");
        struct netsim_random random;
        long hits = 0;

        netsim_random_init(&random, 100 + i);
        for (int n = 0; n < TRIES; n++) {
            bool lost;

            loss.state = rows[i].from;
            lost = netsim_loss_event(&loss, &random);
            if (loss.state == rows[i].to) {
                hits++;
                assert_int_equal(lost, rows[i].lost);
            }
        }
        assert_binomial(hits, TRIES, rows[i].p, "state");
    }
}

static void test_gemodel(void **state)
{
    static const struct {
        bool from_bad;
        double move, lost;
    } rows[] = {{false, 0.05, 0.01}, {true, 0.40, 0.90}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_loss loss = loss_of("loss gemodel 5% 40% 90% 1%");
        struct netsim_random random;
        long moves = 0, losses = 0;

        netsim_random_init(&random, 200 + i);
        for (int n = 0; n < TRIES; n++) {
            loss.bad = rows[i].from_bad;
            losses += netsim_loss_event(&loss, &random);
            moves += loss.bad != rows[i].from_bad;
        }
        assert_binomial(moves, TRIES, rows[i].move, "move");
        assert_binomial(losses, TRIES, rows[i].lost, "loss by the state before the move");
    }
}

/* Two draws a packet, the transition first, the loss by the state before it. */
static void test_gemodel_draws(void **state)
{
    struct netsim_loss loss = loss_of("loss gemodel 20% 40%");
    struct netsim_random random, mirror;
    bool bad = false;

    (void)state;
    netsim_random_init(&random, 4);
    netsim_random_init(&mirror, 4);
    for (int n = 0; n < 5000; n++) {
        uint32_t move = netsim_random_draw(&mirror), hit = netsim_random_draw(&mirror);
        bool lost = bad && hit > 0; /* h = 0, 1-k = 0 */

        assert_int_equal(netsim_loss_event(&loss, &random), lost);
        bad = bad ? move >= 1717986918 : move < 858993459;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),        cmocka_unit_test(test_random_correlated),
        cmocka_unit_test(test_state),         cmocka_unit_test(test_gemodel),
        cmocka_unit_test(test_gemodel_draws),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
