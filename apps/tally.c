#include "tally.h"

#include <stdlib.h>
#include <string.h>

static size_t seen_bytes(const struct tally *tally)
{
    return (size_t)(tally->count / 8 + 1);
}

int tally_init(struct tally *tally, uint64_t count, unsigned channels)
{
    *tally = (struct tally){.count = count, .channels = channels};
    if (count > SIZE_MAX / sizeof *tally->time_us - 1)
        return -1;
    tally->next = calloc(channels, sizeof *tally->next);
    tally->time_us = calloc((size_t)count + 1, sizeof *tally->time_us);
    tally->seen = calloc(seen_bytes(tally), 1);
    if (tally->next && tally->time_us && tally->seen)
        return 0;
    tally_dispose(tally);
    return -1;
}

void tally_dispose(struct tally *tally)
{
    free(tally->next);
    free(tally->time_us);
    free(tally->seen);
    *tally = (struct tally){.count = 0};
}

void tally_reset(struct tally *tally)
{
    struct tally fresh = {
        .count = tally->count,
        .channels = tally->channels,
        .next = tally->next,
        .time_us = tally->time_us,
        .seen = tally->seen,
    };
    memset(fresh.next, 0, fresh.channels * sizeof *fresh.next);
    memset(fresh.seen, 0, seen_bytes(&fresh));
    *tally = fresh;
}

void tally_sent(struct tally *tally, uint64_t now_ns)
{
    tally->time_us[tally->sent++] = (uint32_t)(now_ns / 1000);
}

void tally_received(struct tally *tally, uint64_t number, uint64_t now_ns)
{
    uint8_t bit = (uint8_t)(1u << number % 8);
    if (tally->seen[number / 8] & bit) {
        tally->duplicates++;
        return;
    }
    tally->seen[number / 8] |= bit;
    tally->received++;

    uint32_t rtt_us = (uint32_t)(now_ns / 1000) - tally->time_us[number];
    tally->time_us[number] = rtt_us;
    if (rtt_us > tally->rtt_max_us)
        tally->rtt_max_us = rtt_us;

    uint64_t place = number / tally->channels;
    uint64_t *next = &tally->next[number % tally->channels];
    if (place < *next)
        tally->out_of_order++;
    else
        *next = place + 1;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Moves the times of what was seen to the front, so that they can be sorted. */
static size_t gather_rtts(struct tally *tally)
{
    size_t n = 0;
    for (size_t i = 0; i < tally->sent; i++)
        if (tally->seen[i / 8] & 1u << i % 8)
            tally->time_us[n++] = tally->time_us[i];
    return n;
}

/* Nearest rank: the smallest value that at least per_mille of all are not above. */
static uint32_t percentile(const uint32_t *sorted, size_t n, unsigned per_mille)
{
    uint64_t rank = ((uint64_t)n * per_mille + 999) / 1000;
    return sorted[rank ? rank - 1 : 0];
}

bool tally_rtt(struct tally *tally, struct tally_rtt *rtt)
{
    size_t n = gather_rtts(tally);
    if (n == 0)
        return false;
    uint32_t *sorted = tally->time_us;
    qsort(sorted, n, sizeof *sorted, compare);
    *rtt = (struct tally_rtt){
        .min_us = sorted[0],
        .p50_us = percentile(sorted, n, 500),
        .p99_us = percentile(sorted, n, 990),
        .p999_us = percentile(sorted, n, 999),
        .max_us = sorted[n - 1],
    };
    return true;
}
