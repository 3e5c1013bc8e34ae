#include "netsim/report/numbers.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

struct unit {
    double size;
    const char *name;
};

static struct netsim_number with_unit(double value, int digits, const struct unit *units,
                                      size_t count)
{
    struct netsim_number n;
    size_t i = 0;

    if (isnan(value)) {
        snprintf(n.text, sizeof(n.text), "?");
        return n;
    }
    while (i + 1 < count && value < units[i].size * 0.99995)
        i++;
    snprintf(n.text, sizeof(n.text), "%.*g %s", value >= 1000 * units[i].size ? 6 : digits,
             value / units[i].size, units[i].name);
    return n;
}

static struct netsim_number say_time(double ns, int digits)
{
    static const struct unit units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};

    if (ns == 0)
        return (struct netsim_number){"0 ms"};
    return with_unit(ns, digits, units, sizeof(units) / sizeof(units[0]));
}

struct netsim_number netsim_say_time(double ns)
{
    return say_time(ns, 4);
}

struct netsim_number netsim_say_about_time(double ns)
{
    return say_time(ns, 3);
}

struct netsim_number netsim_say_rate(double bits_per_s)
{
    static const struct unit units[] = {
        {1e9, "Gbit/s"}, {1e6, "Mbit/s"}, {1e3, "kbit/s"}, {1, "bit/s"}};

    return with_unit(bits_per_s, 4, units, sizeof(units) / sizeof(units[0]));
}

struct netsim_number netsim_say_bytes(double bytes)
{
    static const struct unit units[] = {{1e9, "GB"}, {1e6, "MB"}, {1e4, "kB"}, {1, "bytes"}};

    if (bytes >= 1e4 && bytes < 1e6)
        return with_unit(bytes / 1000, 4, &(struct unit){1, "kB"}, 1);
    return with_unit(bytes, 4, units, sizeof(units) / sizeof(units[0]));
}

struct netsim_number netsim_say_share(double share)
{
    struct netsim_number n;
    double percent = 100 * share;

    if (isnan(percent))
        snprintf(n.text, sizeof(n.text), "? %%");
    else if (percent > 0 && percent < 1e-4)
        snprintf(n.text, sizeof(n.text), "less than 0.0001 %%");
    else if (percent > 99 && percent < 100)
        snprintf(n.text, sizeof(n.text), "%.2f %%", percent);
    else
        snprintf(n.text, sizeof(n.text), "%.3g %%", percent);
    return n;
}

struct netsim_number netsim_say_count(double count)
{
    struct netsim_number n;

    if (isnan(count))
        snprintf(n.text, sizeof(n.text), "?");
    else if (count >= 1000) {
        double unit = pow(10, floor(log10(count)) - 2);

        snprintf(n.text, sizeof(n.text), "%.0f", floor(count / unit + 0.5) * unit);
    } else if (count >= 100)
        snprintf(n.text, sizeof(n.text), "%.0f", count);
    else
        snprintf(n.text, sizeof(n.text), "%.3g", count);
    return n;
}
