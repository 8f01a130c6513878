/* Goal: targets, Host and Origin rules, listening addresses and bodies behave as their headers say.
 * Method: tables of inputs; gzip made with zlib; budgets small enough to be spent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>
#include <zlib.h>

#include "io/http_body.h"
#include "io/http_guard.h"
#include "io/http_listen.h"
#include "io/http_target.h"

static struct arena arena;

static int open_arena(void **state)
{
    (void)state;
    return arena_init(&arena, 65536) != STATUS_OK;
}

static int close_arena(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void targets_are_split(void **state)
{
    static const struct {
        const char *target, *authority, *path, *query;
    } rows[] = {
        {"/", NULL, "/", NULL},
        {"/a/b?c=d", NULL, "/a/b", "c=d"},
        {"/a?", NULL, "/a", ""},
        {"/a?b?c", NULL, "/a", "b?c"},
        {"http://h:1/a?b", "h:1", "/a", "b"},
        {"HTTP://h", "h", "/", NULL},
        {"http://h?q", "h", "/", "q"},
        {"*", NULL, "*", NULL},
    };
    struct slice authority, path, query;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(http_target_split(slice_of(rows[i].target), &authority, &path, &query));
        assert_true(slice_is(authority, rows[i].authority));
        assert_true(slice_is(path, rows[i].path));
        assert_true(slice_is(query, rows[i].query));
        assert_int_equal(query.data != NULL, rows[i].query != NULL);
    }
    assert_false(http_target_split(slice_of("a/b"), &authority, &path, &query));
    assert_false(http_target_split(slice_of(""), &authority, &path, &query));
}

static void segments_are_decoded_once(void **state)
{
    struct slice segments[4];
    uint32_t count;

    (void)state;
    assert_true(http_target_segments(&arena, slice_of("/v1/a%2Fb/%2525"), segments, 4, &count));
    assert_int_equal(count, 3);
    assert_true(slice_is(segments[1], "a/b"));
    assert_true(slice_is(segments[2], "%25"));
    assert_true(http_target_segments(&arena, slice_of("/"), segments, 4, &count));
    assert_int_equal(count, 0);
    assert_true(http_target_segments(&arena, slice_of("/a/"), segments, 4, &count));
    assert_int_equal(count, 2);
    assert_int_equal(segments[1].size, 0);
    assert_true(http_target_segments(&arena, slice_of("/a+b"), segments, 4, &count));
    assert_true(slice_is(segments[0], "a+b"));
    assert_true(http_target_segments(&arena, slice_of("/1/2/3/4/5/6"), segments, 4, &count));
    assert_int_equal(count, 5);
    assert_true(http_target_segments(&arena, slice_of("/%00x"), segments, 4, &count));
    assert_int_equal(segments[0].size, 2);
    assert_false(http_target_segments(&arena, slice_of("/%"), segments, 4, &count));
    assert_false(http_target_segments(&arena, slice_of("/%4"), segments, 4, &count));
    assert_false(http_target_segments(&arena, slice_of("/%zz"), segments, 4, &count));
}

static void queries_are_found(void **state)
{
    struct slice query = slice_of("n=5&&name=J%C3%B6rg+K&flag&empty=&x%20y=1&bad=%zz&n=6");

    (void)state;
    assert_true(slice_is(http_target_find(&arena, query, "n"), "5"));
    assert_true(slice_is(http_target_find(&arena, query, "name"), "J\xc3\xb6rg K"));
    assert_true(slice_is(http_target_find(&arena, query, "x y"), "1"));
    assert_true(slice_is(http_target_find(&arena, query, "bad"), "%zz"));
    assert_non_null(http_target_find(&arena, query, "flag").data);
    assert_int_equal(http_target_find(&arena, query, "empty").size, 0);
    assert_null(http_target_find(&arena, query, "none").data);
    assert_null(http_target_find(&arena, (struct slice){NULL, 0}, "n").data);
}

static void hosts_and_origins_are_judged(void **state)
{
    static const struct {
        const char *host;
        bool is_allowed;
    } hosts[] = {
        {"localhost", true},      {"LOCALHOST:80", true}, {"127.0.0.1:7700", true}, {"127.9.9.9", true},
        {"[::1]:7700", true},     {"[::1]", true},        {"shop.example", true},   {"Shop.Example:99", true},
        {"api.example:8080", true}, {"api.example", false}, {"evil.example", false},  {"127.0.0.1.evil.example", false},
        {"localhost.evil", false}, {"", false},           {"[::2]", false},         {"12.0.0.1", false},
    };
    struct http_guard guard;
    struct problem problem;

    (void)state;
    assert_int_equal(http_guard_init(&guard, slice_of("127.0.0.1"), "shop.example, api.example:8080",
                                     "https://shop.example", &problem),
                     STATUS_OK);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        assert_int_equal(http_guard_allows_host(&guard, slice_of(hosts[i].host)), hosts[i].is_allowed);
    assert_false(http_guard_allows_host(&guard, (struct slice){NULL, 0}));
    struct slice host = slice_of("localhost:7700");
    assert_int_equal(http_guard_origin(&guard, (struct slice){NULL, 0}, host), HTTP_ORIGIN_OWN);
    assert_int_equal(http_guard_origin(&guard, slice_of("http://localhost:7700"), host), HTTP_ORIGIN_OWN);
    assert_int_equal(http_guard_origin(&guard, slice_of("http://localhost:7701"), host), HTTP_ORIGIN_FOREIGN);
    assert_int_equal(http_guard_origin(&guard, slice_of("https://shop.example"), host), HTTP_ORIGIN_NAMED);
    assert_int_equal(http_guard_origin(&guard, slice_of("null"), host), HTTP_ORIGIN_FOREIGN);
    assert_int_equal(
        http_guard_init(&guard, host, "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "", &problem), STATUS_SETTING);
}

static void addresses_are_judged(void **state)
{
    static const struct {
        const char *listen;
        enum status status;
    } rows[] = {
        {"127.0.0.1:0", STATUS_OK},          {"localhost:0", STATUS_OK},     {"0.0.0.0:0", STATUS_SETTING},
        {"192.168.1.1:80", STATUS_SETTING},  {"[::]:0", STATUS_SETTING},     {"7700", STATUS_SETTING},
        {"127.0.0.1", STATUS_SETTING},       {"127.0.0.1:x", STATUS_SETTING}, {"127.0.0.1:65536", STATUS_SETTING},
        {"example.org:80", STATUS_SETTING},  {":80", STATUS_SETTING},        {"127.0.0.1:", STATUS_SETTING},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct problem problem = {.status = STATUS_OK};
        struct slice host;
        uint16_t port = 0;
        int sockets[2];
        enum status status = http_listen_open(rows[i].listen, sockets, 2, &host, &port, &problem);
        assert_int_equal(status, rows[i].status);
        if (status != STATUS_OK) {
            assert_true(problem.detail[0] != '\0' && problem.fix[0] != '\0');
            continue;
        }
        assert_true(port != 0);
        close(sockets[0]);
        close(sockets[1]);
    }
}

static void busy_ports_are_named(void **state)
{
    struct problem problem;
    struct slice host;
    char listen[32];
    uint16_t port, other;
    int held[2], sockets[2];

    (void)state;
    for (uint32_t count = 1; count <= 2; count++) {
        assert_int_equal(http_listen_open("127.0.0.1:0", held, count, &host, &port, &problem), STATUS_OK);
        snprintf(listen, sizeof listen, "127.0.0.1:%u", port);
        for (uint32_t want = 1; want <= 2; want++) {
            assert_int_equal(http_listen_open(listen, sockets, want, &host, &other, &problem), STATUS_IN_USE);
            assert_non_null(strstr(problem.detail, listen));
            assert_non_null(strstr(problem.fix, "--listen"));
        }
        for (uint32_t i = 0; i < count; i++)
            close(held[i]);
    }
}

static size_t gzip(const void *data, size_t size, char *out, size_t out_size)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size,
                       .next_out = (Bytef *)out, .avail_out = (uInt)out_size};

    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return out_size - stream.avail_out;
}

static void bodies_grow_and_end_in_zeroes(void **state)
{
    struct http_budget budget = {.limit = 1 << 20};
    struct http_body_pool pool;
    struct http_body body;
    struct problem problem;
    char piece[1000];

    (void)state;
    memset(piece, 'p', sizeof piece);
    http_body_pool_init(&pool, &budget, 1);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(http_body_begin(&body, &pool, 0, 100000, false, &problem), STATUS_OK);
        for (int i = 0; i < 100; i++)
            assert_int_equal(http_body_append(&body, &pool, piece, sizeof piece, &problem), STATUS_OK);
        assert_int_equal(http_body_append(&body, &pool, piece, 1, &problem), STATUS_TOO_LARGE);
        assert_int_equal(http_body_end(&body, &problem), STATUS_OK);
        assert_int_equal(body.size, 100000);
        for (int i = 0; i < HTTP_BODY_SLACK; i++)
            assert_int_equal(body.data[body.size + (uint64_t)i], 0);
        http_body_release(&body, &pool);
        assert_true(budget.used <= budget.limit / 8);
    }
    http_body_pool_fini(&pool);
    assert_int_equal(budget.used, 0);
}

static void the_budget_holds(void **state)
{
    struct http_budget budget = {.limit = 64 * 1024};
    struct http_body_pool pool;
    struct http_body bodies[20];
    struct problem problem;
    int taken = 0;

    (void)state;
    http_body_pool_init(&pool, &budget, 1);
    while (taken < 20 && http_body_begin(&bodies[taken], &pool, 4000, 100000, false, &problem) == STATUS_OK)
        taken++;
    assert_int_equal(taken, 16);
    assert_int_equal(problem.status, STATUS_OVERLOADED);
    http_body_release(&bodies[0], &pool);
    assert_int_equal(http_body_begin(&bodies[0], &pool, 0, 100000, true, &problem), STATUS_OVERLOADED);
    assert_int_equal(http_body_begin(&bodies[0], &pool, 100001, 100000, false, &problem), STATUS_TOO_LARGE);
    for (int i = 1; i < taken; i++)
        http_body_release(&bodies[i], &pool);
    http_body_pool_fini(&pool);
    assert_int_equal(budget.used, 0);
}

static void gzip_is_inflated_within_the_limit(void **state)
{
    struct http_budget budget = {.limit = 4 << 20};
    struct http_body_pool pool;
    struct http_body body;
    struct problem problem;
    size_t size = 300000;
    char *plain = malloc(size);
    char packed[4096];

    (void)state;
    for (size_t i = 0; i < size; i++)
        plain[i] = (char)('a' + i % 7);
    size_t half = gzip(plain, size / 2, packed, sizeof packed);
    size_t whole = half + gzip(plain + size / 2, size - size / 2, packed + half, sizeof packed - half);
    http_body_pool_init(&pool, &budget, 1);
    assert_int_equal(http_body_begin(&body, &pool, 0, size, true, &problem), STATUS_OK);
    for (size_t i = 0; i < whole; i++)
        assert_int_equal(http_body_append(&body, &pool, packed + i, 1, &problem), STATUS_OK);
    assert_int_equal(http_body_end(&body, &problem), STATUS_OK);
    assert_int_equal(body.size, size);
    assert_memory_equal(body.data, plain, size);
    http_body_release(&body, &pool);

    assert_int_equal(http_body_begin(&body, &pool, whole, size - 1, true, &problem), STATUS_OK);
    assert_int_equal(http_body_append(&body, &pool, packed, whole, &problem), STATUS_TOO_LARGE);
    http_body_release(&body, &pool);

    assert_int_equal(http_body_begin(&body, &pool, whole, size, true, &problem), STATUS_OK);
    assert_int_equal(http_body_append(&body, &pool, packed, half - 1, &problem), STATUS_OK);
    assert_int_equal(http_body_end(&body, &problem), STATUS_BAD_REQUEST);
    http_body_release(&body, &pool);

    assert_int_equal(http_body_begin(&body, &pool, 9, size, true, &problem), STATUS_OK);
    assert_int_equal(http_body_append(&body, &pool, "not gzip!", 9, &problem), STATUS_BAD_REQUEST);
    http_body_release(&body, &pool);
    http_body_pool_fini(&pool);
    assert_int_equal(budget.used, 0);
    free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_split),
        cmocka_unit_test(segments_are_decoded_once),
        cmocka_unit_test(queries_are_found),
        cmocka_unit_test(hosts_and_origins_are_judged),
        cmocka_unit_test(addresses_are_judged),
        cmocka_unit_test(busy_ports_are_named),
        cmocka_unit_test(bodies_grow_and_end_in_zeroes),
        cmocka_unit_test(the_budget_holds),
        cmocka_unit_test(gzip_is_inflated_within_the_limit),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
