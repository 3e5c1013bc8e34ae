#include "delivery/inbox.h"

#include <string.h>

#include "base/cursor.h"
#include "delivery/insequence.h"
#include "delivery/keys.h"
#include "delivery/outbox.h"
#include "delivery/ready.h"

int belay_inbox_init(struct belay_inbox *box, struct belay_mem *mem, struct belay_pool *pool,
                     const struct belay_inbox_config *config)
{
    *box = (struct belay_inbox){
        .mem = mem,
        .pool = pool,
        .config = *config,
        .window = config->window_initial,
        .announced = config->window_initial,
    };
    belay_list_init(&box->due);
    return 0;
}

void belay_inbox_dispose(struct belay_inbox *box)
{
    for (size_t key = 0; key < box->sequence_capacity; key++) {
        if (box->sequences[key] != NULL)
            belay_in_sequence_free(box->sequences[key], box->mem, box->pool);
    }
    belay_mem_free(box->mem, box->sequences, box->sequence_capacity * sizeof(*box->sequences));
    box->sequences = NULL;
    box->sequence_capacity = 0;
    belay_list_init(&box->due);
    belay_ready_dispose(box);
    belay_pool_give(box->pool, box->popped, box->popped_size);
    box->popped = NULL;
}

/* ------------------------------------------------------------------ sequences */

static int find_or_make(struct belay_inbox *box, uint32_t channel, uint8_t mode,
                        struct belay_in_sequence **seq, const char **why)
{
    size_t key = belay_key(channel, mode);
    if (mode < BELAY_MODES && key < box->sequence_capacity && box->sequences[key] != NULL) {
        *seq = box->sequences[key];
        return 0;
    }
    if (channel >= box->config.channels_max || mode > BELAY_RELIABLE_UNORDERED) {
        *why = mode > BELAY_RELIABLE_UNORDERED ? "message in a reserved delivery mode"
                                               : "message on a channel out of range";
        return BELAY_EPROTO;
    }
    void *table = belay_keys_reserve(box->mem, box->sequences, &box->sequence_capacity, key);
    if (table == NULL)
        return BELAY_ENOMEM;
    box->sequences = table;
    *seq = belay_in_sequence_new(box->mem, channel, mode, box->config.first_number,
                                 box->config.window_messages);
    box->sequences[key] = *seq;
    return *seq != NULL ? 0 : BELAY_ENOMEM;
}

/* ------------------------------------------------------------------ the rules */

/* One message that something came of. */
struct arrival {
    struct belay_in_sequence *seq;
    uint64_t number;
    struct belay_in_slot *slot; /* NULL: nothing came of it before */
};

/* The numbers of one more than that which comes next, and what is between, are to be kept. */
static int check_open(const struct belay_inbox *box, const struct arrival *arrival,
                      const char **why)
{
    const struct belay_in_sequence *seq = arrival->seq;
    if (arrival->number == seq->next || arrival->number < seq->top ||
        box->numbers_open + (arrival->number + 1 - seq->top) <=
            belay_numbers_open_max(box->config.window_messages))
        return 1;
    *why = "too many message numbers open at once";
    return BELAY_ELIMIT;
}

/* 1: go on; 0: a duplicate; or an error. */
static int look_up(struct belay_inbox *box, uint32_t channel, uint8_t mode, uint32_t number_low,
                   uint64_t total, struct arrival *arrival, const char **why)
{
    int error = find_or_make(box, channel, mode, &arrival->seq, why);
    if (error != 0)
        return error;
    const struct belay_in_sequence *seq = arrival->seq;
    if (total > box->config.message_size_max) {
        *why = "message above the announced size";
        return BELAY_EPROTO;
    }
    arrival->number = belay_number_expand(seq->next, number_low, 32);
    if (arrival->number < seq->next)
        return 0;
    if (arrival->number >= seq->limit) {
        *why = "message number above MAX_MESSAGES";
        return BELAY_ELIMIT;
    }
    arrival->slot = belay_in_sequence_at(seq, arrival->number);
    if (arrival->slot == NULL)
        return check_open(box, arrival, why);
    if (arrival->slot->state != BELAY_IN_PARTIAL)
        return 0;
    if (arrival->slot->len != total) {
        *why = "total of a message changed";
        return BELAY_EPROTO;
    }
    return 1;
}

/* Charging comes before memory, and is undone by nothing: charged <= announced always. */
static int check_credit(const struct belay_inbox *box, uint64_t total, const char **why)
{
    if (total + BELAY_MESSAGE_COST <= box->announced - box->charged)
        return 0;
    *why = "message above MAX_DATA";
    return BELAY_ELIMIT;
}

static void charge(struct belay_inbox *box, uint64_t total)
{
    box->charged += total + BELAY_MESSAGE_COST;
}

/* ------------------------------------------------------------------ completion */

/* Something came of this number: it is open, and all below it that were not yet. */
static void open_up_to(struct belay_inbox *box, struct belay_in_sequence *seq, uint64_t number)
{
    if (number < seq->top)
        return;
    box->numbers_open += number + 1 - seq->top;
    seq->top = number + 1;
}

static void advance(struct belay_inbox *box, struct belay_in_sequence *seq)
{
    box->numbers_open--;
    belay_in_sequence_advance(seq, box->pool);
}

/* next is complete: so may be some after it. Ready has room promised for them. */
static void move_on(struct belay_inbox *box, struct belay_in_sequence *seq)
{
    struct belay_in_slot *slot;
    advance(box, seq);
    while ((slot = belay_in_sequence_at(seq, seq->next)) != NULL &&
           slot->state != BELAY_IN_PARTIAL) {
        if (slot->state == BELAY_IN_WAITING) {
            box->ready.promised--;
            belay_ready_add(box, seq->channel, seq->mode, slot->data, slot->data, slot->len);
        }
        belay_in_sequence_empty(seq, slot);
        advance(box, seq);
    }
    if (seq->next >= seq->due_from && !belay_list_is_linked(&seq->due))
        belay_list_append(&box->due, &seq->due);
}

static bool must_wait(const struct arrival *arrival)
{
    return arrival->seq->mode == BELAY_RELIABLE_ORDERED &&
           arrival->number != arrival->seq->next;
}

/* Room for what place() needs. 0 or BELAY_ENOMEM. */
static int reserve_place(struct belay_inbox *box, const struct arrival *arrival)
{
    if (belay_ready_reserve(box, 1) != 0)
        return BELAY_ENOMEM;
    if (arrival->number != arrival->seq->next &&
        belay_in_sequence_slot(arrival->seq, box->pool, arrival->number) == NULL)
        return BELAY_ENOMEM;
    return 0;
}

/* A complete message takes its place: in ready, or in its slot until its turn comes. block
 * NULL: data is borrowed, which must_wait forbids. Its slot, if it has one, is empty. */
static void place(struct belay_inbox *box, const struct arrival *arrival, const uint8_t *data,
                  void *block, size_t len)
{
    struct belay_in_sequence *seq = arrival->seq;
    struct belay_in_slot value = {.len = (uint32_t)len};
    box->messages_completed++;
    open_up_to(box, seq, arrival->number);
    if (must_wait(arrival)) {
        value.state = BELAY_IN_WAITING;
        value.data = block;
        box->ready.promised++;
    } else {
        belay_ready_add(box, seq->channel, seq->mode, data, block, (uint32_t)len);
        value.state = BELAY_IN_DONE;
    }
    if (arrival->number == seq->next)
        move_on(box, seq);
    else
        belay_in_sequence_fill(seq, belay_in_sequence_slot(seq, box->pool, arrival->number),
                               value);
}

/* ------------------------------------------------------------------ whole messages */

static int copy(struct belay_inbox *box, const uint8_t *data, size_t len, void **block)
{
    if (len == 0)
        return 0;
    *block = belay_pool_take(box->pool, len);
    if (*block == NULL)
        return BELAY_ENOMEM;
    memcpy(*block, data, len);
    box->buffered_bytes += len;
    return 0;
}

/* The whole message came after all, while its parts were being put together. */
static void drop_parts(struct belay_inbox *box, const struct arrival *arrival)
{
    box->buffered_bytes -= arrival->slot->assembly->held;
    belay_assembly_free(arrival->slot->assembly, box->pool);
    belay_in_sequence_empty(arrival->seq, arrival->slot);
}

int belay_inbox_message(struct belay_inbox *box, uint32_t channel, uint8_t mode,
                        uint32_t number_low, const uint8_t *data, size_t len, const char **why)
{
    struct arrival arrival = {0};
    int result = look_up(box, channel, mode, number_low, len, &arrival, why);
    if (result <= 0) {
        box->parts_duplicate += result == 0;
        return result;
    }
    if (arrival.slot == NULL && check_credit(box, len, why) != 0)
        return BELAY_ELIMIT;

    void *block = NULL;
    if (reserve_place(box, &arrival) != 0 ||
        (must_wait(&arrival) && copy(box, data, len, &block) != 0))
        return BELAY_ENOMEM;
    if (arrival.slot != NULL)
        drop_parts(box, &arrival);
    else
        charge(box, len);
    place(box, &arrival, data, block, len);
    return 0;
}

/* ------------------------------------------------------------------ parts */

/* The first part that comes of a message: charges it and gives it a slot. */
static int begin(struct belay_inbox *box, struct arrival *arrival, size_t total,
                 const char **why)
{
    if (check_credit(box, total, why) != 0)
        return BELAY_ELIMIT;
    struct belay_in_slot *slot =
        belay_in_sequence_slot(arrival->seq, box->pool, arrival->number);
    if (slot == NULL)
        return BELAY_ENOMEM;
    struct belay_assembly *assembly = belay_assembly_new(box->pool, total);
    if (assembly == NULL)
        return BELAY_ENOMEM;
    belay_in_sequence_fill(arrival->seq, slot,
                           (struct belay_in_slot){.assembly = assembly,
                                                  .len = (uint32_t)total,
                                                  .state = BELAY_IN_PARTIAL});
    arrival->slot = slot;
    open_up_to(box, arrival->seq, arrival->number);
    charge(box, total);
    return 0;
}

static int add(struct belay_inbox *box, struct arrival *arrival, size_t offset,
               const uint8_t *data, size_t len, const char **why)
{
    struct belay_assembly *assembly = arrival->slot->assembly;
    size_t held = assembly->held;
    int result = belay_assembly_add(assembly, box->pool, offset, data, len);
    box->buffered_bytes += assembly->held - held;
    if (result == BELAY_ELIMIT)
        *why = "too many gaps in a message";
    if (result < 0)
        return result;
    box->parts_duplicate += result == 0;
    return 0;
}

static int finish(struct belay_inbox *box, struct arrival *arrival)
{
    size_t total = arrival->slot->len;
    if (reserve_place(box, arrival) != 0)
        return BELAY_ENOMEM;
    uint8_t *data = belay_assembly_finish(arrival->slot->assembly, box->pool);
    if (data == NULL)
        return BELAY_ENOMEM;
    belay_in_sequence_empty(arrival->seq, arrival->slot);
    place(box, arrival, data, data, total);
    return 0;
}

int belay_inbox_part(struct belay_inbox *box, uint32_t channel, uint8_t mode,
                     uint32_t number_low, uint64_t total, uint64_t offset, const uint8_t *data,
                     size_t len, const char **why)
{
    if (total == 0 || len == 0 || len > total || offset > total - len) {
        *why = "part outside of its message";
        return BELAY_EPROTO;
    }
    if (len == total)
        return belay_inbox_message(box, channel, mode, number_low, data, len, why);

    struct arrival arrival = {0};
    int result = look_up(box, channel, mode, number_low, total, &arrival, why);
    if (result <= 0) {
        box->parts_duplicate += result == 0;
        return result;
    }
    /* From here on total is at most message_size_max, and fits. */
    result = arrival.slot == NULL ? begin(box, &arrival, (size_t)total, why) : 0;
    if (result == 0)
        result = add(box, &arrival, (size_t)offset, data, len, why);
    if (result != 0 || !belay_assembly_is_complete(arrival.slot->assembly))
        return result;
    return finish(box, &arrival);
}
