#include "io/http_exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/http_target.h"

enum { SPARE_MAX = 64, ANSWER_KEPT_MAX = 64 * 1024, ARENA_ALIGNMENT = 64 };

/* Not arena_init: it touches every page, and thousands of slow connections may hold an
 * exchange each while their bodies arrive. */
static struct http_exchange *create(size_t arena_bytes)
{
    struct http_exchange *exchange = malloc(sizeof *exchange);
    size_t bytes = (arena_bytes + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);

    if (exchange == NULL)
        return NULL;
    memset(exchange, 0, offsetof(struct http_exchange, header_text));
    exchange->arena = (struct arena){.base = aligned_alloc(ARENA_ALIGNMENT, bytes), .size = bytes};
    if (exchange->arena.base != NULL)
        return exchange;
    free(exchange);
    return NULL;
}

void http_exchange_destroy(struct http_exchange *exchange)
{
    arena_fini(&exchange->arena);
    free(exchange->answer);
    free(exchange);
}

void http_exchange_pool_fini(struct http_exchange_pool *pool)
{
    while (pool->spare != NULL) {
        struct http_exchange *exchange = pool->spare;
        pool->spare = exchange->next;
        http_exchange_destroy(exchange);
    }
    pool->spare_count = 0;
}

static void read_target(struct http_exchange *exchange, struct slice target)
{
    struct http_request *request = &exchange->request;
    struct slice kept = arena_copy(&exchange->arena, target);
    struct slice authority;

    exchange->is_target_bad = kept.data == NULL ||
                              !http_target_split(kept, &authority, &request->path, &exchange->query) ||
                              !http_target_segments(&exchange->arena, request->path, request->segments,
                                                    HTTP_SEGMENTS_MAX, &request->segment_count);
}

struct http_exchange *http_exchange_acquire(struct http_exchange_pool *pool, struct slice target)
{
    struct http_exchange *exchange = pool->spare;

    if (exchange != NULL) {
        struct arena arena = exchange->arena;
        char *answer = exchange->answer;
        size_t capacity = exchange->answer_capacity;
        pool->spare = exchange->next;
        pool->spare_count--;
        memset(exchange, 0, offsetof(struct http_exchange, problem));
        exchange->next_woken = exchange->next = exchange->previous = NULL;
        exchange->header_count = exchange->header_used = 0;
        exchange->arena = arena;
        exchange->answer = answer;
        exchange->answer_capacity = capacity;
        arena_reset(&exchange->arena);
    } else {
        exchange = create(pool->arena_bytes);
        if (exchange == NULL)
            return NULL;
    }
    exchange->request.arena = &exchange->arena;
    read_target(exchange, target);
    return exchange;
}

void http_exchange_release(struct http_exchange *exchange, struct http_exchange_pool *pool)
{
    ASSERT(!exchange->is_suspended && exchange->body.data == NULL);
    if (pool->spare_count >= SPARE_MAX) {
        http_exchange_destroy(exchange);
        return;
    }
    if (exchange->answer_capacity > ANSWER_KEPT_MAX) {
        free(exchange->answer);
        exchange->answer = NULL;
        exchange->answer_capacity = 0;
    }
    exchange->next = pool->spare;
    pool->spare = exchange;
    pool->spare_count++;
}

static const char *keep_text(struct http_exchange *exchange, const char *text)
{
    size_t size = strlen(text) + 1;
    char *place = exchange->header_text + exchange->header_used;

    ASSERT(size <= sizeof exchange->header_text - exchange->header_used);
    memcpy(place, text, size);
    exchange->header_used += (uint32_t)size;
    return place;
}

void http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value)
{
    ASSERT(exchange->header_count < HTTP_EXCHANGE_HEADERS_MAX);
    exchange->headers[exchange->header_count].name = keep_text(exchange, name);
    exchange->headers[exchange->header_count].value = keep_text(exchange, value);
    exchange->header_count++;
}

bool http_exchange_has_header(const struct http_exchange *exchange, const char *name)
{
    for (uint32_t i = 0; i < exchange->header_count; i++)
        if (strcasecmp(exchange->headers[i].name, name) == 0)
            return true;
    return false;
}

struct slice http_exchange_keep(struct http_exchange *exchange, struct slice body)
{
    const struct arena *arena = &exchange->arena;

    if (body.size == 0)
        return slice_of("");
    if ((uintptr_t)body.data >= (uintptr_t)arena->base && (uintptr_t)body.data < (uintptr_t)arena->base + arena->used)
        return body;
    if (body.size > exchange->answer_capacity) {
        size_t capacity = exchange->answer_capacity ? exchange->answer_capacity : 4096;
        while (capacity < body.size)
            capacity *= 2;
        char *wider = realloc(exchange->answer, capacity);
        if (wider == NULL)
            return (struct slice){NULL, 0};
        exchange->answer = wider;
        exchange->answer_capacity = capacity;
    }
    memcpy(exchange->answer, body.data, body.size);
    return slice_make(exchange->answer, body.size);
}
