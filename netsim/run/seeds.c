#include "netsim/run/seeds.h"

#include <stdbool.h>
#include <string.h>

#define WANTED "is no list of seeds; right would be: 1-20, or 1,4,9-12"

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\n");
}

static bool take_number(const char **at, uint64_t *value)
{
    const char *begin = *at;

    *value = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0');

        if (*value > (UINT64_MAX - digit) / 10)
            return false;
        *value = 10 * *value + digit;
    }
    return *at > begin;
}

static bool take_range(const char **at, struct netsim_seed_range *range)
{
    *at = skip_blanks(*at);
    if (!take_number(at, &range->first))
        return false;
    range->last = range->first;
    *at = skip_blanks(*at);
    if (**at != '-')
        return true;
    *at = skip_blanks(*at + 1);
    if (!take_number(at, &range->last))
        return false;
    *at = skip_blanks(*at);
    return true;
}

static const char *add_range(struct netsim_seeds *seeds, const struct netsim_seed_range *range)
{
    if (range->last < range->first)
        return "has a range that ends before it begins";
    if (seeds->ranges_count == NETSIM_SEED_RANGES_MAX)
        return "has more than 64 parts";
    if (range->last - range->first >= NETSIM_SEEDS_MAX - seeds->count)
        return "has more than 100000 seeds";
    for (size_t i = 0; i < seeds->ranges_count; i++)
        if (range->first <= seeds->ranges[i].last && range->last >= seeds->ranges[i].first)
            return "has a seed twice";
    seeds->ranges[seeds->ranges_count++] = *range;
    seeds->count += (size_t)(range->last - range->first) + 1;
    return NULL;
}

const char *netsim_seeds_parse(struct netsim_seeds *seeds, const char *text)
{
    struct netsim_seed_range range;
    const char *wrong;

    *seeds = (struct netsim_seeds){.count = 0};
    for (;; text++) {
        if (!take_range(&text, &range))
            return WANTED;
        wrong = add_range(seeds, &range);
        if (wrong != NULL)
            return wrong;
        if (*text == '\0')
            return NULL;
        if (*text != ',')
            return WANTED;
    }
}

uint64_t netsim_seeds_at(const struct netsim_seeds *seeds, size_t i)
{
    const struct netsim_seed_range *range = seeds->ranges;

    while (i > range->last - range->first) {
        i -= (size_t)(range->last - range->first) + 1;
        range++;
    }
    return range->first + i;
}
