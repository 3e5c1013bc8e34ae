#include "netsim/model/units.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Past digits; *any says whether there was one. */
static const char *skip_digits(const char *at, bool *any)
{
    for (; is_digit(*at); at++)
        *any = true;
    return at;
}

/* strtod without its signs, hex, inf and nan. Sets *unit to what follows the number. */
static const char *parse_number(const char *text, double *value, const char **unit)
{
    bool mantissa = false, exponent = false;
    const char *end;
    char copy[64];

    if (*text == '-')
        return "must not be negative";
    end = skip_digits(text, &mantissa);
    if (*end == '.')
        end = skip_digits(end + 1, &mantissa);
    if (!mantissa)
        return "is not a number";
    if (*end == 'e' || *end == 'E') {
        const char *at = end + 1;

        at = skip_digits(at + (*at == '+' || *at == '-'), &exponent);
        if (exponent)
            end = at;
    }
    if ((size_t)(end - text) >= sizeof(copy))
        return "has too many digits";
    memcpy(copy, text, (size_t)(end - text));
    copy[end - text] = '\0';
    *value = strtod(copy, NULL);
    *unit = end;
    return isfinite(*value) ? NULL : "is too large";
}

const char *netsim_parse_percent(const char *text, double *share)
{
    const char *unit, *wrong = parse_number(text, share, &unit);

    if (wrong != NULL)
        return wrong;
    if (*unit != '\0' && strcmp(unit, "%") != 0)
        return "is not a percentage";
    *share /= 100;
    return *share > 1 ? "is more than 100%" : NULL;
}

struct unit {
    const char *name;
    double scale;
};

static const struct unit *find_unit(const struct unit *units, const char *name)
{
    for (; units->name != NULL; units++)
        if (strcasecmp(units->name, name) == 0)
            return units;
    return NULL;
}

static const struct unit time_units[] = {
    {"", 1},       {"s", 1e9},     {"sec", 1e9}, {"secs", 1e9}, {"ms", 1e6},
    {"msec", 1e6}, {"msecs", 1e6}, {"us", 1e3},  {"usec", 1e3}, {"usecs", 1e3},
    {"ns", 1},     {"nsec", 1},    {"nsecs", 1}, {NULL, 0},
};

static const struct unit rate_units[] = {
    {"", 1},
    {"bit", 1},
    {"kbit", 1e3},
    {"mbit", 1e6},
    {"gbit", 1e9},
    {"tbit", 1e12},
    {"kibit", 1024.0},
    {"mibit", 1024.0 * 1024},
    {"gibit", 1024.0 * 1024 * 1024},
    {"tibit", 1024.0 * 1024 * 1024 * 1024},
    {"bps", 8},
    {"kbps", 8e3},
    {"mbps", 8e6},
    {"gbps", 8e9},
    {"tbps", 8e12},
    {"kibps", 8 * 1024.0},
    {"mibps", 8 * 1024.0 * 1024},
    {"gibps", 8 * 1024.0 * 1024 * 1024},
    {"tibps", 8 * 1024.0 * 1024 * 1024 * 1024},
    {NULL, 0},
};

static const struct unit size_units[] = {
    {"", 1},
    {"b", 1},
    {"k", 1024},
    {"kb", 1024},
    {"m", 1024 * 1024},
    {"mb", 1024 * 1024},
    {"g", 1024 * 1024 * 1024},
    {"gb", 1024 * 1024 * 1024},
    {NULL, 0},
};

static const char *parse_scaled(const char *text, const struct unit *units, double *value,
                                const char *no_unit)
{
    const char *unit, *wrong = parse_number(text, value, &unit);
    const struct unit *found;

    if (wrong != NULL)
        return wrong;
    found = find_unit(units, unit);
    if (found == NULL)
        return no_unit;
    *value *= found->scale;
    return NULL;
}

const char *netsim_parse_time(const char *text, int64_t *ns)
{
    double value;
    const char *wrong =
        parse_scaled(text, time_units, &value, "is not a time: a number with s, ms, us or ns");

    if (wrong != NULL)
        return wrong;
    if (value > 4e18)
        return "is too long a time";
    *ns = (int64_t)value; /* cut, not rounded, as tc does: 1.005ms is 1004999 ns */
    return NULL;
}

const char *netsim_parse_rate(const char *text, uint64_t *bytes_per_s)
{
    double value;
    const char *wrong = parse_scaled(text, rate_units, &value,
                                     "is not a rate: a number with kbit, mbit, gbit (bits) "
                                     "or kbps, mbps (bytes)");

    if (wrong != NULL)
        return wrong;
    value = floor(value / 8);
    if (value < 1)
        return "is less than one byte a second";
    if (value > 9e18)
        return "is too high a rate";
    *bytes_per_s = (uint64_t)value;
    return NULL;
}

const char *netsim_parse_size(const char *text, uint32_t *size)
{
    double value;
    const char *wrong =
        parse_scaled(text, size_units, &value, "is not a count: a number, perhaps with k or m");

    if (wrong != NULL)
        return wrong;
    if (value > UINT32_MAX)
        return "is too large";
    if (value != floor(value))
        return "is not a whole number";
    *size = (uint32_t)value;
    return NULL;
}

const char *netsim_parse_u64(const char *text, uint64_t *value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    unsigned long long parsed;
    char *end;

    if (*text == '-')
        return "must not be negative";
    if (!is_digit(*text))
        return "is not a whole number";
    errno = 0;
    parsed = strtoull(text, &end, hex ? 16 : 10);
    if (*end != '\0')
        return "is not a whole number";
    if (errno == ERANGE || parsed > UINT64_MAX)
        return "is too large";
    *value = parsed;
    return NULL;
}

const char *netsim_parse_u32(const char *text, uint32_t *value)
{
    uint64_t wide;
    const char *wrong = netsim_parse_u64(text, &wide);

    if (wrong != NULL)
        return wrong;
    if (wide > UINT32_MAX)
        return "is too large";
    *value = (uint32_t)wide;
    return NULL;
}

const char *netsim_parse_c_u32(const char *text, uint32_t *value)
{
    if (text[0] == '0' && is_digit(text[1]))
        return "begins with 0: tc would read it as octal";
    return netsim_parse_u32(text, value);
}

const char *netsim_parse_signed(const char *text, int32_t max, int32_t *value)
{
    bool negative = *text == '-';
    uint32_t size;
    const char *wrong = netsim_parse_c_u32(text + negative, &size);

    if (wrong != NULL)
        return wrong;
    if (size > (uint32_t)max)
        return "is out of range";
    *value = negative ? -(int32_t)size : (int32_t)size;
    return NULL;
}

uint32_t netsim_share_to_u32(double share)
{
    return (uint32_t)rint(share * UINT32_MAX);
}

/* The fewest digits that come back as the same number. */
void netsim_format_percent(uint32_t value, char out[NETSIM_UNIT_TEXT_SIZE])
{
    for (int digits = 3; digits <= 17; digits++) {
        double share;

        snprintf(out, NETSIM_UNIT_TEXT_SIZE, "%.*g%%", digits, 100.0 * value / UINT32_MAX);
        if (netsim_parse_percent(out, &share) == NULL && netsim_share_to_u32(share) == value)
            return;
    }
}

void netsim_format_time(int64_t ns, char out[NETSIM_UNIT_TEXT_SIZE])
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}};

    /* A whole number of the largest unit, or up to three digits after the point. */
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        int64_t part = units[i].ns / 1000, back;

        if (ns < units[i].ns || ns % (part > 0 ? part : 1) != 0 || ns >= 1000 * units[i].ns)
            continue;
        snprintf(out, NETSIM_UNIT_TEXT_SIZE, "%.15g%s", (double)ns / (double)units[i].ns,
                 units[i].name);
        if (netsim_parse_time(out, &back) == NULL && back == ns)
            return;
    }
    snprintf(out, NETSIM_UNIT_TEXT_SIZE, "%" PRId64 "ns", ns);
}

void netsim_format_rate(uint64_t bytes_per_s, char out[NETSIM_UNIT_TEXT_SIZE])
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {{"gbit", 125000000}, {"mbit", 125000}, {"kbit", 125}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (bytes_per_s >= units[i].bytes && bytes_per_s % units[i].bytes == 0) {
            snprintf(out, NETSIM_UNIT_TEXT_SIZE, "%" PRIu64 "%s", bytes_per_s / units[i].bytes,
                     units[i].name);
            return;
        }
    snprintf(out, NETSIM_UNIT_TEXT_SIZE, "%" PRIu64 "bps", bytes_per_s);
}
