#include "security.h"

#include "keyfile.h"
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <belay/core.h>

/* ------------------------------------------------------------------ options */

static void take_server_key(const struct program *program, struct security_options *options)
{
    char why[KEY_WHY_MAX];
    options->has_server_key =
        keytext_parse(KEY_PUBLIC, optarg, strlen(optarg), options->server_key, why);
    if (!options->has_server_key)
        options_fail(program, "--server-key: %s", why);
}

void security_take(const struct program *program, struct security_options *options, int key)
{
    switch (key) {
    case SECURITY_KEY:
        options->key = optarg;
        break;
    case SECURITY_PSK:
        options->psk = optarg;
        break;
    case SECURITY_AUTHORIZED:
        options->authorized = optarg;
        break;
    case SECURITY_SERVER_KEY:
        take_server_key(program, options);
        break;
    case SECURITY_SERVER_KEY_FILE:
        options->server_key_file = optarg;
        break;
    case SECURITY_INSECURE:
        options->insecure = true;
        break;
    case SECURITY_KEY_LOG:
        options->key_log = optarg;
        break;
    default:
        break;
    }
}

/* The first of those that make no sense without encryption; NULL: none is given. */
static const char *first_key_option(const struct security_options *options)
{
    return options->key               ? "--key"
           : options->psk             ? "--psk"
           : options->authorized      ? "--authorized"
           : options->has_server_key  ? "--server-key"
           : options->server_key_file ? "--server-key-file"
                                      : NULL;
}

static void check_both(const struct program *program, const struct security_options *options,
                       bool plain)
{
    const char *name = first_key_option(options);
    if (options->insecure && name)
        options_fail(program,
                     "--insecure and %s exclude each other: without encryption a key proves "
                     "nothing: leave one of them out",
                     name);
    if (name == NULL)
        name = options->insecure ? "--insecure" : options->key_log ? "--key-log" : NULL;
    if (plain && name)
        options_fail(program,
                     "--plain and %s exclude each other: plain UDP encrypts nothing and has no "
                     "keys: leave one of them out",
                     name);
}

void security_check_server(const struct program *program,
                           const struct security_options *options, bool plain)
{
    check_both(program, options, plain);
    if (options->psk && options->authorized)
        options_fail(program, "--psk and --authorized exclude each other: each says who may "
                              "connect: leave one of them out");
}

void security_check_client(const struct program *program,
                           const struct security_options *options, bool plain)
{
    bool has_server_key = options->has_server_key || options->server_key_file;
    check_both(program, options, plain);
    if (options->has_server_key && options->server_key_file)
        options_fail(program, "--server-key and --server-key-file exclude each other: give the "
                              "key once");
    if (options->key && options->psk)
        options_fail(program, "--key and --psk exclude each other: who knows the secret may "
                              "connect, and shows no key: leave one of them out");
    if (options->key && !has_server_key)
        options_fail(program, "--key: a client shows its key only to a server whose key it "
                              "knows: give --server-key, too");
}

/* ------------------------------------------------------------------ files */

static bool read_into(const char *program, const char *path, enum key_kind kind,
                      uint8_t key[KEY_SIZE], bool *has_it)
{
    char why[KEY_WHY_MAX];
    if (path == NULL)
        return true;
    *has_it = keyfile_read(path, kind, key, why);
    if (!*has_it)
        fprintf(stderr, "%s: %s\n", program, why);
    return *has_it;
}

bool security_load(const char *program, const struct security_options *options,
                   struct belay_core_config *config)
{
    config->insecure = options->insecure;
    config->has_server_key = options->has_server_key;
    memcpy(config->server_key, options->server_key, KEY_SIZE);
    return read_into(program, options->key, KEY_PRIVATE, config->private_key,
                     &config->has_private_key) &&
           read_into(program, options->psk, KEY_PSK, config->psk, &config->has_psk) &&
           read_into(program, options->server_key_file, KEY_PUBLIC, config->server_key,
                     &config->has_server_key);
}

/* ------------------------------------------------------------------ the client's options */

/* A file's name as a shell would take it, or a word in its place. */
static const char *plain_name(const char *path)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_./+-";
    bool is_plain = *path != '-' && strspn(path, safe) == strlen(path) && strlen(path) < 200;
    return is_plain ? path : "FILE";
}

bool security_knows_server(const struct security_options *options)
{
    return options->has_server_key || options->server_key_file || options->psk;
}

const char *security_warning(const struct security_options *options)
{
    if (options->insecure)
        return "nothing is encrypted, and anyone may have answered: --insecure promises "
               "neither";
    if (!security_knows_server(options))
        return "the server is not authenticated: --server-key makes sure who answers";
    return NULL;
}

void security_client_options(const struct security_options *options, const char *key,
                             char out[SECURITY_OPTIONS_MAX])
{
    snprintf(out, SECURITY_OPTIONS_MAX, "%s%s%s%s%s%s", options->insecure ? " --insecure" : "",
             key ? " --server-key " : "", key ? key : "",
             options->authorized ? " --key FILE" : "", options->psk ? " --psk " : "",
             options->psk ? plain_name(options->psk) : "");
}
