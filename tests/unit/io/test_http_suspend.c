/* Goal: requests that are suspended: woken from another thread, left by their client, stopped.
 * Method: the application parks requests; the test's own thread, or one more, wakes them. */
#include "http_fixture.h"

static struct http_request *take_parked(struct application *app)
{
    await(app, &app->parked_count, 1);
    pthread_mutex_lock(&app->mutex);
    struct http_request *request = app->parked[0];
    memmove(app->parked, app->parked + 1, (--app->parked_count) * sizeof *app->parked);
    pthread_mutex_unlock(&app->mutex);
    return request;
}

static void suspended_requests_are_woken(void **state)
{
    struct application *app = start(2, "");
    int fds[8];

    (void)state;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 8; i++) {
            fds[i] = dial(app);
            say(fds[i], i % 2 ? "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\nGET /after HTTP/1.1\r\nHost: localhost\r\n\r\n"
                              : "POST /twice HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx");
        }
        for (int i = 0; i < 12; i++)
            http_wake(take_parked(app));
        for (int i = 0; i < 8; i++) {
            assert_answer(fds[i], 200, "woken");
            if (i % 2)
                assert_answer(fds[i], 200, "[after]");
            close(fds[i]);
        }
    }
    stop(app);
}

static void a_client_may_go_while_suspended(void **state)
{
    struct application *app = start(1, "");
    struct linger now = {1, 0};

    (void)state;
    for (int i = 0; i < 6; i++) {
        int fd = dial(app);
        say(fd, "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
        struct http_request *request = take_parked(app);
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* a reset instead of an end */
        close(fd);
        assert_int_equal(read_count(app, &app->finished), (uint32_t)i);
        http_wake(request);
        await(app, &app->finished, (uint32_t)i + 1);
    }
    stop(app);
}

static void *wake_later(void *context)
{
    struct application *app = context;

    http_wake(take_parked(app));
    return NULL;
}

static void stopping_waits_for_the_suspended(void **state)
{
    struct application *app = start(1, "");
    int fd = dial(app);
    pthread_t thread;

    (void)state;
    say(fd, "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await(app, &app->parked_count, 1);
    assert_int_equal(pthread_create(&thread, NULL, wake_later, app), 0);
    http_stop(app->server, 20000);
    pthread_join(thread, NULL);
    assert_answer(fd, 200, "woken");
    assert_closed(fd);
    close(fd);
    stop(app);
}

static void stopping_answers_what_never_wakes(void **state)
{
    struct application *app = start(1, "");
    int fd = dial(app);

    (void)state;
    say(fd, "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct http_request *request = take_parked(app);
    http_stop(app->server, 0);
    assert_problem(fd, 503, "not_ready");
    assert_closed(fd);
    close(fd);
    assert_int_equal(read_count(app, &app->finished), 0);
    http_wake(request); /* too late, and harmless */
    stop(app);
}

static void idle_connections_do_not_hold_a_stop(void **state)
{
    struct application *app = start(2, "");
    int fd = dial(app);

    (void)state;
    say(fd, "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_answer(fd, 200, "[a]");
    stop(app);
    assert_closed(fd);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suspended_requests_are_woken),
        cmocka_unit_test(a_client_may_go_while_suspended),
        cmocka_unit_test(stopping_waits_for_the_suspended),
        cmocka_unit_test(stopping_answers_what_never_wakes),
        cmocka_unit_test(idle_connections_do_not_hold_a_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
