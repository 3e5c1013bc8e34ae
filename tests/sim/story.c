#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/story.h"

/* What is running, for the words of a failure. */
static const char *program = "test_sim", *pattern = "";

/* ------------------------------------------------------------------ pairs */

struct pair pair_new(uint64_t seed, const char *words, const struct belay_core_config *config)
{
    struct pair pair = {.sim = sim_new(seed)};

    pair.client = sim_host_new(pair.sim, "client", config);
    pair.server = sim_host_new(pair.sim, "server", config);
    sim_link(pair.client, pair.server, words);
    sim_link(pair.server, pair.client, words);
    sim_listen(pair.server);
    return pair;
}

void pair_connect(struct pair *pair)
{
    pair->conn = sim_connect(pair->client, pair->server);
}

void pair_wait_open(struct pair *pair)
{
    must_become(pair->sim, sim_is_open, pair->conn, 20 * SIM_S);
}

struct pair pair_open(uint64_t seed, const char *words, const struct belay_core_config *config)
{
    struct pair pair = pair_new(seed, words, config);
    pair_connect(&pair);
    pair_wait_open(&pair);
    return pair;
}

void pair_close(struct pair *pair)
{
    must(pair->sim, sim_close(pair->conn) == 0);
    must_become(pair->sim, sim_is_ended, pair->conn, 60 * SIM_S);
    must(pair->sim, pair->conn->error == 0);
    must(pair->sim, pair->conn->peer->error == 0);
    sim_free(pair->sim);
}

/* ------------------------------------------------------------------ filters */

bool lose_some(void *ctx, const struct sim_packet *packet)
{
    struct lose *lose = ctx;
    uint64_t place;

    if ((lose->armed != NULL && !*lose->armed) ||
        (lose->type != 0 && packet->type != lose->type) ||
        (lose->kinds != 0 && (packet->kinds & lose->kinds) == 0))
        return false;
    place = lose->seen++;
    if (place < lose->first || place > lose->last)
        return false;
    lose->lost++;
    return true;
}

bool keep_copies(void *ctx, const struct sim_packet *packet)
{
    struct keep *keep = ctx;
    size_t place = keep->count;

    if ((keep->type != 0 && packet->type != keep->type) ||
        place == sizeof(keep->packets) / sizeof(keep->packets[0]))
        return false;
    keep->packets[place].bytes = malloc(packet->len);
    memcpy(keep->packets[place].bytes, packet->bytes, packet->len);
    keep->packets[place].len = packet->len;
    keep->packets[place].from = packet->from_address;
    keep->count++;
    return false;
}

bool keep_and_lose(void *ctx, const struct sim_packet *packet)
{
    struct keep *keep = ctx;
    keep_copies(ctx, packet);
    return keep->type == 0 || packet->type == keep->type;
}

void keep_free(struct keep *keep)
{
    for (size_t i = 0; i < keep->count; i++)
        free(keep->packets[i].bytes);
    keep->count = 0;
}

/* ------------------------------------------------------------------ running */

static const char *seed_text(void)
{
    return getenv("BELAY_TEST_SEED");
}

uint64_t story_seed_first(void)
{
    return seed_text() != NULL ? strtoull(seed_text(), NULL, 0) : 1;
}

uint64_t story_seed_end(uint64_t count)
{
    return story_seed_first() + (seed_text() != NULL ? 1 : count);
}

void sim_print_replay(uint64_t seed)
{
    printf("replay: BELAY_TEST_SEED=0x%" PRIx64 " %s %s\n", seed, program, pattern);
}

void sim_stop(void)
{
    fflush(stdout);
    _fail("tests/sim", 0);
    abort();
}

int story_main(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
    unsigned failed = 0, run = 0;

    program = argv[0];
    /* One group a story, so that a failure can name the one to replay. */
    for (size_t i = 0; i < count; i++) {
        if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL)
            continue;
        pattern = tests[i].name;
        run++;
        failed += _cmocka_run_group_tests(pattern, &tests[i], 1, NULL, NULL) != 0;
    }
    printf("%u of %u stories failed\n", failed, run);
    fflush(stdout);
    if (failed > 0)
        _Exit(1); /* what a failed story left behind is no leak worth a report */
    return run == 0;
}
