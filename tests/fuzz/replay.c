/* replay.c - runs a target over files, and over all files of folders, in order of name. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

#define FILE_BYTES_MAX (1 << 20)
#define PATH_BYTES     4096

static size_t runs;

static bool run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(FILE_BYTES_MAX), *copy;
    size_t len;

    if (file == NULL || data == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        free(data);
        return false;
    }
    len = fread(data, 1, FILE_BYTES_MAX, file);
    fclose(file);
    copy = fuzz_copy(data, len); /* so that the sanitizer sees where it ends */
    free(data);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
    runs++;
    return true;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool run_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_shown, alphasort);
    bool good = true;

    if (count < 0)
        return run_file(path);
    for (int i = 0; i < count; i++) {
        char name[PATH_BYTES];

        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        good = run_file(name) && good;
        free(entries[i]);
    }
    free(entries);
    return good;
}

int main(int argc, char **argv)
{
    bool good = argc > 1;

    for (int i = 1; i < argc; i++)
        good = run_folder(argv[i]) && good;
    printf("%zu inputs\n", runs);
    return good && runs > 0 ? 0 : 1;
}
