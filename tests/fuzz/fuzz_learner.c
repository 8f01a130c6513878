/* Goal: a learner's checkpoint that was damaged is passed over; what is mapped is the model that
 * was written, or none.
 * Method: two checkpoints of a small model are written once, through the keeper.  The input flips
 * and overwrites bytes of the two files, most of them in the header, with or without its
 * checksum made right again; afterwards the files are restored.  Unforged, the hash of what was
 * opened must be one of the two that were written. */
#include "fuzz.h"

#include "base/hash.h"
#include "engine/learner_file.h"
#include "model/content_table.h"

enum { FILES = 2, PAGE = 4096, CONTENTS = 40, DAMAGES_MAX = 8, CHECKSUM_AT = 16 };

static char root[FUZZ_PATH_SIZE + 16], paths[FILES][FUZZ_PATH_SIZE + 32];
static char *originals[FILES];
static size_t sizes[FILES];
static uint64_t hashes[FILES];
static struct hash_key key;

static void write_checkpoint(struct learner_file *file)
{
    learner_file_prepare(file);
    learner_file_wait(file);
    FUZZ_CHECK(learner_file_write(file));
    learner_file_wait(file);
}

static void set_up(void)
{
    struct model_parameters parameters = {.contents_max = 64, .sessions_max = 64, .categories_max = 16, .probation_users = 2,
                                          .content_bytes = 64, .category_bytes = 64, .global_bytes = 64, .layout_bytes = 64};
    struct learner_file *file;
    struct model *model, *mapped;

    snprintf(root, sizeof root, "%s/learner", fuzz_directory());
    FUZZ_CHECK(learner_file_open(&file, root, &key, &mapped, NULL) == STATUS_OK && mapped == NULL);
    FUZZ_CHECK(model_create(&model, &parameters) == STATUS_OK);
    FUZZ_CHECK(learner_file_start(file, model, NULL) == STATUS_OK);
    for (uint32_t c = 0; c < CONTENTS; c++) {
        char id[16];
        uint32_t id_size = (uint32_t)snprintf(id, sizeof id, "content-%u", c);
        uint32_t slot = content_table_take(model, slice_make(id, id_size), hash_64(&key, id, id_size), 1000 + c);
        content_table_note(model, slot, 1 + c % 5, 1000 + c);
        model_set_position(model, 0, c + 1);
        if (c == CONTENTS / 2 || c == CONTENTS - 1) {
            hashes[c == CONTENTS - 1] = model_hash(model);
            write_checkpoint(file);
        }
    }
    learner_file_stop(file, false);
    learner_file_close(file);
    model_destroy(model);
    for (uint32_t i = 0; i < FILES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%u.ckp", root, i);
        originals[i] = fuzz_load(paths[i], &sizes[i]);
    }
}

static void write_at(uint32_t which, const char *bytes, size_t size, size_t at)
{
    int fd = open(paths[which], O_WRONLY | O_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && pwrite(fd, bytes, size, (off_t)at) == (ssize_t)size);
    close(fd);
}

/* Overwrites 8 bytes somewhere; returns where. */
static size_t damage(struct fuzz_input *input, char pages[FILES][PAGE], uint32_t *which)
{
    uint8_t choice = fuzz_byte(input);
    size_t at = fuzz_u16(input);
    char bytes[8];

    *which = choice & 1;
    at = choice & 2 ? at * 61 % (sizes[*which] - 8) : at % (choice & 4 ? 512 : PAGE - 8);
    memcpy(bytes, originals[*which] + at, 8);
    if (choice & 8) {
        bytes[0] = (char)(bytes[0] ^ (1 << (choice >> 5)));
    } else {
        uint32_t value = fuzz_u16(input);
        memset(bytes, choice & 16 ? 0xff : 0, 8);
        memcpy(bytes, &value, 4);
    }
    if (at + 8 <= PAGE)
        memcpy(pages[*which] + at, bytes, 8);
    write_at(*which, bytes, 8, at);
    return at;
}

static void forge(uint32_t which, char page[PAGE])
{
    uint64_t sum = 0;
    memcpy(page + CHECKSUM_AT, &sum, 8);
    sum = hash_checksum(page, PAGE);
    memcpy(page + CHECKSUM_AT, &sum, 8);
    write_at(which, page, PAGE, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char pages[FILES][PAGE];
    struct fuzz_input input = {data, size};
    size_t at[DAMAGES_MAX];
    uint32_t which[DAMAGES_MAX], count = 0;
    struct learner_file *file;
    struct model *model;
    const char *what;

    fuzz_quiet();
    if (originals[0] == NULL) {
        hash_key_init(&key, (const unsigned char *)"0123456789abcdef");
        set_up();
    }
    for (uint32_t i = 0; i < FILES; i++)
        memcpy(pages[i], originals[i], PAGE);
    uint8_t forged = fuzz_byte(&input) & 3;
    for (; count < DAMAGES_MAX && input.size > 0; count++)
        at[count] = damage(&input, pages, &which[count]);
    for (uint32_t i = 0; i < FILES; i++)
        if (forged >> i & 1)
            forge(i, pages[i]);
    FUZZ_CHECK(learner_file_open(&file, root, &key, &model, NULL) == STATUS_OK);
    FUZZ_CHECK(model != NULL || count > 0);
    if (model != NULL) {
        bool is_sound = model_check(model, &what);
        uint64_t hash = forged ? 0 : model_hash(model);
        FUZZ_CHECK(forged || (is_sound && (hash == hashes[0] || hash == hashes[1])));
        FUZZ_CHECK(count > 0 || hash == hashes[1] || forged);
        FUZZ_CHECK(forged || learner_file_newest(file) == model_position(model, 0));
    }
    learner_file_close(file);
    model_destroy(model);
    for (uint32_t i = 0; i < count; i++)
        write_at(which[i], originals[which[i]] + at[i], 8, at[i]);
    for (uint32_t i = 0; i < FILES; i++)
        write_at(i, originals[i], PAGE, 0);
    return 0;
}
