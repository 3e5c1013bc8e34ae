#include "netsim/model/table.h"

#include <math.h>

#define SCALE 8192
#define CAP   32767

/*
 * The x with Phi(x) = p, 0 < p < 1/2: Abramowitz and Stegun 26.2.23 as first guess (error
 * below 4.5e-4), then Newton's steps on erfc; two are enough for a double.
 */
static double normal_quantile(double p)
{
    const double sqrt_2pi = 2.50662827463100050242, sqrt_half = 0.70710678118654752440;
    double t = sqrt(-2 * log(p));
    double x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                         (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));

    for (int i = 0; i < 2; i++) {
        double error = 0.5 * erfc(-x * sqrt_half) - p;

        x -= error * sqrt_2pi * exp(x * x / 2);
    }
    return x;
}

static double cap(double value)
{
    return value > CAP ? CAP : value < -CAP ? -CAP : value;
}

static void fill_normal(int16_t *value)
{
    for (int i = 0; i < NETSIM_TABLE_SIZE / 2; i++) {
        double x = rint(cap(SCALE * normal_quantile((i + 0.5) / NETSIM_TABLE_SIZE)));

        value[i] = (int16_t)x;
        value[NETSIM_TABLE_SIZE - 1 - i] = (int16_t)-x;
    }
}

static int16_t pareto(int i)
{
    double u = (double)(NETSIM_TABLE_SIZE - i) / NETSIM_TABLE_SIZE;

    return (int16_t)rint(cap((1 / cbrt(u) - 1.5) * 4 / 3 * SCALE));
}

bool netsim_table_fill(struct netsim_table *table, enum netsim_distribution distribution)
{
    int16_t *value = table->value;

    if (distribution == NETSIM_UNIFORM || distribution == NETSIM_FROM_FILE)
        return false;
    table->size = NETSIM_TABLE_SIZE;
    if (distribution == NETSIM_PARETO) {
        for (int i = 0; i < NETSIM_TABLE_SIZE; i++)
            value[i] = pareto(i);
        return true;
    }
    fill_normal(value);
    if (distribution == NETSIM_PARETONORMAL)
        for (int i = 0; i < NETSIM_TABLE_SIZE; i++)
            value[i] = (int16_t)(value[i] / 4.0 + pareto(i) * 3 / 4.0);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* A whole number of 16 bits at text, to a blank or an end. How long it is; 0: it is none. */
static size_t parse_value(const char *text, size_t len, int16_t *value)
{
    size_t at = len > 0 && text[0] == '-', digits = at;
    long number = 0;

    for (; at < len && text[at] >= '0' && text[at] <= '9' && number <= INT16_MAX; at++)
        number = 10 * number + (text[at] - '0');
    if (at == digits || number > INT16_MAX ||
        (at < len && !is_blank(text[at]) && text[at] != '\n' && text[at] != '#'))
        return 0;
    *value = (int16_t)(digits > 0 ? -number : number);
    return at;
}

static size_t line_end(const char *text, size_t at, size_t len)
{
    while (at < len && text[at] != '\n')
        at++;
    return at;
}

const char *netsim_table_parse(struct netsim_table *table, const char *text, size_t len,
                               size_t *line)
{
    *line = 1;
    table->size = 0;
    for (size_t at = 0; at < len;) {
        size_t taken = 1;

        if (text[at] == '#') {
            at = line_end(text, at, len);
            continue;
        }
        if (text[at] == '\n') {
            ++*line;
        } else if (!is_blank(text[at])) {
            if (table->size == NETSIM_TABLE_MAX)
                return "has more than 16384 numbers";
            taken = parse_value(text + at, len - at, &table->value[table->size]);
            if (taken == 0)
                return "has something else than whole numbers from -32767 to 32767";
            table->size++;
        }
        at += taken;
    }
    return table->size > 0 ? NULL : "has no numbers in it";
}

int64_t netsim_table_delay_ns(const struct netsim_table *table, uint32_t draw, int64_t delay_ns,
                              int64_t jitter_ns)
{
    int64_t t, x;

    if (jitter_ns == 0)
        return delay_ns;
    if (table == NULL)
        return (int64_t)(draw % (2 * (uint32_t)jitter_ns)) + delay_ns - jitter_ns;
    t = table->value[draw % table->size];
    x = (jitter_ns % SCALE) * t;
    x += x >= 0 ? SCALE / 2 : -SCALE / 2;
    return x / SCALE + (jitter_ns / SCALE) * t + delay_ns;
}
