/* The words of a link: what parses is written, read again, and is the same link. */
#include "fuzz.h"

#include "netsim/model/words.h"

static void check_error(const struct netsim_words_error *error, const char *text)
{
    FUZZ_CHECK(error->len >= 1 && error->at <= strlen(text));
    FUZZ_CHECK(error->text[0] != '\0' && memchr(error->text, 0, sizeof(error->text)) != NULL);
    FUZZ_CHECK(memchr(error->hint, 0, sizeof(error->hint)) != NULL);
}

/* What the notes say may be about how it was written; the link is the rest. */
static void check_written(const struct netsim_words *words)
{
    struct netsim_words again;
    struct netsim_words_error error;
    size_t len = netsim_words_format(words, NULL, 0);
    char *text = malloc(len + 1), *same = malloc(len + 1);

    FUZZ_CHECK(text != NULL && same != NULL);
    FUZZ_CHECK(netsim_words_format(words, text, len + 1) == len && strlen(text) == len);
    FUZZ_CHECK(netsim_words_parse(&again, text, &error) == 0);
    FUZZ_CHECK(netsim_words_format(&again, same, len + 1) == len);
    FUZZ_CHECK(strcmp(text, same) == 0);
    FUZZ_CHECK(again.delay_ns == words->delay_ns && again.loss == words->loss);
    FUZZ_CHECK(again.rate_bytes_per_s == words->rate_bytes_per_s &&
               again.drops == words->drops);
    free(text);
    free(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct netsim_words_error error;
    struct netsim_words words, clean;

    netsim_words_init(&clean);
    if (netsim_words_parse(&words, text, &error) == 0) {
        check_written(&words);
        for (unsigned i = 0; netsim_words_note(&words, i) != NULL; i++)
            FUZZ_CHECK(i < 64);
        netsim_words_extension(&words);
        FUZZ_PLANT(words.delay_ns > INT64_C(2000000000));
    } else {
        check_error(&error, text);
        FUZZ_CHECK(memcmp(&words, &clean, sizeof(words)) == 0);
    }
    FUZZ_CHECK((netsim_words_parse(&words, text, NULL) == 0) ==
               (netsim_words_parse(&clean, text, &error) == 0));
    free(text);
    return 0;
}
