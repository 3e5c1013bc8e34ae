#include "netsim/model/rate.h"

#define NS_PER_S UINT64_C(1000000000)

static uint64_t bytes_on_line(const struct netsim_words *words, uint32_t len)
{
    int64_t bytes = (int64_t)len + words->packet_overhead_bytes;
    int64_t cell = words->cell_bytes, cells;

    if (bytes <= 0)
        return 0;
    if (cell == 0)
        return (uint64_t)bytes;
    /* words.c bounds cell and overheads to 2^20, so the product stays below 2^55. */
    cells = (bytes + cell - 1) / cell;
    cell += words->cell_overhead_bytes;
    return cell <= 0 ? 0 : (uint64_t)(cells * cell);
}

int64_t netsim_rate_time_ns(const struct netsim_words *words, uint32_t len)
{
    uint64_t rate = words->rate_bytes_per_s, bytes, seconds, rest, ns;

    if (rate == 0)
        return 0;
    bytes = bytes_on_line(words, len);
    seconds = bytes / rate;
    rest = bytes % rate;
    if (seconds > INT64_MAX / NS_PER_S - 1)
        return INT64_MAX;
    /* Beyond 18 GB a packet a nanosecond of error is nothing. */
    if (rest > UINT64_MAX / NS_PER_S)
        ns = (uint64_t)((double)rest * 1e9 / (double)rate);
    else
        ns = rest * NS_PER_S / rate;
    return (int64_t)(seconds * NS_PER_S + ns);
}
