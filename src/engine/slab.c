#include "engine/slab.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/shared.h"

enum {
    CHUNK_BYTES = 2 * 1024 * 1024,
    RUN_BYTES = 64 * 1024,
    RUNS = CHUNK_BYTES / RUN_BYTES,
    HEADER_BYTES = 4096,
    CLASS_MAX = 48,
    CLASS_NONE = 255,
    EVICT_RUNS = 16,    /* runs offered per run taken under pressure: a bound on the pause */
    POOL_LOW = 8,       /* at the budget, offering starts with so many runs left: two passes over what was used lately */
};

struct run {
    struct run *next, *previous; /* runs of the class with room, or the pool */
    uint32_t free_first;         /* offset in the chunk of the first free item; 0: none */
    uint32_t fresh;              /* offset of the first item never taken */
    uint32_t end;                /* offset behind the last item */
    uint16_t used;
    uint8_t class;
    uint8_t is_listed;
};

struct chunk {
    struct run runs[RUNS];
};

static_assert(sizeof(struct chunk) <= HEADER_BYTES, "the header fits before run 0");

struct slab {
    uint64_t budget_bytes;
    slab_evict *evict;
    slab_is_taken *is_taken;
    void *context;
    struct run *with_room[CLASS_MAX];
    struct run *pool;
    uint32_t pool_count;
    struct chunk **chunks;
    uint64_t chunk_count, chunk_capacity;
    uint64_t hand;     /* run number where the last eviction ended */
    uint64_t bytes;    /* shared */
    uint64_t evictions; /* shared */
};

/* Sizes: 64 apart to 512, 128 to 1024, 256 to 2048, then 1 KiB to 8 KiB, 4 KiB beyond. */
static const struct { uint32_t from, step; } steps[] = {{64, 64}, {512, 128}, {1024, 256}, {2048, 1024}, {8192, 4096}};

static uint32_t round_up(uint32_t size, uint32_t step)
{
    return (size + step - 1) / step * step;
}

uint32_t slab_class_bytes(uint32_t size)
{
    uint32_t i = sizeof steps / sizeof steps[0] - 1;

    ASSERT(size <= SLAB_ITEM_MAX);
    while (i > 0 && size <= steps[i].from)
        i--;
    return size <= steps[0].from ? steps[0].from : round_up(size, steps[i].step);
}

static uint8_t class_of(uint32_t bytes)
{
    if (bytes <= 512)
        return (uint8_t)(bytes / 64 - 1);
    if (bytes <= 1024)
        return (uint8_t)(8 + (bytes - 512) / 128 - 1);
    if (bytes <= 2048)
        return (uint8_t)(12 + (bytes - 1024) / 256 - 1);
    if (bytes <= 8192)
        return (uint8_t)(16 + (bytes - 2048) / 1024 - 1);
    return (uint8_t)(22 + (bytes - 8192) / 4096 - 1);
}

static uint32_t class_bytes(uint8_t class)
{
    if (class < 8)
        return (class + 1u) * 64;
    if (class < 12)
        return 512 + (class - 7u) * 128;
    if (class < 16)
        return 1024 + (class - 11u) * 256;
    if (class < 22)
        return 2048 + (class - 15u) * 1024;
    return 8192 + (class - 21u) * 4096;
}

static struct chunk *chunk_of(const void *inside)
{
    return (struct chunk *)((uintptr_t)inside & ~((uintptr_t)CHUNK_BYTES - 1));
}

static uint32_t run_begin(const struct run *run)
{
    uint32_t number = (uint32_t)(run - chunk_of(run)->runs);
    return number == 0 ? HEADER_BYTES : number * RUN_BYTES;
}

static void list_add(struct run **list, struct run *run)
{
    run->previous = NULL;
    run->next = *list;
    if (*list != NULL)
        (*list)->previous = run;
    *list = run;
    run->is_listed = 1;
}

static void list_remove(struct run **list, struct run *run)
{
    if (run->previous != NULL)
        run->previous->next = run->next;
    else
        *list = run->next;
    if (run->next != NULL)
        run->next->previous = run->previous;
    run->is_listed = 0;
}

enum status slab_create(struct slab **out, uint64_t budget_bytes, slab_evict *evict, slab_is_taken *is_taken, void *context)
{
    struct slab *slab = calloc(1, sizeof *slab);

    if (slab == NULL)
        return STATUS_MEMORY;
    slab->budget_bytes = budget_bytes;
    slab->evict = evict;
    slab->is_taken = is_taken;
    slab->context = context;
    *out = slab;
    return STATUS_OK;
}

void slab_destroy(struct slab *slab)
{
    if (slab == NULL)
        return;
    for (uint64_t i = 0; i < slab->chunk_count; i++)
        munmap(slab->chunks[i], CHUNK_BYTES);
    free(slab->chunks);
    free(slab);
}

/* Maps twice the size and gives back what is before and behind the aligned half. */
static void *map_aligned(void)
{
    char *wide = mmap(NULL, 2 * CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (wide == MAP_FAILED)
        return NULL;
    size_t before = (CHUNK_BYTES - (uintptr_t)wide % CHUNK_BYTES) % CHUNK_BYTES;
    if (before > 0)
        munmap(wide, before);
    munmap(wide + before + CHUNK_BYTES, CHUNK_BYTES - before);
    return wide + before;
}

static bool add_chunk(struct slab *slab)
{
    if (slab->chunk_count == slab->chunk_capacity) {
        uint64_t capacity = slab->chunk_capacity == 0 ? 64 : slab->chunk_capacity * 2;
        struct chunk **chunks = realloc(slab->chunks, capacity * sizeof *chunks);
        if (chunks == NULL)
            return false;
        slab->chunks = chunks;
        slab->chunk_capacity = capacity;
    }
    struct chunk *chunk = map_aligned();
    if (chunk == NULL)
        return false;
    /* The first chunk stays in small pages: a small installation takes what it touches. */
    if (slab->chunk_count > 0)
        madvise(chunk, CHUNK_BYTES, MADV_HUGEPAGE);
    slab->chunks[slab->chunk_count++] = chunk;
    SHARED_ADD(slab->bytes, CHUNK_BYTES);
    for (uint32_t i = RUNS; i-- > 0;) {
        chunk->runs[i].class = CLASS_NONE;
        list_add(&slab->pool, &chunk->runs[i]);
    }
    slab->pool_count += RUNS;
    return true;
}

static void give_to_run(struct slab *slab, struct run *run, void *item)
{
    struct chunk *chunk = chunk_of(run);
    uint32_t offset = (uint32_t)((char *)item - (char *)chunk);

    ASSERT(run->used > 0 && (offset - run_begin(run)) % class_bytes(run->class) == 0);
    SHARED_STORE(((uint64_t *)item)[1], (uint64_t)run->free_first);
    run->free_first = offset;
    run->used--;
    if (run->used > 0) {
        if (!run->is_listed)
            list_add(&slab->with_room[run->class], run);
        return;
    }
    if (run->is_listed)
        list_remove(&slab->with_room[run->class], run);
    run->class = CLASS_NONE;
    list_add(&slab->pool, run);
    slab->pool_count++;
}

void slab_give(struct slab *slab, void *item)
{
    struct chunk *chunk = chunk_of(item);
    give_to_run(slab, &chunk->runs[((uintptr_t)item - (uintptr_t)chunk) / RUN_BYTES], item);
}

/* Offers every item of the next runs; stops as soon as enough runs are free. */
static void evict_some(struct slab *slab)
{
    for (uint32_t n = 0; n < EVICT_RUNS && slab->pool_count < POOL_LOW && slab->chunk_count > 0; n++) {
        uint64_t number = slab->hand++ % (slab->chunk_count * RUNS);
        struct chunk *chunk = slab->chunks[number / RUNS];
        struct run *run = &chunk->runs[number % RUNS];
        if (run->class == CLASS_NONE)
            continue;
        uint32_t bytes = class_bytes(run->class), fresh = run->fresh;
        for (uint32_t offset = run_begin(run); offset < fresh; offset += bytes) {
            void *item = (char *)chunk + offset;
            if (!slab->is_taken(item) || !slab->evict(slab->context, item))
                continue;
            give_to_run(slab, run, item);
            SHARED_ADD(slab->evictions, 1);
        }
    }
}

static struct run *run_with_room(struct slab *slab, uint8_t class)
{
    if (slab->with_room[class] != NULL)
        return slab->with_room[class];
    if (slab->pool_count < POOL_LOW && slab->bytes + CHUNK_BYTES > slab->budget_bytes)
        evict_some(slab);
    if (slab->with_room[class] != NULL)
        return slab->with_room[class];
    if (slab->pool == NULL && !add_chunk(slab))
        return NULL;
    struct run *run = slab->pool;
    list_remove(&slab->pool, run);
    slab->pool_count--;
    uint32_t begin = run_begin(run), room = (uint32_t)(run - chunk_of(run)->runs + 1) * RUN_BYTES - begin;
    run->class = class;
    run->used = 0;
    run->free_first = 0;
    run->fresh = begin;
    run->end = begin + room / class_bytes(class) * class_bytes(class);
    list_add(&slab->with_room[class], run);
    return run;
}

void *slab_take(struct slab *slab, uint32_t size)
{
    uint8_t class = class_of(slab_class_bytes(size));
    struct run *run = run_with_room(slab, class);

    if (run == NULL)
        return NULL;
    char *item;
    if (run->free_first != 0) {
        item = (char *)chunk_of(run) + run->free_first;
        run->free_first = (uint32_t)SHARED_LOAD(((uint64_t *)item)[1]);
    } else {
        item = (char *)chunk_of(run) + run->fresh;
        run->fresh += class_bytes(class);
    }
    run->used++;
    if (run->free_first == 0 && run->fresh == run->end)
        list_remove(&slab->with_room[class], run);
    return item;
}

uint64_t slab_bytes(const struct slab *slab)
{
    return SHARED_LOAD(slab->bytes);
}

uint64_t slab_evictions(const struct slab *slab)
{
    return SHARED_LOAD(slab->evictions);
}

bool slab_is_over(const struct slab *slab)
{
    return SHARED_LOAD(slab->bytes) > slab->budget_bytes;
}
