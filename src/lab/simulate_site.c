#include "lab/simulate_site.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

enum { TIMEOUT_MS = 3000, BODY_BYTES_MAX = 4 << 20, ANSWER_BYTES_MAX = 4 << 20, URL_SIZE = 320 };

enum status simulate_site_open(struct simulate_site *site, const char *host, uint16_t port, const char *run,
                               const struct catalogue_demo *catalogue, struct problem *problem)
{
    *site = (struct simulate_site){.catalogue = catalogue};
    snprintf(site->base, sizeof site->base, "http://%s:%u", host, port);
    snprintf(site->run, sizeof site->run, "%s", run);
    json_writer_init(&site->body, BODY_BYTES_MAX);
    enum status status = json_parser_create(&site->parser, ANSWER_BYTES_MAX);
    if (status == STATUS_OK)
        status = http_client_create(&site->client, TIMEOUT_MS, problem);
    if (status != STATUS_OK) {
        simulate_site_close(site);
        return problem_set(problem, status, "no client for the demo's visitors");
    }
    return STATUS_OK;
}

void simulate_site_close(struct simulate_site *site)
{
    if (site->client != NULL)
        http_client_destroy(site->client);
    if (site->parser != NULL)
        json_parser_destroy(site->parser);
    json_writer_fini(&site->body);
    site->client = NULL;
    site->parser = NULL;
}

static enum status ask(struct simulate_site *site, const char *method, const char *route, struct slice body, struct http_client_answer *answer)
{
    char url[URL_SIZE];
    struct http_client_request request = {.method = method, .url = url, .body = body};

    snprintf(url, sizeof url, "%s%s", site->base, route);
    return http_client_call(site->client, &request, answer, NULL);
}

enum status simulate_site_is_ready(struct simulate_site *site, bool *is_ready)
{
    struct http_client_answer answer;

    enum status status = ask(site, "GET", "/readyz", (struct slice){0}, &answer);
    *is_ready = status == STATUS_OK && answer.code == 200;
    return status;
}

enum status simulate_site_load(struct simulate_site *site, uint32_t first, uint32_t count, int64_t now_ms)
{
    struct http_client_answer answer;

    ASSERT(site->pending == 0);
    json_writer_reset(&site->body);
    catalogue_demo_write(site->catalogue, first, count, now_ms, &site->body);
    enum status status = ask(site, "POST", "/v1/content", slice_make(site->body.data, site->body.size), &answer);
    json_writer_reset(&site->body);
    if (status != STATUS_OK)
        return status;
    return answer.code == 200 || answer.code == 202 ? STATUS_OK : STATUS_BAD_REQUEST;
}

static void member_text(struct json_writer *out, const char *name, const char *text)
{
    json_key(out, name);
    json_text(out, text);
}

void simulate_site_add(struct simulate_site *site, const struct simulate_site_event *event)
{
    struct json_writer *out = &site->body;
    const struct catalogue_demo_article *article = &site->catalogue->articles[event->article];
    char id[SIMULATE_SITE_ID_SIZE];

    ASSERT(site->pending < SIMULATE_SITE_BATCH);
    if (site->pending++ == 0)
        json_array_begin(out);
    snprintf(id, sizeof id, "%s-%lu", site->run, (unsigned long)site->sequence++);
    json_object_begin(out);
    member_text(out, "event_id", id);
    member_text(out, "user_id", event->person->id);
    member_text(out, "event_type", event->type);
    member_text(out, "content_id", article->id);
    json_key(out, "categories");
    json_array_begin(out);
    json_text(out, catalogue_demo_category(article->category));
    json_array_end(out);
    json_key(out, "timestamp");
    json_time(out, event->time_ms);
    member_text(out, "device_type", event->person->is_mobile ? "mobile" : "desktop");
    if (event->dwell_ms > 0) {
        json_key(out, "dwell_ms");
        json_integer(out, event->dwell_ms);
    }
    if (event->placement != NULL) {
        member_text(out, "placement", event->placement);
        json_key(out, "position");
        json_unsigned(out, event->position);
        if (event->request_id[0] != '\0')
            member_text(out, "request_id", event->request_id);
    }
    json_object_end(out);
}

static uint32_t count_of(const struct json_value *values, const char *name)
{
    const struct json_value *value = json_find(values, 0, name);

    return value != NULL && value->kind == JSON_INTEGER && value->integer > 0 ? (uint32_t)value->integer : 0;
}

enum status simulate_site_flush(struct simulate_site *site, uint32_t *accepted, uint32_t *rejected)
{
    struct http_client_answer answer;
    const struct json_value *values = NULL;
    uint32_t count = 0;

    *accepted = 0;
    *rejected = 0;
    if (site->pending == 0)
        return STATUS_OK;
    json_array_end(&site->body);
    enum status status = ask(site, "POST", "/v1/events", slice_make(site->body.data, site->body.size), &answer);
    json_writer_reset(&site->body);
    site->pending = 0;
    if (status == STATUS_OK)
        status = json_parse(site->parser, answer.body, &values, &count, NULL);
    if (status != STATUS_OK)
        return status;
    if (values[0].kind != JSON_OBJECT || answer.code != 200)
        return STATUS_BAD_REQUEST;
    *accepted = count_of(values, "accepted");
    *rejected = count_of(values, "rejected");
    return STATUS_OK;
}

/* SIMULATE_PEOPLE_NONE for what is not of this magazine. */
static uint32_t article_of(const struct simulate_site *site, struct slice id)
{
    for (uint32_t i = 0; i < CATALOGUE_DEMO_ARTICLES; i++)
        if (slice_is(id, site->catalogue->articles[i].id))
            return i;
    return SIMULATE_PEOPLE_NONE;
}

static enum status read_list(struct simulate_site *site, const struct http_client_answer *answer, struct simulate_site_list *list)
{
    const struct json_value *values = NULL;
    uint32_t value_count = 0;

    *list = (struct simulate_site_list){0};
    if (answer->code != 200)
        return STATUS_BAD_REQUEST;
    enum status status = json_parse(site->parser, answer->body, &values, &value_count, NULL);
    if (status != STATUS_OK)
        return status;
    const struct json_value *items = values[0].kind == JSON_OBJECT ? json_find(values, 0, "items") : NULL;
    if (items == NULL || items->kind != JSON_ARRAY)
        return STATUS_BAD_REQUEST;
    const struct json_value *id = json_find(values, 0, "request_id");
    if (id != NULL && id->kind == JSON_STRING)
        snprintf(list->request_id, sizeof list->request_id, "%.*s", SLICE_ARG(id->text));
    uint32_t at = (uint32_t)(items - values) + 1;
    for (uint32_t i = 0; i < items->count && list->count < SIMULATE_SITE_LIST_MAX; i++) {
        const struct json_value *content = values[at].kind == JSON_OBJECT ? json_find(values, at, "content_id") : NULL;
        uint32_t article = content != NULL && content->kind == JSON_STRING ? article_of(site, content->text) : SIMULATE_PEOPLE_NONE;
        if (article != SIMULATE_PEOPLE_NONE)
            list->articles[list->count++] = article;
        at = values[at].next;
    }
    return STATUS_OK;
}

enum status simulate_site_recommend(struct simulate_site *site, const struct simulate_person *person, uint32_t n,
                                    const char *placement, struct simulate_site_list *list)
{
    struct http_client_answer answer;
    char route[URL_SIZE / 2];

    snprintf(route, sizeof route, "/v1/recommendations/%s?n=%u&placement=%s", person->id, n, placement);
    enum status status = ask(site, "GET", route, (struct slice){0}, &answer);
    return status == STATUS_OK ? read_list(site, &answer, list) : status;
}

enum status simulate_site_trends(struct simulate_site *site, uint32_t n, struct simulate_site_list *list)
{
    struct http_client_answer answer;
    char route[URL_SIZE / 2];

    snprintf(route, sizeof route, "/v1/trending?n=%u", n);
    enum status status = ask(site, "GET", route, (struct slice){0}, &answer);
    return status == STATUS_OK ? read_list(site, &answer, list) : status;
}
