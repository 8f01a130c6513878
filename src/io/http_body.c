#define ZLIB_CONST
#include "io/http_body.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    CLASS_SHIFT = 12,               /* the smallest buffer is 4 KiB, the largest 2 GiB */
    INFLATER_BYTES = 48 * 1024,     /* inflateInit2 with a window of 32 KiB: about 40 KiB */
    SPARE_INFLATERS_MAX = 16,
    GZIP_WINDOW = 15 + 16,          /* zlib: 16 asks for the gzip wrapping alone */
};

struct http_body_block {
    struct http_body_block *next;
};

struct http_body_inflater {
    struct http_body_inflater *next;
    z_stream stream;
    bool is_ended; /* at the end of a member */
};

static uint64_t class_bytes(uint32_t class)
{
    return (uint64_t)1 << (class + CLASS_SHIFT);
}

static uint32_t class_of(uint64_t bytes)
{
    uint32_t class = 0;

    while (class < HTTP_BODY_CLASSES - 1 && class_bytes(class) < bytes)
        class++;
    return class;
}

void http_body_pool_init(struct http_body_pool *pool, struct http_budget *budget, uint32_t loop_count)
{
    *pool = (struct http_body_pool){.budget = budget, .spare_max = budget->limit / 8 / loop_count};
}

static void give_up(struct http_body_pool *pool, uint64_t bytes)
{
    __atomic_fetch_sub(&pool->budget->used, bytes, __ATOMIC_RELAXED);
}

static void free_spares(struct http_body_pool *pool)
{
    for (uint32_t class = 0; class < HTTP_BODY_CLASSES; class++) {
        while (pool->blocks[class] != NULL) {
            struct http_body_block *block = pool->blocks[class];
            pool->blocks[class] = block->next;
            free(block);
            give_up(pool, class_bytes(class));
        }
    }
    pool->spare_bytes = 0;
}

void http_body_pool_fini(struct http_body_pool *pool)
{
    if (pool->budget != NULL)
        free_spares(pool);
    while (pool->inflaters != NULL) {
        struct http_body_inflater *inflater = pool->inflaters;
        pool->inflaters = inflater->next;
        inflateEnd(&inflater->stream);
        free(inflater);
        give_up(pool, INFLATER_BYTES);
    }
}

static bool reserve(struct http_body_pool *pool, uint64_t bytes)
{
    uint64_t before = __atomic_fetch_add(&pool->budget->used, bytes, __ATOMIC_RELAXED);

    if (before + bytes <= pool->budget->limit)
        return true;
    give_up(pool, bytes);
    return false;
}

static enum status refuse(struct problem *problem)
{
    return problem_set(problem, STATUS_OVERLOADED, "all bodies together are at http.bodies_bytes");
}

static enum status take_block(struct http_body_pool *pool, uint32_t class, char **data, struct problem *problem)
{
    struct http_body_block *block = pool->blocks[class];
    uint64_t bytes = class_bytes(class);

    if (block != NULL) {
        pool->blocks[class] = block->next;
        pool->spare_bytes -= bytes;
        *data = (char *)block;
        return STATUS_OK;
    }
    if (!reserve(pool, bytes)) {
        free_spares(pool);
        if (!reserve(pool, bytes))
            return refuse(problem);
    }
    *data = malloc(bytes);
    if (*data != NULL)
        return STATUS_OK;
    give_up(pool, bytes);
    return problem_set(problem, STATUS_MEMORY, "no memory for a body of %llu bytes", (unsigned long long)bytes);
}

static void give_block(struct http_body_pool *pool, char *data, uint32_t class)
{
    uint64_t bytes = class_bytes(class);

    if (pool->spare_bytes + bytes > pool->spare_max) {
        free(data);
        give_up(pool, bytes);
        return;
    }
    struct http_body_block *block = (struct http_body_block *)(void *)data;
    block->next = pool->blocks[class];
    pool->blocks[class] = block;
    pool->spare_bytes += bytes;
}

static enum status take_inflater(struct http_body_pool *pool, struct http_body_inflater **out, struct problem *problem)
{
    struct http_body_inflater *inflater = pool->inflaters;

    if (inflater != NULL) {
        pool->inflaters = inflater->next;
        pool->inflater_count--;
        inflateReset(&inflater->stream);
        inflater->is_ended = false;
        *out = inflater;
        return STATUS_OK;
    }
    if (!reserve(pool, INFLATER_BYTES))
        return refuse(problem);
    inflater = calloc(1, sizeof *inflater);
    if (inflater != NULL && inflateInit2(&inflater->stream, GZIP_WINDOW) == Z_OK) {
        *out = inflater;
        return STATUS_OK;
    }
    free(inflater);
    give_up(pool, INFLATER_BYTES);
    return problem_set(problem, STATUS_MEMORY, "no memory to inflate a body");
}

static void give_inflater(struct http_body_pool *pool, struct http_body_inflater *inflater)
{
    if (pool->inflater_count >= SPARE_INFLATERS_MAX) {
        inflateEnd(&inflater->stream);
        free(inflater);
        give_up(pool, INFLATER_BYTES);
        return;
    }
    inflater->next = pool->inflaters;
    pool->inflaters = inflater;
    pool->inflater_count++;
}

static enum status too_large(const struct http_body *body, struct problem *problem)
{
    return problem_set(problem, STATUS_TOO_LARGE, "the body is over %llu bytes", (unsigned long long)body->limit);
}

enum status http_body_begin(struct http_body *body, struct http_body_pool *pool, uint64_t expected, uint64_t limit,
                            bool is_gzip, struct problem *problem)
{
    enum status status = STATUS_OK;

    *body = (struct http_body){.limit = limit};
    if (expected > limit)
        return too_large(body, problem);
    if (is_gzip)
        status = take_inflater(pool, &body->inflater, problem);
    if (status != STATUS_OK)
        return status;
    body->class = class_of(expected + HTTP_BODY_SLACK);
    status = take_block(pool, body->class, &body->data, problem);
    if (status != STATUS_OK)
        http_body_release(body, pool);
    return status;
}

/* Room for need bytes of content and the slack. */
static enum status widen(struct http_body *body, struct http_body_pool *pool, uint64_t need, struct problem *problem)
{
    uint32_t class = class_of(need + HTTP_BODY_SLACK);
    char *wider;

    if (class <= body->class)
        return STATUS_OK;
    enum status status = take_block(pool, class, &wider, problem);
    if (status != STATUS_OK)
        return status;
    memcpy(wider, body->data, body->size);
    give_block(pool, body->data, body->class);
    body->data = wider;
    body->class = class;
    return STATUS_OK;
}

static enum status inflate_some(struct http_body *body, struct http_body_pool *pool, const char *data, size_t size,
                                struct problem *problem)
{
    struct http_body_inflater *inflater = body->inflater;
    z_stream *stream = &inflater->stream;

    stream->next_in = (const Bytef *)data;
    stream->avail_in = (uInt)size;
    while (stream->avail_in > 0) {
        if (inflater->is_ended) {
            /* gzip files are concatenated members (RFC 1952, 2.2) */
            inflateReset(stream);
            inflater->is_ended = false;
        }
        uint64_t room = class_bytes(body->class) - HTTP_BODY_SLACK - body->size;
        if (room == 0) {
            enum status status = widen(body, pool, class_bytes(body->class), problem);
            if (status != STATUS_OK)
                return status;
            continue;
        }
        stream->next_out = (Bytef *)body->data + body->size;
        stream->avail_out = (uInt)(room < UINT32_MAX ? room : UINT32_MAX);
        uInt before = stream->avail_out;
        int result = inflate(stream, Z_NO_FLUSH);
        body->size += before - stream->avail_out;
        inflater->is_ended = result == Z_STREAM_END;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return problem_set(problem, STATUS_BAD_REQUEST, "the body is not gzip, or broken: %s",
                               stream->msg ? stream->msg : "no reason given");
        if (body->size > body->limit)
            return too_large(body, problem);
    }
    return STATUS_OK;
}

enum status http_body_append(struct http_body *body, struct http_body_pool *pool, const char *data, size_t size,
                             struct problem *problem)
{
    body->sent += size;
    if (body->sent > body->limit)
        return too_large(body, problem);
    if (body->inflater != NULL)
        return inflate_some(body, pool, data, size, problem);
    enum status status = widen(body, pool, body->size + size, problem);
    if (status != STATUS_OK)
        return status;
    memcpy(body->data + body->size, data, size);
    body->size += size;
    return STATUS_OK;
}

enum status http_body_end(struct http_body *body, struct problem *problem)
{
    if (body->inflater != NULL && !body->inflater->is_ended)
        return problem_set(problem, STATUS_BAD_REQUEST, "the gzip body ends early");
    if (body->data != NULL)
        memset(body->data + body->size, 0, HTTP_BODY_SLACK);
    return STATUS_OK;
}

void http_body_release(struct http_body *body, struct http_body_pool *pool)
{
    if (body->data != NULL)
        give_block(pool, body->data, body->class);
    if (body->inflater != NULL)
        give_inflater(pool, body->inflater);
    *body = (struct http_body){0};
}
