#include "recovery/sentlog.h"

#include <assert.h>

#define CAPACITY_FIRST 8
#define CAPACITY_MAX   ((size_t)1 << 31)

/* 1.2 GB in flight. A peer that never acknowledges the oldest packet, and makes us answer for
 * ever, fills no more than this. */
#define PACKETS_MAX ((uint64_t)1 << 20)

void belay_sentlog_init(struct belay_sentlog *log, struct belay_mem *mem, uint64_t first_number)
{
    *log = (struct belay_sentlog){
        .mem = mem,
        .first_number = first_number,
        .next_number = first_number,
    };
}

static void give_rings_back(struct belay_sentlog *log)
{
    belay_mem_free(log->mem, log->packets, log->packet_capacity * sizeof(*log->packets));
    belay_mem_free(log->mem, log->records, log->record_capacity * sizeof(*log->records));
    log->packets = NULL;
    log->records = NULL;
    log->packet_capacity = log->record_capacity = 0;
}

void belay_sentlog_dispose(struct belay_sentlog *log)
{
    give_rings_back(log);
    belay_sentlog_init(log, log->mem, log->next_number);
}

void belay_sentlog_rest(struct belay_sentlog *log)
{
    if (log->first_number == log->next_number)
        give_rings_back(log);
}

static struct belay_sent_packet *packet_at(const struct belay_sentlog *log, uint64_t number)
{
    return &log->packets[number & (log->packet_capacity - 1)];
}

static bool is_settled(const struct belay_sent_packet *packet)
{
    return packet->state == BELAY_SENT_NONE || packet->state == BELAY_SENT_ACKED;
}

/* The power of two from capacity up that holds count; 0 when size_t bytes can't. */
static size_t grown_capacity(size_t capacity, uint64_t count, size_t item_size)
{
    size_t grown = capacity > 0 ? capacity : CAPACITY_FIRST;
    while (grown < count) {
        if (grown >= CAPACITY_MAX || grown > SIZE_MAX / 2 / item_size)
            return 0;
        grown *= 2;
    }
    return grown;
}

static int reserve_packet(struct belay_sentlog *log)
{
    uint64_t count = log->next_number - log->first_number + 1;
    if (count <= log->packet_capacity)
        return 0;
    if (count > PACKETS_MAX)
        return BELAY_ENOMEM;
    size_t capacity = grown_capacity(log->packet_capacity, count, sizeof(*log->packets));
    struct belay_sent_packet *packets = NULL;
    if (capacity > 0)
        packets = belay_mem_alloc(log->mem, capacity * sizeof(*packets));
    if (packets == NULL)
        return BELAY_ENOMEM;
    for (uint64_t number = log->first_number; number < log->next_number; number++)
        packets[number & (capacity - 1)] = *packet_at(log, number);
    belay_mem_free(log->mem, log->packets, log->packet_capacity * sizeof(*packets));
    log->packets = packets;
    log->packet_capacity = capacity;
    return 0;
}

static int reserve_records(struct belay_sentlog *log, size_t record_count)
{
    uint64_t used = log->next_record - log->first_record;
    if (record_count <= log->record_capacity - used)
        return 0;
    if (record_count > CAPACITY_MAX)
        return BELAY_ENOMEM;
    size_t capacity =
        grown_capacity(log->record_capacity, used + record_count, sizeof(*log->records));
    struct belay_record *records = NULL;
    if (capacity > 0)
        records = belay_mem_alloc(log->mem, capacity * sizeof(*records));
    if (records == NULL)
        return BELAY_ENOMEM;
    for (uint64_t serial = log->first_record; serial < log->next_record; serial++)
        records[serial & (capacity - 1)] = *belay_sentlog_record(log, serial);
    belay_mem_free(log->mem, log->records, log->record_capacity * sizeof(*records));
    log->records = records;
    log->record_capacity = capacity;
    return 0;
}

int belay_sentlog_reserve(struct belay_sentlog *log, size_t record_count)
{
    int error = reserve_packet(log);
    return error != 0 ? error : reserve_records(log, record_count);
}

struct belay_sent_packet *belay_sentlog_append(struct belay_sentlog *log,
                                               const struct belay_record *records,
                                               size_t record_count)
{
    assert(log->next_number - log->first_number < log->packet_capacity);
    assert(record_count <= log->record_capacity - (log->next_record - log->first_record));
    struct belay_sent_packet *packet = packet_at(log, log->next_number++);
    *packet = (struct belay_sent_packet){
        .record_start = log->next_record,
        .record_count = (uint32_t)record_count,
        .state = BELAY_SENT_NONE,
        .settled_count = 1,
    };
    for (size_t i = 0; i < record_count; i++)
        log->records[log->next_record++ & (log->record_capacity - 1)] = records[i];
    return packet;
}

struct belay_sent_packet *belay_sentlog_find(struct belay_sentlog *log, uint64_t number)
{
    if (number < log->first_number || number >= log->next_number)
        return NULL;
    return packet_at(log, number);
}

const struct belay_record *belay_sentlog_record(const struct belay_sentlog *log,
                                                uint64_t serial)
{
    return &log->records[serial & (log->record_capacity - 1)];
}

/* The end of the settled run's rest: settled_count may reach below what the ring still holds.
 */
static uint64_t below_run(const struct belay_sentlog *log, uint64_t end,
                          const struct belay_sent_packet *top)
{
    return end - log->first_number > top->settled_count ? end - top->settled_count
                                                        : log->first_number;
}

uint64_t belay_sentlog_unsettled_end(struct belay_sentlog *log, uint64_t end)
{
    assert(end <= log->next_number);
    while (end > log->first_number) {
        struct belay_sent_packet *top = packet_at(log, end - 1);
        log->visits++;
        if (!is_settled(top))
            return end;
        uint64_t below = below_run(log, end, top);
        if (below > log->first_number) {
            /* Path splitting: point over the next run too. */
            const struct belay_sent_packet *next = packet_at(log, below - 1);
            if (is_settled(next))
                top->settled_count = (uint32_t)(end - below_run(log, below, next));
        }
        end = below;
    }
    return log->first_number;
}

void belay_sentlog_join(struct belay_sentlog *log, uint64_t lo, uint64_t hi)
{
    assert(hi <= log->next_number);
    if (lo < log->first_number)
        lo = log->first_number;
    if (lo >= hi)
        return;
    struct belay_sent_packet *top = packet_at(log, hi - 1);
    assert(is_settled(top));
    if (hi - lo > top->settled_count)
        top->settled_count = (uint32_t)(hi - lo);
}

void belay_sentlog_trim(struct belay_sentlog *log)
{
    while (log->first_number < log->next_number) {
        const struct belay_sent_packet *packet = packet_at(log, log->first_number);
        log->first_record = packet->record_start;
        if (!is_settled(packet))
            return;
        log->first_number++;
    }
    log->first_record = log->next_record;
}
