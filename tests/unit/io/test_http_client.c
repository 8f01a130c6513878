/* Goal: the client of io/http_client.h speaks with the server of io/http.h and names its failures.
 * Method: a server on a free loopback port that echoes; a port that was just closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "io/http.h"
#include "io/http_client.h"

static struct http_server *server;
static char url[64];

static void handle(void *application, struct http_request *request)
{
    struct slice x = http_header(request, "X-More");
    struct slice type = http_header(request, "Content-Type");
    char text[128];

    (void)application;
    if (x.data != NULL) {
        snprintf(text, sizeof text, "%.*s", SLICE_ARG(x));
        http_add_header(request, "X-Back", text);
    }
    if (request->method == HTTP_DELETE) {
        http_respond(request, 404, "text/plain", slice_of("gone"));
    } else if (request->body.size > 0) {
        http_respond(request, 200, "text/plain", request->body);
    } else {
        snprintf(text, sizeof text, "%s %.*s", request->method == HTTP_PUT ? "put" : "get", SLICE_ARG(type));
        http_respond(request, 200, "text/plain", slice_of(text));
    }
}

static void resume(void *application, struct http_request *request)
{
    (void)application;
    (void)request;
}

static int open_server(void **state)
{
    struct http_options options = {.listen = "127.0.0.1:0", .threads = 1, .connections = 16, .body_bytes = 1 << 20,
                                   .bodies_bytes = 4 << 20, .arena_bytes = 65536, .idle_timeout = 10000};
    struct http_handlers handlers = {.handle = handle, .resume = resume};
    struct problem problem;

    (void)state;
    if (http_open(&server, &options, &handlers, &problem) != STATUS_OK || http_start(server) != STATUS_OK)
        return 1;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/a", http_port(server));
    return 0;
}

static int close_server(void **state)
{
    (void)state;
    if (server != NULL) {
        http_stop(server, 1000);
        http_close(server);
    }
    server = NULL;
    return 0;
}

static void calls_are_answered(void **state)
{
    struct http_client *client;
    struct http_client_answer answer;
    struct problem problem;
    char *large = malloc(500000);

    (void)state;
    memset(large, 'x', 500000);
    assert_int_equal(http_client_create(&client, 20000, &problem), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        struct http_client_request get = {.method = "GET", .url = url, .header = "X-More: yes", .want = "x-back"};
        assert_int_equal(http_client_call(client, &get, &answer, &problem), STATUS_OK);
        assert_int_equal(answer.code, 200);
        assert_true(slice_is(answer.body, "get "));
        assert_string_equal(answer.header, "yes");
        struct http_client_request post = {.method = "POST", .url = url, .body = slice_make(large, 500000)};
        assert_int_equal(http_client_call(client, &post, &answer, &problem), STATUS_OK);
        assert_int_equal(answer.body.size, 500000);
        assert_int_equal(answer.header[0], 0);
        struct http_client_request put = {.method = "PUT", .url = url, .body = slice_of(""), .content_type = "a/b"};
        assert_int_equal(http_client_call(client, &put, &answer, &problem), STATUS_OK);
        assert_true(slice_is(answer.body, "put a/b"));
        struct http_client_request delete = {.method = "DELETE", .url = url};
        assert_int_equal(http_client_call(client, &delete, &answer, &problem), STATUS_OK);
        assert_int_equal(answer.code, 404);
        struct http_client_request head = {.method = "HEAD", .url = url};
        assert_int_equal(http_client_call(client, &head, &answer, &problem), STATUS_OK);
        assert_int_equal(answer.code, 200);
        assert_int_equal(answer.body.size, 0);
    }
    http_client_destroy(client);
    free(large);
}

static void failures_are_named(void **state)
{
    struct http_client *client;
    struct http_client_answer answer;
    struct problem problem;
    struct http_client_request get = {.method = "GET", .url = url};

    (void)state;
    assert_int_equal(http_client_create(&client, 20000, &problem), STATUS_OK);
    struct http_client_request bad = {.method = "GET", .url = "ftp://127.0.0.1/"};
    assert_int_equal(http_client_call(client, &bad, &answer, &problem), STATUS_SETTING);
    close_server(NULL);
    assert_int_equal(http_client_call(client, &get, &answer, &problem), STATUS_UNREACHABLE);
    assert_non_null(strstr(problem.detail, url));
    http_client_destroy(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_answered),
        cmocka_unit_test(failures_are_named),
    };
    return cmocka_run_group_tests(tests, open_server, close_server);
}
