/*
 * The vm backend: the kernel backend again, in a virtual machine whose kernel has netem and
 * whose clock counts instructions. boot.sh carries programs in and files out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/run/guard.h"
#include "netsim/run/run.h"
#include "netsim/run/tool.h"
#include "netsim/run/vm_scripts.h"

#define NAME      "vm"
#define WORDS_MAX 256 /* of boot.sh's command line; run's --carry is there 64 times at most */
#define HOST_S    "600"
#define SEED_NO   "seed no" /* of --check */

/* ------------------------------------------------------------------ is it set up */

/* What `boot.sh --check` says. 0, or -1 with its reason. */
static int check(char output[NETSIM_TOOL_OUTPUT], char *why, size_t size)
{
    char path[NETSIM_VM_PATH];
    const char *argv[] = {path, "--check", NULL};
    struct netsim_tool tool = {.argv = argv, .net = -1};
    char failed[NETSIM_WHY_SIZE];

    if (netsim_vm_script("boot.sh", path, why, size) != 0)
        return -1;
    if (netsim_tool_run(&tool, output, failed, sizeof(failed)) == 0)
        return 0;
    snprintf(why, size, "%.*s", (int)strcspn(output, "\n"),
             output[0] != '\0' ? output : failed);
    return -1;
}

/* The kernel of Debian's stable release has no seed. */
static bool lacks_seed(void)
{
    char output[NETSIM_TOOL_OUTPUT], why[NETSIM_WHY_SIZE];

    return check(output, why, sizeof(why)) == 0 && strstr(output, SEED_NO) != NULL;
}

static bool probe(char *why, size_t size)
{
    char output[NETSIM_TOOL_OUTPUT];

    return check(output, why, size) == 0;
}

static bool can(const struct netsim_run_config *config, char *why, size_t size)
{
    const char *extension = netsim_plan_extension(config->out);

    if (extension == NULL)
        extension = netsim_plan_extension(config->back);
    if (extension != NULL)
        snprintf(why, size, "the kernel's netem has no %s; --backend live has",
                 strncmp(extension, "a ", 2) == 0 ? extension + 2 : extension);
    else if (config->log != NULL || config->pcap != NULL)
        snprintf(why, size, "the kernel's netem writes no %s; --backend live does",
                 config->log != NULL ? "--log" : "--pcap");
    else if (config->has_seed && lacks_seed())
        snprintf(why, size,
                 "the kernel that was set up has no seed; `belay-netsim vm --setup --force` "
                 "tries for a newer one, and --backend live has it");
    else
        return true;
    return false;
}

/* ------------------------------------------------------------------ a run */

struct line {
    const char *words[WORDS_MAX + 1];
    unsigned count;
    char self[NETSIM_VM_PATH], machine_seed[24], seed[24], duration_s[32], mtu[16];
};

static void add(struct line *line, const char *word)
{
    if (line->count < WORDS_MAX)
        line->words[line->count++] = word;
}

static void add_option(struct line *line, const char *name, const char *value)
{
    if (value == NULL)
        return;
    add(line, name);
    add(line, value);
}

/* What boot.sh is to do. Distributions are files that the links name. */
static void add_machine(struct line *line, const struct netsim_run_config *config)
{
    snprintf(line->machine_seed, sizeof(line->machine_seed), "%" PRIu64, config->out_seed);
    add(line, "boot.sh");
    add(line, "--here");
    add_option(line, "--timeout", HOST_S);
    add_option(line, "--hide", "belay-netsim: note: "); /* they were told here */
    add_option(line, "--seed", line->machine_seed);
    add_option(line, "--scan", config->server);
    add_option(line, "--scan", config->client);
    add_option(line, "--scan-link", config->out_text);
    add_option(line, "--scan-link", config->back_text);
    for (char **path = config->carry; path != NULL && *path != NULL; path++)
        add_option(line, "--carry", *path);
    add(line, "--");
}

/* What belay-netsim is to do in there. */
static void add_run(struct line *line, const struct netsim_run_config *config, bool has_seed)
{
    snprintf(line->seed, sizeof(line->seed), "%" PRIu64, config->out_seed);
    snprintf(line->mtu, sizeof(line->mtu), "%" PRIu32, config->mtu);
    snprintf(line->duration_s, sizeof(line->duration_s), "%.9f",
             (double)config->duration_ns / 1e9);
    add(line, line->self);
    add(line, "run");
    add_option(line, "--backend", "kernel");
    add_option(line, "--link", config->out_text);
    add_option(line, "--link-back", config->back_text != NULL ? config->back_text : "");
    if (has_seed)
        add_option(line, "--seed", line->seed);
    if (config->duration_ns != BELAY_NEVER)
        add_option(line, "--duration", line->duration_s);
    add_option(line, "--mtu", line->mtu);
    if (config->quiet)
        add(line, "--quiet");
    add(line, "--");
    add(line, config->server);
    add(line, ":");
    add(line, config->client);
}

static int fail(const char *why)
{
    netsim_cli_fail("%s", why);
    return NETSIM_EXIT_RUN;
}

static int run(const struct netsim_run_config *config)
{
    struct line line = {.count = 0};
    char why[NETSIM_WHY_SIZE], kernel[NETSIM_TOOL_OUTPUT];
    bool has_seed;

    if (netsim_vm_self(line.self) != 0)
        return fail("this program does not know its own path");
    if (check(kernel, why, sizeof(why)) != 0)
        return fail(why);
    if (!config->quiet)
        fprintf(stderr, "belay-netsim: vm: %.*s\n", (int)strcspn(kernel, "\n"), kernel);
    has_seed = strstr(kernel, SEED_NO) == NULL;
    if (!config->quiet && !has_seed)
        fputs("belay-netsim: note: this kernel's netem has no seed: another run decides "
              "otherwise\n",
              stderr);
    add_machine(&line, config);
    add_run(&line, config, has_seed);
    netsim_vm_exec("boot.sh", (char **)line.words, why, sizeof(why));
    return fail(why);
}

const struct netsim_backend netsim_backend_vm = {
    .name = NAME,
    .what = "the kernel's own netem, in a virtual machine with a clock of its own",
    .can = can,
    .probe = probe,
    .run = run,
};
