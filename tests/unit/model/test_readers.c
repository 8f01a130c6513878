/* Goal: whoever reads beside the writer never takes one content for another.
 * Method: a writer makes four times as many contents as there are slots, again and again, so that slots
 * change hands all the time; readers follow references they once saw and look keys up, and
 * hold id, key and name against each other.  Run it under the thread sanitizer too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/rng.h"
#include "model/content_table.h"
#include "model/session_index.h"

enum { CONTENTS = 64, NAMES = 4 * CONTENTS, WRITES = 60000, READERS = 2 };

static struct model *model;
static uint32_t is_done;
static uint64_t wrong, right;

static uint64_t key_of(uint32_t name)
{
    return hash_mix(name + 1);
}

static uint32_t id_of(uint32_t name, char id[128])
{
    /* Long ids, so that a copy takes a while. */
    int size = snprintf(id, 128, "content-%u-%0100u", name, name);
    return (uint32_t)size;
}

static void *write_contents(void *context)
{
    struct rng rng;
    char id[128];
    (void)context;
    rng_init(&rng, 1, 0);
    for (uint32_t i = 0; i < WRITES; i++) {
        uint32_t name = (uint32_t)rng_below(&rng, NAMES), size = id_of(name, id);
        uint32_t slot = content_table_take(model, slice_make(id, size), key_of(name), 1000LL * i);
        session_index_step(model, 1 + i / 4, slot, 1000LL * i, true);
    }
    __atomic_store_n(&is_done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* A name is behind the copy's key; its id must be the copy's. */
static void compare(const struct content_copy *copy, uint32_t name)
{
    char id[128];
    uint32_t size = id_of(name, id);
    bool is_right = copy->key == key_of(name) && copy->id_size == size && memcmp(copy->id, id, size) == 0;
    count(is_right ? &right : &wrong);
}

static void *read_contents(void *context)
{
    struct rng rng;
    uint32_t references[NAMES] = {0};
    rng_init(&rng, 2, *(const uint64_t *)context);
    while (!__atomic_load_n(&is_done, __ATOMIC_ACQUIRE)) {
        uint32_t name = (uint32_t)rng_below(&rng, NAMES);
        uint32_t slot = model_content_find(model, key_of(name));
        struct content_copy copy;
        if (references[name] != 0 && content_table_copy(model, references[name], &copy))
            compare(&copy, name);
        references[name] = 0;
        if (slot == MODEL_NONE)
            continue;
        uint32_t reference = content_table_reference(model, slot);
        /* The slot may be another's by now; then the copy says so by its key. */
        if (content_table_copy(model, reference, &copy) && copy.key == key_of(name)) {
            compare(&copy, name);
            references[name] = reference;
        }
        uint32_t number = session_index_find(model, 1 + rng_below(&rng, WRITES / 4));
        if (number != 0 && SHARED_LOAD(model->sessions[number & model->session_mask][0]) != 0)
            count(&right);
    }
    return NULL;
}

static void readers_never_mix_contents(void **state)
{
    (void)state;
    pthread_t writer, readers[READERS];
    uint64_t streams[READERS];
    const struct model_parameters parameters = {
        .contents_max = CONTENTS, .sessions_max = 64, .categories_max = 16, .probation_users = 1, .content_bytes = 64,
    };
    assert_int_equal(model_create(&model, &parameters), STATUS_OK);
    for (uint32_t i = 0; i < READERS; i++) {
        streams[i] = i;
        assert_int_equal(pthread_create(&readers[i], NULL, read_contents, &streams[i]), 0);
    }
    assert_int_equal(pthread_create(&writer, NULL, write_contents, NULL), 0);
    pthread_join(writer, NULL);
    for (uint32_t i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    print_message("# %lu reads right, %lu wrong\n", (unsigned long)right, (unsigned long)wrong);
    assert_int_equal(wrong, 0);
    assert_true(right > 0);
    assert_true(model->state->evictions > CONTENTS);
    model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(readers_never_mix_contents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
