#include "app/verb_status.h"

#include <stdio.h>
#include <string.h>

#include "app/verbs.h"
#include "base/slice.h"
#include "io/http_client.h"
#include "wire/json.h"

const char verb_status_usage[] =
    "usage: penchant status [--url URL] [--json]\n\n"
    "  --url URL   the server (http://127.0.0.1:7700)\n"
    "  --json      all of GET /api/status\n\n"
    "Exit code 0 when it is ready, 10 when it is not, 4 when nobody answers.\n";

enum { TIMEOUT_MS = 5000, STATUS_BYTES_MAX = 1 << 20 };

/* Member of a member: "events", "accepted"; 0 when absent. */
static double number_of(const struct json_value *values, const char *object, const char *member)
{
    const struct json_value *outer = json_find(values, 0, object);
    const struct json_value *inner = outer ? json_find(values, (uint32_t)(outer - values), member) : NULL;

    return inner ? inner->number : 0;
}

static struct slice text_of(const struct json_value *values, const char *member)
{
    const struct json_value *value = json_find(values, 0, member);

    return value && value->kind == JSON_STRING ? value->text : slice_of("");
}

static void print_latency(const struct json_value *values, const char *name, const char *title)
{
    const struct json_value *all = json_find(values, 0, "latencies");
    const struct json_value *one = all ? json_find(values, (uint32_t)(all - values), name) : NULL;

    if (one == NULL)
        return;
    uint32_t index = (uint32_t)(one - values);
    const struct json_value *count = json_find(values, index, "count");
    const struct json_value *p50 = json_find(values, index, "p50_us");
    const struct json_value *p99 = json_find(values, index, "p99_us");
    if (count && p50 && p99 && count->number > 0)
        printf("  %-10s %.0f, p50 %.2f ms, p99 %.2f ms\n", title, count->number, p50->number / 1e3, p99->number / 1e3);
}

static int print_status(const struct json_value *values)
{
    struct slice word = text_of(values, "status");
    struct slice detail = text_of(values, "detail");

    printf("penchant %.*s: %.*s%s%.*s\n", SLICE_ARG(text_of(values, "version")), SLICE_ARG(word), detail.size ? ": " : "", SLICE_ARG(detail));
    printf("  data       %.*s\n", SLICE_ARG(text_of(values, "data_dir")));
    printf("  events     %.0f received = %.0f accepted + %.0f duplicate + %.0f filtered + %.0f rejected\n",
           number_of(values, "events", "received"), number_of(values, "events", "accepted"), number_of(values, "events", "duplicates"),
           number_of(values, "events", "filtered"), number_of(values, "events", "rejected"));
    printf("  applied    %.0f, %.0f still to apply, %.0f records still to learn\n", number_of(values, "events", "applied"),
           number_of(values, "queues", "events_to_apply"), number_of(values, "queues", "records_to_learn"));
    printf("  state      %.0f users, %.0f contents, %.0f event ids remembered\n", number_of(values, "state", "users"),
           number_of(values, "state", "contents"), number_of(values, "state", "dedup_entries"));
    print_latency(values, "recommendations", "lists");
    print_latency(values, "events", "bodies");
    print_latency(values, "event_visible", "visible");
    return slice_is(word, "ready") ? EXIT_DONE : EXIT_UNHEALTHY;
}

static int show(const struct http_client_answer *answer, bool is_json, struct problem *problem)
{
    struct json_parser *parser = NULL;
    const struct json_value *values = NULL;
    uint32_t count = 0;
    int code = EXIT_FAILED;

    if (answer->code != 200) {
        problem_set(problem, STATUS_UNREACHABLE, "GET /api/status answered %d: is this a penchant?", answer->code);
        return verbs_fail(problem);
    }
    if (json_parser_create(&parser, STATUS_BYTES_MAX) != STATUS_OK)
        return EXIT_FAILED;
    if (json_parse(parser, answer->body, &values, &count, problem) != STATUS_OK || values[0].kind != JSON_OBJECT) {
        fprintf(stderr, "penchant status: the answer is not JSON\n");
    } else if (is_json) {
        printf("%.*s\n", SLICE_ARG(answer->body));
        code = slice_is(text_of(values, "status"), "ready") ? EXIT_DONE : EXIT_UNHEALTHY;
    } else {
        code = print_status(values);
    }
    json_parser_destroy(parser);
    return code;
}

int verb_status_run(int argument_count, char **arguments)
{
    struct problem problem = {0};
    struct http_client *client = NULL;
    struct http_client_answer answer;
    const char *url = "http://127.0.0.1:7700";
    bool is_json = false;
    char full[512];

    for (int i = 0; i < argument_count; i++) {
        if (strcmp(arguments[i], "--json") == 0)
            is_json = true;
        else if (strcmp(arguments[i], "--url") == 0 && i + 1 < argument_count)
            url = arguments[++i];
        else if (strncmp(arguments[i], "--url=", 6) == 0)
            url = arguments[i] + 6;
        else
            return verbs_misused("status", arguments[i]);
    }
    snprintf(full, sizeof full, "%s/api/status", url);
    if (http_client_create(&client, TIMEOUT_MS, &problem) != STATUS_OK)
        return verbs_fail(&problem);
    struct http_client_request request = {.method = "GET", .url = full};
    int code = http_client_call(client, &request, &answer, &problem) == STATUS_OK ? show(&answer, is_json, &problem) : verbs_fail(&problem);
    http_client_destroy(client);
    return code;
}
