/*
 * seeds.c - writes the first inputs of every target, by the builders and from true connections:
 *
 *     fuzz_seeds DIR          to DIR/TARGET/NAME; the same bytes every time
 *
 * The tests run them all. corpus/ has those that reach what others do not, by their names, and
 * beside them what fuzzers found (run.sh --keep), by its hash.
 */
#include "seeds.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "seed_texts.h"

static const char *folder;

/* ------------------------------------------------------------------ files */

static void make_folder(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
}

void seed_write(const char *target, const char *name, const void *bytes, size_t len)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, target);
    make_folder(path);
    snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name);
    file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
}

struct belay_writer *seed_begin(struct seed *seed)
{
    belay_writer_init(&seed->w, seed->bytes, sizeof(seed->bytes));
    return &seed->w;
}

void seed_end(struct seed *seed, const char *target, const char *name)
{
    FUZZ_CHECK(!seed->w.bad);
    seed_write(target, name, seed->bytes, (size_t)(seed->w.at - seed->bytes));
}

/* ------------------------------------------------------------------ netsim's texts */

static void text_seeds(void)
{
    char name[32], text[SEED_BYTES];

    for (size_t i = 0; seed_texts[i].target != NULL; i++) {
        size_t len = strlen(seed_texts[i].text);

        snprintf(name, sizeof(name), "text-%02zu", i);
        if (strcmp(seed_texts[i].target, "words") == 0 ||
            strcmp(seed_texts[i].target, "table") == 0) {
            seed_write(seed_texts[i].target, name, seed_texts[i].text, len);
            continue;
        }
        text[0] = (char)255; /* memory does not fail */
        FUZZ_CHECK(len < sizeof(text));
        memcpy(text + 1, seed_texts[i].text, len);
        seed_write(seed_texts[i].target, name, text, len + 1);
        snprintf(name, sizeof(name), "text-%02zu-no-memory", i);
        text[0] = (char)(i % 4);
        if (i % 4 == 1)
            seed_write(seed_texts[i].target, name, text, len + 1);
    }
    for (uint8_t i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "formula-%u", i);
        seed_write("table", name, &i, 1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz_seeds DIR\n");
        return 2;
    }
    folder = argv[1];
    make_folder(folder);
    seeds_packets();
    seeds_frames();
    seeds_record();
    seeds_peer();
    seeds_inbox();
    seeds_core();
    text_seeds();
    return 0;
}
