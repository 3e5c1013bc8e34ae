#include "delivery/outreport.h"

#include <assert.h>

#define CAPACITY_FIRST 16

static struct belay_out_report *at(const struct belay_outbox *box, size_t i)
{
    return &box->reports.items[(box->reports.start + i) & (box->reports.capacity - 1)];
}

static int grow(struct belay_outbox *box)
{
    size_t old = box->reports.capacity;
    size_t capacity = old > 0 ? old * 2 : CAPACITY_FIRST;
    if (capacity > SIZE_MAX / 2 / sizeof(*box->reports.items))
        return BELAY_ENOMEM;
    struct belay_out_report *items = belay_mem_alloc(box->mem, capacity * sizeof(*items));
    if (items == NULL)
        return BELAY_ENOMEM;
    for (size_t i = 0; i < box->reports.count; i++)
        items[i] = *at(box, i);
    belay_mem_free(box->mem, box->reports.items, old * sizeof(*items));
    box->reports.items = items;
    box->reports.capacity = capacity;
    box->reports.start = 0;
    return 0;
}

int belay_out_report_promise(struct belay_outbox *box)
{
    if (box->reports.count + box->reports.promised == box->reports.capacity && grow(box) != 0)
        return BELAY_ENOMEM;
    box->reports.promised++;
    return 0;
}

void belay_out_report_add(struct belay_outbox *box, uint64_t id, int error)
{
    assert(box->reports.promised > 0);
    box->reports.promised--;
    *at(box, box->reports.count++) = (struct belay_out_report){.id = id, .error = error};
}

bool belay_outbox_report(struct belay_outbox *box, struct belay_out_report *report)
{
    if (box->reports.count == 0)
        return false;
    *report = *at(box, 0);
    box->reports.start = (box->reports.start + 1) & (box->reports.capacity - 1);
    box->reports.count--;
    return true;
}

void belay_out_report_dispose(struct belay_outbox *box)
{
    belay_mem_free(box->mem, box->reports.items,
                   box->reports.capacity * sizeof(*box->reports.items));
    box->reports.items = NULL;
    box->reports.start = box->reports.count = box->reports.capacity = box->reports.promised = 0;
}
