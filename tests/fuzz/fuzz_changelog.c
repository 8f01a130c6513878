/* Goal: a changelog whose files were damaged opens to one of its checkpoints, whole, or says that it
 * is corrupt; a record that can be read is the record that was put.
 * Method: the input is a script: puts, tombstones, commits, abandons, syncs over small files; then
 * flipped bytes and cuts, with or without the checksum of a block made right again.  A copy of
 * the table at each commit is the other implementation. */
#include "fuzz.h"

#include "base/hash.h"
#include "eventlog/changelog.h"
#include "eventlog/chunk.h"
#include "io/file.h"

enum { KEYS = 8, TASK = 3, COMMITS_MAX = 64, OPS_MAX = 200, DAMAGES_MAX = 6, RECORD_HEAD = 8, SIZE_MAX_BYTES = 600 };

struct state {
    uint32_t versions[KEYS]; /* 0: never put */
    bool is_gone[KEYS];
};

struct loaded {
    changelog_place places[KEYS];
    uint32_t sizes[KEYS];
    enum changelog_kind kinds[KEYS];
};

static struct state checkpoints[COMMITS_MAX + 1]; /* 0: before the first */
static uint32_t checkpoint_count;
static char root[FUZZ_PATH_SIZE + 16], folder[FUZZ_PATH_SIZE + 32];
static bool is_forged;

static uint32_t make_record(char bytes[SIZE_MAX_BYTES], uint32_t key, uint32_t version)
{
    uint32_t size = RECORD_HEAD + (key * 131 + version * 37) % (SIZE_MAX_BYTES - RECORD_HEAD);

    memset(bytes, (int)(key + version), size);
    memcpy(bytes, &key, 4);
    memcpy(bytes + 4, &version, 4);
    return size;
}

static void load(void *context, enum changelog_kind kind, struct hash128 key, changelog_place place, uint32_t size,
                 int64_t deadline_ms)
{
    struct loaded *loaded = context;

    if (is_forged && (key.low >= KEYS || key.high != ~key.low))
        return;
    FUZZ_CHECK(key.low < KEYS && key.high == ~key.low);
    FUZZ_CHECK(is_forged || deadline_ms == (int64_t)key.low * 1000);
    loaded->places[key.low] = place;
    loaded->sizes[key.low] = size;
    loaded->kinds[key.low] = kind;
}

static struct changelog *open_changelog(struct loaded *loaded, uint64_t *position)
{
    struct changelog *changelog;
    struct problem problem = {0};

    *loaded = (struct loaded){0};
    enum status status = changelog_open(&changelog, root, TASK, 1500, load, loaded, position, &problem);
    if (status == STATUS_OK)
        return changelog;
    FUZZ_CHECK(status == STATUS_CORRUPT && problem.detail[0] != 0);
    return NULL;
}

static void put(struct changelog *changelog, struct state *state, uint32_t *version, uint8_t choice)
{
    char bytes[SIZE_MAX_BYTES];
    uint32_t key = choice % KEYS;
    bool is_gone = choice >= 224;
    changelog_place place;

    uint32_t size = make_record(bytes, key, ++*version);
    FUZZ_CHECK(changelog_put(changelog, is_gone ? CHANGELOG_TOMBSTONE : CHANGELOG_PROFILE, (struct hash128){key, ~(uint64_t)key},
                             (int64_t)key * 1000, slice_make(bytes, is_gone ? 0 : size), &place) == STATUS_OK);
    state->versions[key] = *version;
    state->is_gone[key] = is_gone;
}

static void build(struct fuzz_input *input)
{
    struct loaded loaded;
    struct state state = {0};
    uint64_t position;
    uint32_t version = 0;
    struct changelog *changelog = open_changelog(&loaded, &position);

    FUZZ_CHECK(changelog != NULL && position == 0);
    for (uint32_t i = 0; i < OPS_MAX && checkpoint_count < COMMITS_MAX; i++) {
        uint8_t op = fuzz_byte(input) % 16;
        if (op == 0)
            break;
        if (op < 9) {
            put(changelog, &state, &version, fuzz_byte(input));
        } else if (op < 13) {
            checkpoints[++checkpoint_count] = state;
            FUZZ_CHECK(changelog_commit(changelog, checkpoint_count * 10) == STATUS_OK);
        } else if (op == 13) {
            changelog_abandon(changelog);
            state = checkpoints[checkpoint_count];
        } else {
            FUZZ_CHECK(changelog_sync(changelog) == STATUS_OK);
        }
    }
    changelog_close(changelog);
}

/* Header and blocks: each gets the checksum of what stands there, and what is to stand there twice. */
static void forge(char *bytes, size_t size)
{
    if (size < CHUNK_FILE_HEADER)
        return;
    memcpy(bytes + offsetof(struct chunk_file_header, salt_again), bytes + offsetof(struct chunk_file_header, salt), 4);
    uint64_t sum = hash_checksum(bytes + CHUNK_PREFIX, CHUNK_FILE_HEADER - CHUNK_PREFIX);
    memcpy(bytes + 16, &sum, 8);
    for (size_t at = CHUNK_FILE_HEADER; at + sizeof(struct chunk_head) <= size;) {
        struct chunk_head head;
        memcpy(&head, bytes + at, sizeof head);
        uint64_t here = head.magic == 0x58494350 ? sizeof(struct chunk_summary) + 32 : chunk_bytes(&head); /* an index */
        if (here < sizeof head || here > size - at)
            return;
        if (head.magic != 0x58494350)
            memcpy(bytes + at + offsetof(struct chunk_head, type_again), &(uint32_t){head.type}, 4);
        sum = hash_checksum(bytes + at + CHUNK_PREFIX, here - CHUNK_PREFIX);
        memcpy(bytes + at + 16, &sum, 8);
        at += here;
    }
}

static bool damage(struct fuzz_input *input)
{
    struct file_list list;
    char path[FILE_PATH_SIZE];
    size_t size;

    uint8_t choice = fuzz_byte(input);
    FUZZ_CHECK(file_list(&list, folder, ".chg", NULL) == STATUS_OK);
    bool is_done = list.count > 0;
    if (is_done)
        FUZZ_CHECK(file_join(path, folder, list.names[(choice >> 3) % list.count], NULL) == STATUS_OK);
    file_list_fini(&list);
    if (!is_done)
        return false;
    char *bytes = fuzz_load(path, &size);
    size_t at = fuzz_u16(input);
    at = choice & 4 ? size - at % (size + 1) : at % (size + 1);
    uint8_t value = fuzz_byte(input);
    if (choice % 4 == 0)
        size = at;
    else if (choice % 4 == 1 && at < size)
        memset(bytes + at, value, size - at < 8 ? size - at : 8);
    else if (at < size)
        bytes[at] = (char)(bytes[at] ^ (value | 1));
    if (choice % 4 == 3) {
        forge(bytes, size);
        is_forged = true;
    }
    fuzz_store(path, bytes, size);
    free(bytes);
    return true;
}

static void check_records(struct changelog *changelog, const struct loaded *loaded, const struct state *state, bool is_damaged)
{
    char expected[SIZE_MAX_BYTES], *buffer = malloc(CHANGELOG_RECORD_MAX >> 8);

    for (uint32_t key = 0; key < KEYS; key++) {
        uint32_t size = 0;
        if (!is_forged)
            FUZZ_CHECK((loaded->places[key] != 0) == (state->versions[key] != 0));
        if (loaded->places[key] == 0)
            continue;
        enum status status = changelog_read(changelog, loaded->places[key], buffer, CHANGELOG_RECORD_MAX >> 8, &size);
        FUZZ_CHECK(status == STATUS_OK || is_damaged);
        if (is_forged)
            continue;
        FUZZ_CHECK((loaded->kinds[key] == CHANGELOG_TOMBSTONE) == state->is_gone[key]);
        uint32_t expected_size = make_record(expected, key, state->versions[key]);
        if (status == STATUS_OK && !state->is_gone[key])
            FUZZ_CHECK(size == expected_size && memcmp(buffer, expected, size) == 0);
    }
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct loaded loaded, again;
    uint64_t position, again_position;
    bool is_damaged = false;

    fuzz_quiet();
    snprintf(root, sizeof root, "%s/tasks", fuzz_directory());
    snprintf(folder, sizeof folder, "%s/changelog/%d", root, TASK);
    fuzz_remove(root);
    checkpoint_count = 0;
    is_forged = false;
    build(&input);
    for (uint32_t i = 0; i < DAMAGES_MAX && input.size > 0; i++)
        is_damaged |= damage(&input);
    struct changelog *changelog = open_changelog(&loaded, &position);
    FUZZ_CHECK(changelog != NULL || is_damaged);
    if (changelog == NULL)
        return 0;
    FUZZ_CHECK(is_forged || (position % 10 == 0 && position / 10 <= checkpoint_count));
    FUZZ_CHECK(is_damaged || position == checkpoint_count * 10);
    check_records(changelog, &loaded, &checkpoints[is_forged ? 0 : position / 10], is_damaged);
    changelog_close(changelog);
    /* What one opening gave, the next one gives. */
    changelog = open_changelog(&again, &again_position);
    FUZZ_CHECK(changelog != NULL || is_forged);
    if (changelog == NULL)
        return 0;
    FUZZ_CHECK(is_forged || (again_position == position && memcmp(again.places, loaded.places, sizeof again.places) == 0));
    changelog_close(changelog);
    return 0;
}
