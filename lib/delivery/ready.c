#include "delivery/ready.h"

#include <string.h>

#include "delivery/outbox.h"

#define CAPACITY_FIRST 16

static struct belay_in_ready *at(const struct belay_inbox *box, size_t i)
{
    return &box->ready.items[(box->ready.start + i) & (box->ready.capacity - 1)];
}

static bool is_borrowed(const struct belay_in_ready *item)
{
    return item->block == NULL && item->len > 0;
}

static int grow(struct belay_inbox *box, size_t needed)
{
    size_t old = box->ready.capacity, capacity = old > 0 ? old : CAPACITY_FIRST;
    while (capacity < needed) {
        if (capacity > SIZE_MAX / 2 / sizeof(*box->ready.items))
            return BELAY_ENOMEM;
        capacity *= 2;
    }
    struct belay_in_ready *items = belay_mem_alloc(box->mem, capacity * sizeof(*items));
    if (items == NULL)
        return BELAY_ENOMEM;
    for (size_t i = 0; i < box->ready.count; i++)
        items[i] = *at(box, i);
    belay_mem_free(box->mem, box->ready.items, old * sizeof(*items));
    box->ready.items = items;
    box->ready.start = 0;
    box->ready.capacity = capacity;
    return 0;
}

int belay_ready_reserve(struct belay_inbox *box, size_t count)
{
    size_t needed = box->ready.count + box->ready.promised + count;
    return needed <= box->ready.capacity ? 0 : grow(box, needed);
}

void belay_ready_add(struct belay_inbox *box, uint32_t channel, uint8_t mode,
                     const uint8_t *data, void *block, uint32_t len)
{
    *at(box, box->ready.count++) = (struct belay_in_ready){
        .data = len > 0 ? data : (const uint8_t *)"",
        .block = block,
        .len = len,
        .channel = channel,
        .mode = mode,
    };
    box->ready.borrowed += block == NULL && len > 0;
}

void belay_ready_dispose(struct belay_inbox *box)
{
    for (size_t i = 0; i < box->ready.count; i++)
        belay_pool_give(box->pool, at(box, i)->block, at(box, i)->len);
    belay_mem_free(box->mem, box->ready.items, box->ready.capacity * sizeof(*box->ready.items));
    memset(&box->ready, 0, sizeof(box->ready));
}

bool belay_inbox_is_empty(const struct belay_inbox *box)
{
    return box->ready.count == 0;
}

static void free_popped(struct belay_inbox *box)
{
    belay_pool_give(box->pool, box->popped, box->popped_size);
    box->popped = NULL;
    box->popped_size = 0;
}

bool belay_inbox_pop(struct belay_inbox *box, struct belay_delivered *delivered)
{
    if (box->popped != NULL)
        free_popped(box);
    if (box->ready.count == 0)
        return false;
    const struct belay_in_ready *item = at(box, 0);
    *delivered = (struct belay_delivered){
        .channel = item->channel,
        .mode = item->mode,
        .data = item->data,
        .len = item->len,
    };
    if (item->block != NULL) {
        box->popped = item->block;
        box->popped_size = item->len;
        box->buffered_bytes -= item->len;
    } else {
        box->ready.borrowed -= item->len > 0;
    }
    box->ready.start = (box->ready.start + 1) & (box->ready.capacity - 1);
    box->ready.count--;
    box->consumed += (uint64_t)delivered->len + BELAY_MESSAGE_COST;
    box->bytes_popped += delivered->len;
    box->messages_popped++;
    return true;
}

int belay_inbox_own(struct belay_inbox *box)
{
    for (size_t i = box->ready.count; box->ready.borrowed > 0; i--) {
        struct belay_in_ready *item = at(box, i - 1);
        if (!is_borrowed(item))
            continue;
        item->block = belay_pool_take(box->pool, item->len);
        if (item->block == NULL)
            return BELAY_ENOMEM;
        memcpy(item->block, item->data, item->len);
        item->data = item->block;
        box->ready.borrowed--;
        box->buffered_bytes += item->len;
    }
    return 0;
}

void belay_inbox_drop_borrowed(struct belay_inbox *box)
{
    while (box->ready.borrowed > 0) {
        const struct belay_in_ready *item = at(box, --box->ready.count);
        box->ready.borrowed -= is_borrowed(item);
        if (item->block == NULL)
            continue;
        box->buffered_bytes -= item->len;
        belay_pool_give(box->pool, item->block, item->len);
    }
}
