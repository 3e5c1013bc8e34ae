/* belay-echo-client: options in, a run out. */
#include "client.h"

#include "options.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/belay.h>

#define COUNT_MAX    UINT64_C(100000000) /* 4 bytes of memory each */
#define SIZE_MAX_ARG (UINT64_C(1) << 30)
#define CHANNELS     256 /* a Belay server's default */
#define SIZE_DEFAULT 64
#define COUNT_SERIES 10
#define WORDS_MAX    65536

/* The Python Module of the Week's. */
#define TEXT_DEFAULT "This is the message.  It will be repeated."

enum {
    COUNT = 256,
    SIZE,
    INTERVAL,
    CHANNEL,
    CHANNEL_COUNT,
    UNORDERED,
    CC,
    PLAIN,
    TIMEOUT,
    JSON
};

static const struct option_row rows[] = {
    {COUNT, "count", "N", "send a series of N messages [10 with --size or --interval]"},
    {SIZE, "size", "BYTES", "bytes a message of a series [64]"},
    {INTERVAL, "interval", "MS",
     "milliseconds between messages, 0.5 allowed; 0: as fast as\n"
     "the credit of the other side allows [0]"},
    {CHANNEL, "channel", "N", "the (first) channel, 0 to 255 [0]"},
    {CHANNEL_COUNT, "channels", "N", "take N channels in turn [1]"},
    {UNORDERED, "unordered", NULL, "order is not needed: nothing waits for what was lost"},
    {SECURITY_SERVER_KEY, "server-key", "TEXT",
     "the server's public key, as it prints it: talk to nobody\n"
     "else"},
    {SECURITY_SERVER_KEY_FILE, "server-key-file", "FILE", "the same, from a file"},
    {SECURITY_KEY, "key", "FILE",
     "show the key that belongs to this private one, which\n"
     "belay-keygen makes"},
    {SECURITY_PSK, "psk", "FILE",
     "a secret that the server must know, too, which\n"
     "'belay-keygen --psk' makes"},
    {SECURITY_INSECURE, "insecure", NULL, "no encryption; the server must say so, too"},
    {SECURITY_KEY_LOG, "key-log", "FILE",
     "append the secrets of the connection to FILE, to decrypt\n"
     "recorded packets with"},
    {CC, "cc", "NAME",
     "congestion controller of what this side sends: bbr, cubic\n"
     "or newreno [bbr]"},
    {PLAIN, "plain", NULL, "plain UDP instead of Belay, for any UDP echo server"},
    {TIMEOUT, "timeout", "SECONDS",
     "give up after so long without a reply [30; with --plain\n"
     "10, less once the round trip time is known]"},
    {'4', NULL, NULL, "IPv4 only"},
    {'6', NULL, NULL, "IPv6 only"},
    {JSON, "json", NULL, "print the summary as one JSON object, and nothing else"},
    {'q', "quiet", NULL, "print the summary of a series only"},
    {0, NULL, NULL, NULL},
};

static const struct program program = {
    .name = CLIENT_NAME,
    .synopsis = "[OPTION...] HOST[:PORT] [WORD...]",
    .about = "Sends messages to an echo server and checks what comes back: the WORDs as one\n"
             "message, or with --count a series. Default port 10000. Exit code 0: everything\n"
             "came back whole, once and (unless --unordered) in order; 1: not so; 2: usage.",
    .rows = rows,
};

struct arguments {
    bool series, has_channels;
    struct client_options client;
    char words[WORDS_MAX];
};

static void take_option(struct arguments *arguments, int key)
{
    struct client_options *client = &arguments->client;
    switch (key) {
    case COUNT:
        client->count = options_number(&program, "count", 1, COUNT_MAX);
        break;
    case SIZE:
        client->size = (size_t)options_number(&program, "size", 0, SIZE_MAX_ARG);
        break;
    case INTERVAL:
        client->interval_ns = options_time_ns(&program, "interval", 1000000, 3600000, false);
        break;
    case CHANNEL:
        client->channel_first = (unsigned)options_number(&program, "channel", 0, CHANNELS - 1);
        break;
    case CHANNEL_COUNT:
        client->channels = (unsigned)options_number(&program, "channels", 1, CHANNELS);
        break;
    case UNORDERED:
        client->transport.unordered = true;
        break;
    case CC:
        client->transport.congestion = options_congestion(&program, "cc");
        break;
    case PLAIN:
        client->kind = &transport_plain;
        break;
    case TIMEOUT:
        client->transport.timeout_ns =
            options_time_ns(&program, "timeout", 1000000000, 86400, true);
        break;
    case JSON:
        client->json = true;
        break;
    case 'q':
        client->quiet = true;
        break;
    case '4':
    case '6':
        if (client->transport.family != AF_UNSPEC)
            options_fail(&program, "-4 and -6 exclude each other: give one, or none for both");
        client->transport.family = key == '4' ? AF_INET : AF_INET6;
        break;
    default:
        security_take(&program, &client->transport.security, key);
    }
    arguments->series |= key == COUNT || key == SIZE || key == INTERVAL;
    arguments->has_channels |= key == CHANNEL || key == CHANNEL_COUNT;
}

static void join_words(struct arguments *arguments, char **words)
{
    size_t len = 0;
    for (char **word = words; *word; word++) {
        size_t part = strlen(*word);
        if (part + 2 > sizeof arguments->words - len)
            options_fail(&program, "the words are longer than %d bytes: use --size",
                         WORDS_MAX - 1);
        if (word != words)
            arguments->words[len++] = ' ';
        memcpy(arguments->words + len, *word, part + 1);
        len += part;
    }
}

static void take_message(struct arguments *arguments, char **words)
{
    struct client_options *client = &arguments->client;
    if (arguments->series && *words)
        options_fail(&program,
                     "'%s': --count, --size and --interval are for a series, which "
                     "makes its own messages: give them or WORDs",
                     *words);
    if (arguments->series) {
        client->count = client->count ? client->count : COUNT_SERIES;
    } else {
        join_words(arguments, words);
        client->text = *words ? arguments->words : TEXT_DEFAULT;
        client->size = strlen(client->text);
        client->count = 1;
    }
    client->transport.message_size = client->size;
    client->transport.paced = client->interval_ns > 0;
}

static void check(const struct arguments *arguments)
{
    const struct client_options *client = &arguments->client;
    if (client->kind == &transport_plain && arguments->has_channels)
        options_fail(&program, "--plain: plain UDP has no channels: leave --channel and "
                               "--channels out");
    if (client->kind == &transport_plain && client->transport.congestion)
        options_fail(&program, "--plain: plain UDP has no congestion control: leave --cc out");
    security_check_client(&program, &client->transport.security,
                          client->kind == &transport_plain);
    if (client->channel_first + client->channels > CHANNELS)
        options_fail(&program, "--channel %u --channels %u: the last channel is %d",
                     client->channel_first, client->channels, CHANNELS - 1);
    if (client->transport.address.port == 0)
        options_fail(&program, "'%s': the server's port is a number from 1 to 65535",
                     client->transport.target);
}

int main(int argc, char **argv)
{
    static struct arguments arguments = {
        .client = {.kind = &transport_belay, .size = SIZE_DEFAULT, .channels = 1},
    };
    struct client_options *client = &arguments.client;
    signal(SIGPIPE, SIG_IGN);
    for (int key; (key = options_next(&program, argc, argv)) != -1;)
        take_option(&arguments, key);

    if (optind == argc)
        options_fail(&program, "no HOST: say where the server is, as in localhost:10000");
    client->transport.program = CLIENT_NAME;
    client->transport.target = argv[optind];
    const char *wrong = address_parse(argv[optind], &client->transport.address);
    if (!wrong && client->transport.address.host[0] == '\0')
        wrong = "the host is missing, as in localhost:10000";
    if (wrong)
        options_fail(&program, "'%s': %s", argv[optind], wrong);
    take_message(&arguments, argv + optind + 1);
    check(&arguments);
    return options_finish(&program, client_run(client));
}
