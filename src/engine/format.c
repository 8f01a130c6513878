#include "engine/format.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "io/file.h"

enum { FORMAT_SIZE_MAX = 4096 };

static const char first_line[] = "penchant data directory";

/* Nothing but what any fresh directory may hold. */
static bool is_empty(const char *dir)
{
    static const char *const harmless[] = {".", "..", "LOCK", "FORMAT.tmp", "lost+found"};
    DIR *handle = opendir(dir);
    bool is_only_harmless = handle != NULL;

    for (struct dirent *entry; is_only_harmless && (entry = readdir(handle)) != NULL;) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
            is_known |= strcmp(entry->d_name, harmless[i]) == 0;
        is_only_harmless = is_known;
    }
    if (handle != NULL)
        closedir(handle);
    return is_only_harmless;
}

static void set_fix(struct problem *problem, const char *fix)
{
    if (problem != NULL)
        snprintf(problem->fix, sizeof problem->fix, "%s", fix);
}

/* Looked at before anything is made in it: a foreign directory is left as it is. */
static enum status refuse_foreign(const char *dir, struct problem *problem)
{
    char path[FILE_PATH_SIZE];
    enum status status = file_join(path, dir, "FORMAT", problem);

    if (status != STATUS_OK || file_exists(path) || is_empty(dir))
        return status;
    problem_set(problem, STATUS_FORMAT, "%s holds files but no FORMAT: it is not a data directory of penchant", dir);
    set_fix(problem, "point --data at an empty directory, or at one that penchant made");
    return STATUS_FORMAT;
}

static enum status make(struct format *format, const char *dir, const char *path, uint32_t partitions, struct problem *problem)
{
    char text[FORMAT_SIZE_MAX], key[2 * FORMAT_KEY_BYTES + 1];

    if (getrandom(format->key, sizeof format->key, 0) != (ssize_t)sizeof format->key)
        return problem_set(problem, STATUS_IO, "the system gave no random key for %s", dir);
    for (int i = 0; i < FORMAT_KEY_BYTES; i++)
        snprintf(key + 2 * i, 3, "%02x", format->key[i]);
    format->layout = FORMAT_LAYOUT;
    format->partitions = partitions;
    snprintf(text, sizeof text, "%s\nlayout %u\npartitions %u\nkey %s\n", first_line, format->layout, partitions, key);
    return file_replace(path, slice_of(text), problem);
}

static bool parse_key(const char *text, unsigned char *key)
{
    for (int i = 0; i < FORMAT_KEY_BYTES; i++) {
        unsigned value;
        if (sscanf(text + 2 * i, "%2x", &value) != 1)
            return false;
        key[i] = (unsigned char)value;
    }
    return true;
}

static enum status parse(struct format *format, const char *text, const char *path, struct problem *problem)
{
    char key[2 * FORMAT_KEY_BYTES + 1];
    size_t first = sizeof first_line - 1;

    if (strncmp(text, first_line, first) != 0 || sscanf(text + first, "\nlayout %u\n", &format->layout) != 1) {
        problem_set(problem, STATUS_FORMAT, "%s does not begin as penchant writes it", path);
        set_fix(problem, "point --data at an empty directory, or at one that penchant made");
        return STATUS_FORMAT;
    }
    if (format->layout != FORMAT_LAYOUT) {
        problem_set(problem, STATUS_FORMAT, "%s says layout %u; this version of penchant reads layout %d", path, format->layout, FORMAT_LAYOUT);
        set_fix(problem, "start the version that wrote the directory, or point --data at another one");
        return STATUS_FORMAT;
    }
    if (sscanf(text + first, "\nlayout %*u\npartitions %u\nkey %32[0-9a-f]\n", &format->partitions, key) != 2 ||
        strlen(key) != 2 * FORMAT_KEY_BYTES || !parse_key(key, format->key))
        return problem_set(problem, STATUS_FORMAT, "%s is damaged: its lines are layout, partitions, key", path);
    return STATUS_OK;
}

static enum status read_or_make(struct format *format, const char *dir, uint32_t partitions, struct problem *problem)
{
    char path[FILE_PATH_SIZE], *text = NULL;
    size_t size = 0;
    enum status status = file_join(path, dir, "FORMAT", problem);

    if (status != STATUS_OK)
        return status;
    if (!file_exists(path))
        return make(format, dir, path, partitions, problem);
    status = file_read_small(path, FORMAT_SIZE_MAX, &text, &size, problem);
    if (status != STATUS_OK)
        return status;
    status = parse(format, text, path, problem);
    free(text);
    if (status != STATUS_OK || format->partitions == partitions)
        return status;
    problem_set(problem, STATUS_SETTING, "engine.partitions is %u, but %s was made with %u", partitions, dir, format->partitions);
    if (problem != NULL)
        snprintf(problem->fix, sizeof problem->fix, "set engine.partitions to %u, or point --data at an empty directory", format->partitions);
    return STATUS_SETTING;
}

enum status format_open(struct format *format, const char *dir, uint32_t partitions, struct problem *problem)
{
    char path[FILE_PATH_SIZE];

    *format = (struct format){.lock = -1};
    enum status status = file_make_directory(dir, problem);
    if (status == STATUS_OK)
        status = refuse_foreign(dir, problem);
    if (status == STATUS_OK)
        status = file_join(path, dir, "LOCK", problem);
    if (status == STATUS_OK)
        status = file_lock(&format->lock, path, problem);
    if (status == STATUS_OK)
        status = read_or_make(format, dir, partitions, problem);
    if (status != STATUS_OK)
        format_close(format);
    return status;
}

void format_close(struct format *format)
{
    if (format->lock >= 0)
        file_close(&format->lock);
    format->lock = -1;
}
