/* Goal: an address finds its row, a wrong method finds what the address takes, and nothing else matches.
 * Method: paths as they come on the wire, with escapes and slashes in the wrong places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve/route.h"

static const char *find(enum http_method method, const char *path)
{
    uint32_t allowed = 0;
    const struct route *route = route_find(method, slice_of(path), &allowed);

    return route ? route->pattern : allowed ? "405" : "404";
}

static void paths_find_their_rows(void **state)
{
    (void)state;
    assert_string_equal(find(HTTP_POST, "/v1/events"), "/v1/events");
    assert_string_equal(find(HTTP_GET, "/v1/recommendations/ann"), "/v1/recommendations/{user_id}");
    assert_string_equal(find(HTTP_HEAD, "/v1/recommendations/ann"), "/v1/recommendations/{user_id}");
    assert_string_equal(find(HTTP_POST, "/v1/recommendations"), "/v1/recommendations");
    assert_string_equal(find(HTTP_GET, "/v1/similar/a%2Fb"), "/v1/similar/{content_id}");
    assert_string_equal(find(HTTP_GET, "/v1/features/content/x"), "/v1/features/{entity}/{id}");
    assert_string_equal(find(HTTP_DELETE, "/v1/content/x"), "/v1/content/{id}");
    assert_string_equal(find(HTTP_GET, "/healthz"), "/healthz");
}

static void others_do_not(void **state)
{
    (void)state;
    assert_string_equal(find(HTTP_GET, "/v1/recommendations/"), "404");
    assert_string_equal(find(HTTP_GET, "/v1/recommendations/a/b"), "404");
    assert_string_equal(find(HTTP_GET, "/v1/similar"), "404");
    assert_string_equal(find(HTTP_GET, "/v1/featu%72es/content/x"), "404");
    assert_string_equal(find(HTTP_GET, "/v1/features/content"), "404");
    assert_string_equal(find(HTTP_GET, "/v1/features//x"), "404");
    assert_string_equal(find(HTTP_POST, "/v1/events/"), "404");
    assert_string_equal(find(HTTP_POST, "/v1/eventss"), "404");
    assert_string_equal(find(HTTP_GET, "/"), "404");
    assert_string_equal(find(HTTP_GET, "*"), "404");
    assert_string_equal(find(HTTP_GET, ""), "404");
}

static void methods_are_named(void **state)
{
    (void)state;
    char text[64];
    uint32_t allowed = 0;

    assert_null(route_find(HTTP_POST, slice_of("/v1/content/x"), &allowed));
    route_allow(allowed, text, sizeof text);
    assert_string_equal(text, "GET, HEAD, PUT, DELETE");
    assert_null(route_find(HTTP_GET, slice_of("/v1/events"), &allowed));
    route_allow(allowed, text, sizeof text);
    assert_string_equal(text, "POST");
    assert_null(route_find(HTTP_OTHER, slice_of("/v1/events"), &allowed));
    assert_int_not_equal(allowed, 0);
}

/* Two rows for one address and method would make the second dead. */
static void rows_are_distinct(void **state)
{
    (void)state;
    uint32_t count = 0;
    const struct route *rows = route_rows(&count);

    assert_true(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t allowed = 0;
        assert_non_null(rows[i].handler);
        assert_ptr_equal(route_find(rows[i].method, slice_of(rows[i].pattern), &allowed), &rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_rows),
        cmocka_unit_test(others_do_not),
        cmocka_unit_test(methods_are_named),
        cmocka_unit_test(rows_are_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
