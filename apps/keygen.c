/* belay-keygen: makes a private key or a shared secret, or shows a private key's public one. */
#include "keyfile.h"
#include "options.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <belay/core.h>

#define KEYGEN_NAME "belay-keygen"

enum { PUBLIC = 256, PSK, FORCE };

static const struct option_row rows[] = {
    {PUBLIC, "public", NULL, "make nothing: print the public key of the private one in\nFILE"},
    {PSK, "psk", NULL, "make a shared secret instead, for --psk of both sides"},
    {FORCE, "force", NULL, "replace FILE: the key that is in it is lost"},
    {0, NULL, NULL, NULL},
};

static const struct program program = {
    .name = KEYGEN_NAME,
    .synopsis = "[OPTION...] FILE",
    .about = "Makes a private key in FILE, which nobody else may read, and prints its public\n"
             "key, which everybody may know: a server's goes to clients (--server-key), a\n"
             "client's to the server's list (--authorized). Exit code 0: done; 1: not so;\n"
             "2: usage.",
    .rows = rows,
};

struct arguments {
    bool is_public, is_psk, is_forced;
    const char *file;
};

static bool complain(const char *what)
{
    fprintf(stderr, "%s: %s\n", KEYGEN_NAME, what);
    return false;
}

static bool print_public(const uint8_t private_key[KEY_SIZE])
{
    uint8_t public_key[KEY_SIZE];
    char text[KEYTEXT_MAX];
    if (belay_public_key(private_key, public_key) != 0)
        return complain("out of memory");
    keytext_write(KEY_PUBLIC, public_key, text);
    printf("%s\n", text);
    return true;
}

static bool show(const struct arguments *arguments, uint8_t key[KEY_SIZE])
{
    char why[KEY_WHY_MAX];
    if (!keyfile_read(arguments->file, KEY_PRIVATE, key, why))
        return complain(why);
    return print_public(key);
}

static bool make(const struct arguments *arguments, uint8_t key[KEY_SIZE])
{
    char why[KEY_WHY_MAX];
    enum key_kind kind = arguments->is_psk ? KEY_PSK : KEY_PRIVATE;
    if (RAND_bytes(key, KEY_SIZE) != 1)
        return complain("the system gives no random bytes: no key was made");
    if (!keyfile_write(arguments->file, kind, key, arguments->is_forced, why))
        return complain(why);
    if (!arguments->is_psk)
        return print_public(key);
    printf("a shared secret is in %s: bring a copy to the other side, unseen\n",
           arguments->file);
    return true;
}

static void check(const struct arguments *arguments, int operands, char **operand)
{
    if (operands == 0)
        options_fail(&program, "no FILE: say where the key goes, as in %s server.key",
                     KEYGEN_NAME);
    if (operands > 1)
        options_fail(&program, "'%s': one FILE at a time", operand[1]);
    if (strcmp(operand[0], "-") == 0)
        options_fail(&program,
                     "'-': a key is in a file, and in no pipe: say where, as in %s server.key "
                     "(a file of that name is ./-)",
                     KEYGEN_NAME);
    if (arguments->is_public && arguments->is_psk)
        options_fail(&program, "--public and --psk exclude each other: a shared secret has no "
                               "public part");
    if (arguments->is_public && arguments->is_forced)
        options_fail(&program, "--public and --force exclude each other: --public only reads "
                               "FILE");
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.file = NULL};
    uint8_t key[KEY_SIZE];
    signal(SIGPIPE, SIG_IGN);
    for (int option; (option = options_next(&program, argc, argv)) != -1;) {
        arguments.is_public |= option == PUBLIC;
        arguments.is_psk |= option == PSK;
        arguments.is_forced |= option == FORCE;
    }
    check(&arguments, argc - optind, argv + optind);
    arguments.file = argv[optind];
    bool is_done = arguments.is_public ? show(&arguments, key) : make(&arguments, key);
    OPENSSL_cleanse(key, sizeof key);
    return options_finish(&program, is_done ? EXIT_SUCCESS : EXIT_FAILURE);
}
