/* Files of distributions, and delays drawn from them. */
#include "fuzz.h"

#include "netsim/model/table.h"

/* As far from the delay as the table's largest value makes it. */
static void check_delays(const struct netsim_table *table)
{
    static const int64_t jitters_ns[] = {0, 1, 8191, 1000000, INT32_MAX};

    for (size_t i = 0; i < sizeof(jitters_ns) / sizeof(jitters_ns[0]); i++)
        for (uint32_t draw = 0; draw < 2 * table->size; draw += 1 + table->size / 7) {
            int64_t delay_ns = netsim_table_delay_ns(table, draw, 5000, jitters_ns[i]);

            FUZZ_CHECK(delay_ns >= 5000 - 4 * jitters_ns[i]);
            FUZZ_CHECK(delay_ns <= 5000 + 4 * jitters_ns[i]);
        }
    FUZZ_CHECK(netsim_table_delay_ns(NULL, UINT32_MAX, 5000, 0) == 5000);
}

static void check_formulas(struct netsim_table *table, enum netsim_distribution distribution)
{
    bool is_made = netsim_table_fill(table, distribution);

    FUZZ_CHECK(is_made == (distribution > NETSIM_UNIFORM && distribution < NETSIM_FROM_FILE));
    for (uint32_t i = 1; is_made && i < table->size; i++)
        FUZZ_CHECK(table->value[i] >= table->value[i - 1]);
    if (is_made)
        check_delays(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct netsim_table table;
    uint8_t *text = fuzz_copy(data, size);
    size_t line = 0, lines = 1;
    const char *wrong = netsim_table_parse(&table, (const char *)text, size, &line);

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    FUZZ_CHECK(line >= 1 && line <= lines);
    if (wrong == NULL) {
        FUZZ_CHECK(table.size >= 1 && table.size <= NETSIM_TABLE_MAX);
        check_delays(&table);
        FUZZ_PLANT(table.size == 3 && table.value[1] < -77);
    }
    free(text);
    if (size == 1 && data[0] <= NETSIM_FROM_FILE)
        check_formulas(&table, (enum netsim_distribution)data[0]);
    return 0;
}
