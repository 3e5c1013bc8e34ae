#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"
#include "support/plain.h"

/* ------------------------------------------------------------------ memory */

/* In front of every block; 16 bytes keep malloc's alignment. */
union block_head {
    size_t size;
    char room[16];
};

void *sim_memory_resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    struct sim_memory *memory = ctx;
    union block_head *old = p != NULL ? (union block_head *)p - 1 : NULL, *new = NULL;

    if ((old != NULL ? old->size : 0) != old_size)
        sim_fail(memory->sim, "a block of %zu bytes was given back as one of %zu",
                 old != NULL ? old->size : 0, old_size);
    if (new_size > 0) {
        memory->calls++;
        if (memory->fail_every > 0 &&
            test_random_below(&memory->random, memory->fail_every) == 0)
            return NULL;
        new = malloc(sizeof(*new) + new_size);
        if (new == NULL)
            abort();
        new->size = new_size;
        if (old != NULL)
            memcpy(new + 1, p, old_size < new_size ? old_size : new_size);
    }
    free(old);
    memory->used += new_size - old_size;
    if (memory->used > memory->peak)
        memory->peak = memory->used;
    return new != NULL ? (void *)(new + 1) : NULL;
}

/* ------------------------------------------------------------------ life */

struct sim *sim_new(uint64_t seed)
{
    const struct belay_memory plain = {plain_resize, NULL};
    struct sim *sim = calloc(1, sizeof(*sim));

    if (sim == NULL)
        abort();
    sim->seed = seed;
    sim->random.state = seed;
    sim->steps_max = 20000000;
    belay_mem_init(&sim->mem, &plain);
    belay_heap_init(&sim->heap, &sim->mem);
    return sim;
}

static void free_conns(struct sim *sim)
{
    for (size_t i = 0; i < sim->conn_count; i++) {
        sim_outgoing_dispose(&sim->conns[i]->out);
        free(sim->conns[i]);
    }
    free(sim->conns);
}

void sim_free(struct sim *sim)
{
    struct sim_action *next;

    sim_check_end(sim);
    belay_heap_dispose(&sim->heap); /* from here on nothing has its time */
    belay_heap_init(&sim->heap, &sim->mem);
    for (size_t i = 0; i < sim->host_count; i++)
        sim_host_free(sim->hosts[i]);
    for (size_t i = 0; i < sim->conn_count; i++)
        if (sim->conns[i]->out.sources_open > 0)
            sim_fail(sim, "%zu sources were never released", sim->conns[i]->out.sources_open);
    free(sim->hosts);
    for (struct sim_action *action = sim->actions; action != NULL; action = next) {
        next = action->next;
        free(action);
    }
    for (size_t i = 0; i < SIM_LADDER_MAX; i++)
        sim_packet_unref(sim->ladder[i]);
    free_conns(sim);
    belay_heap_dispose(&sim->heap);
    free(sim);
}

/* ------------------------------------------------------------------ time */

void sim_at(struct sim *sim, uint64_t time_ns, void (*act)(void *ctx), void *ctx)
{
    struct sim_action *action = calloc(1, sizeof(*action));

    if (action == NULL)
        abort();
    action->node.kind = SIM_NODE_ACTION;
    action->act = act;
    action->ctx = ctx;
    action->next = sim->actions;
    sim->actions = action;
    belay_heap_set(&sim->heap, &action->node.heap,
                   time_ns > sim->now_ns ? time_ns : sim->now_ns);
}

static uint64_t next_ns(const struct sim *sim)
{
    return belay_heap_first_key(&sim->heap); /* none: BELAY_NEVER */
}

static void go_on_to(struct sim *sim, uint64_t time_ns)
{
    if (time_ns > sim->now_ns) {
        sim->now_ns = time_ns;
        sim->steps_now = 0;
    }
    if (++sim->steps_now > 1000000)
        sim_fail(sim, "time stands still");
    if (++sim->steps > sim->steps_max)
        sim_fail(sim, "%" PRIu64 " steps: it never ends", sim->steps);
}

static void run_action(struct sim *sim, struct sim_node *node)
{
    struct sim_action *action = (struct sim_action *)node;
    belay_heap_remove(&sim->heap, &node->heap);
    action->act(action->ctx);
}

bool sim_step(struct sim *sim)
{
    struct sim_node *node = (struct sim_node *)belay_heap_first(&sim->heap);

    if (node == NULL || belay_heap_first_key(&sim->heap) == BELAY_NEVER)
        return false;
    go_on_to(sim, belay_heap_first_key(&sim->heap));
    if (node->kind == SIM_NODE_LINK)
        sim_link_run((struct sim_link *)node);
    else if (node->kind == SIM_NODE_HOST)
        sim_host_run((struct sim_host *)node);
    else
        run_action(sim, node);
    return true;
}

bool sim_run_until(struct sim *sim, bool (*condition)(void *ctx), void *ctx, uint64_t limit_ns)
{
    uint64_t end_ns = sim->now_ns + limit_ns;

    while (!condition(ctx)) {
        if (next_ns(sim) > end_ns) {
            sim->now_ns = end_ns;
            return condition(ctx);
        }
        sim_step(sim);
    }
    return true;
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

void sim_run_for(struct sim *sim, uint64_t time_ns)
{
    sim_run_until(sim, never, NULL, time_ns);
}

uint64_t sim_hash(const struct sim *sim)
{
    return sim->hash;
}

/* ------------------------------------------------------------------ conditions */

bool sim_is_open(void *ctx)
{
    const struct sim_conn *conn = ctx;
    return conn->opened && conn->peer != NULL && conn->peer->opened;
}

bool sim_is_delivered(void *ctx)
{
    const struct sim_conn *conn = ctx;
    return conn->out.delivered + conn->out.refused == conn->out.count &&
           (conn->pump.next == NULL || conn->pump.done);
}

bool sim_is_exchanged(void *ctx)
{
    struct sim_conn *conn = ctx;
    return sim_is_delivered(conn) && (conn->peer == NULL || sim_is_delivered(conn->peer));
}

bool sim_is_settled(void *ctx)
{
    struct sim_conn *conn = ctx;
    return sim_is_exchanged(conn) && conn->out.reported == conn->out.notified &&
           (conn->peer == NULL || conn->peer->out.reported == conn->peer->out.notified);
}

static bool is_over(const struct sim_conn *conn)
{
    return conn->closed || conn->freed || conn->lost;
}

bool sim_is_closed(void *ctx)
{
    return is_over(ctx);
}

bool sim_is_ended(void *ctx)
{
    const struct sim_conn *conn = ctx;
    return is_over(conn) && (conn->peer == NULL || is_over(conn->peer));
}

bool sim_is_all_ended(void *ctx)
{
    const struct sim *sim = ctx;
    for (size_t i = 0; i < sim->conn_count; i++)
        if (!is_over(sim->conns[i]))
            return false;
    return true;
}

/* ------------------------------------------------------------------ failure */

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list args;

    printf("\nBROKEN at %.6f ms: ", (double)sim->now_ns / 1e6);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    sim_print_replay(sim->seed);
    sim_ladder_print(sim);
    sim_stop();
}
