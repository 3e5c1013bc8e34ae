#include "netsim/run/qdisc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsim/model/table.h"
#include "netsim/run/tool.h"

#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#endif

#define FOLDER     "/tmp" /* there is one everywhere */
#define DELAY_NAME "netsim-delay"
#define SLOT_NAME  "netsim-slot"
#define ARGUMENTS  128

/* ------------------------------------------------------------------ words */

int netsim_qdisc_words(const struct netsim_words *words, const uint64_t *seed,
                       char out[NETSIM_QDISC_WORDS])
{
    struct netsim_words copy = *words;
    size_t len;

    if (copy.distribution == NETSIM_UNIFORM) /* tc looks for a file of that name */
        copy.has_distribution = false;
    if (copy.distribution == NETSIM_FROM_FILE)
        strcpy(copy.distribution_file, DELAY_NAME);
    if (copy.slot_distribution == NETSIM_FROM_FILE)
        strcpy(copy.slot_distribution_file, SLOT_NAME);
    if (!copy.has_seed && seed != NULL)
        copy.seed = *seed;
    copy.has_seed = seed != NULL;
    len = netsim_words_format(&copy, out, NETSIM_QDISC_WORDS);
    return len < NETSIM_QDISC_WORDS ? 0 : -1;
}

/* ------------------------------------------------------------------ tables */

#ifdef __linux__

static int write_table(const struct netsim_table *table, const char *name)
{
    char file[128];
    FILE *out;

    snprintf(file, sizeof(file), FOLDER "/%s.dist", name);
    out = fopen(file, "w");
    if (out == NULL)
        return -1;
    for (uint32_t i = 0; i < table->size; i++)
        fprintf(out, "%d%c", table->value[i], i % 8 == 7 ? '\n' : ' ');
    return fclose(out) == 0 ? 0 : -1;
}

static int write_distribution(enum netsim_distribution distribution,
                              const struct netsim_table *from_file, const char *name)
{
    struct netsim_table *table;
    int result;

    if (distribution == NETSIM_UNIFORM)
        return 0;
    if (distribution == NETSIM_FROM_FILE)
        return write_table(from_file, name);
    table = malloc(sizeof(*table));
    if (table == NULL)
        return -1;
    netsim_table_fill(table, distribution);
    result = write_table(table, netsim_distribution_name(distribution));
    free(table);
    return result;
}

/* In the process that becomes tc: nothing of it is seen outside, or is left. */
static int prepare_tables(void *arg)
{
    const struct netsim_words *words = arg;

    if (words->distribution == NETSIM_UNIFORM && words->slot_distribution == NETSIM_UNIFORM)
        return 0;
    if (unshare(CLONE_NEWNS) != 0 || mount("tmpfs", FOLDER, "tmpfs", 0, "size=1m") != 0 ||
        setenv("TC_LIB_DIR", FOLDER, 1) != 0)
        return -1;
    return write_distribution(words->distribution, words->distribution_table, DELAY_NAME) == 0
               ? write_distribution(words->slot_distribution, words->slot_distribution_table,
                                    SLOT_NAME)
               : -1;
}

#else

static int prepare_tables(void *arg)
{
    (void)arg;
    errno = ENOSYS;
    return -1;
}

#endif

/* ------------------------------------------------------------------ tc */

static int run_tc(const char *command, int net, const struct netsim_words *words, char *output,
                  char *why, size_t size)
{
    char text[NETSIM_QDISC_WORDS + 128], *rest = text, *word;
    const char *argv[ARGUMENTS];
    struct netsim_tool tool = {.argv = argv, .net = net};
    unsigned count = 0;

    snprintf(text, sizeof(text), "%s", command);
    while (count + 1 < ARGUMENTS && (word = strtok_r(rest, " ", &rest)) != NULL)
        argv[count++] = word;
    argv[count] = NULL;
    if (words != NULL) {
        tool.prepare = prepare_tables;
        tool.arg = (void *)words;
    }
    return netsim_tool_run(&tool, output, why, size);
}

int netsim_qdisc_add(int net, const char *interface, const struct netsim_words *words,
                     const uint64_t *seed, char *why, size_t size)
{
    char netem[NETSIM_QDISC_WORDS], command[NETSIM_QDISC_WORDS + 128];
    char output[NETSIM_TOOL_OUTPUT];

    if (netsim_qdisc_words(words, seed, netem) != 0) {
        snprintf(why, size, "the words are too long for tc");
        return -1;
    }
    snprintf(command, sizeof(command), "tc qdisc add dev %s root netem %s", interface, netem);
    return run_tc(command, net, words, output, why, size);
}

static int try_seed(int net, const char *interface, bool *has_seed, char *output)
{
    char command[128], why[NETSIM_TOOL_OUTPUT];

    snprintf(command, sizeof(command), "tc qdisc change dev %s root netem delay 1ms seed 1",
             interface);
    *has_seed = false;
    if (run_tc(command, net, NULL, output, why, sizeof(why)) != 0)
        return 0; /* this tc is older */
    snprintf(command, sizeof(command), "tc qdisc show dev %s", interface);
    if (run_tc(command, net, NULL, output, why, sizeof(why)) != 0)
        return -1;
    *has_seed = strstr(output, " seed 1") != NULL; /* an older kernel forgets it */
    return 0;
}

int netsim_qdisc_try(int net, const char *interface, bool *has_seed, char *why, size_t size)
{
    char command[128], output[NETSIM_TOOL_OUTPUT];

    snprintf(command, sizeof(command), "tc qdisc add dev %s root netem delay 1ms", interface);
    if (run_tc(command, net, NULL, output, why, size) == 0)
        return try_seed(net, interface, has_seed, output);
    if (strstr(output, "kind is unknown") != NULL || strstr(output, "No such file") != NULL)
        snprintf(why, size, "this kernel has no netem");
    return -1;
}

void netsim_qdisc_show(int net, const char *interface, const char *title)
{
    char command[128], output[NETSIM_TOOL_OUTPUT], why[256];

    snprintf(command, sizeof(command), "tc -s qdisc show dev %s", interface);
    if (run_tc(command, net, NULL, output, why, sizeof(why)) == 0)
        fprintf(stderr, "%s: %s", title, output);
}
