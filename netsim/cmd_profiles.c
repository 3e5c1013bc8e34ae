/* belay-netsim profiles: known networks as words, each with its source. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/report/sentences.h"
#include "netsim/run/profiles.h"

static void print_help(void)
{
    puts("Usage: belay-netsim profiles [--json] [NAME]\n\n"
         "Lists known networks; with a name, one's words in both directions and where its\n"
         "numbers are from. `belay-netsim list` is the same.\n\n"
         "  --json  for programs\n"
         "  --help");
}

static int print_list(void)
{
    const struct netsim_profile *profile;

    for (size_t i = 0; (profile = netsim_profile_at(i)) != NULL; i++)
        printf("%-20s %s\n", profile->name, profile->about);
    return 0;
}

static int print_one(const struct netsim_profile *profile)
{
    printf("%s: %s\n", profile->name, profile->about);
    printf("  --link      '%s'\n", profile->link);
    printf("  --link-back '%s'\n", profile->link_back);
    netsim_sentence(stdout, "source", "%s", profile->source);
    return 0;
}

static json_t *profile_json(const struct netsim_profile *profile)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", profile->name, "about",
                     profile->about, "link", profile->link, "link_back", profile->link_back,
                     "source", profile->source);
}

/* One object, or an array of all. */
static int print_json(const struct netsim_profile *one)
{
    const struct netsim_profile *profile;
    json_t *json = one != NULL ? profile_json(one) : json_array();
    int bad = json == NULL;

    for (size_t i = 0; one == NULL && (profile = netsim_profile_at(i)) != NULL; i++)
        bad |= json_array_append_new(json, profile_json(profile));
    if (!bad)
        bad = json_dumpf(json, stdout, JSON_INDENT(2)) | (putchar('\n') == EOF);
    json_decref(json);
    return bad;
}

static int print_profiles(bool json, const char *name)
{
    const struct netsim_profile *profile = NULL;
    int bad;

    if (name != NULL && (profile = netsim_profile_find(name)) == NULL)
        return netsim_cli_usage("`%s` is no profile; belay-netsim profiles lists those there "
                                "are",
                                name);
    if (json)
        bad = print_json(profile);
    else
        bad = profile != NULL ? print_one(profile) : print_list();
    if (bad || fflush(stdout) != 0 || ferror(stdout))
        return netsim_cli_fail("standard output: %s", strerror(errno));
    return 0;
}

static const struct option options[] = {
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

int netsim_cmd_profiles(int argc, char **argv)
{
    bool json = false;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return 0;
        }
        if (option != 'j')
            return netsim_cli_try_help("profiles");
        json = true;
    }
    if (optind + 1 < argc)
        return netsim_cli_usage("`%s` is left over: one name at a time", argv[optind + 1]);
    return print_profiles(json, optind < argc ? argv[optind] : NULL);
}
