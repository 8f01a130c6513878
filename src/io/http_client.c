#include "io/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct http_client {
    CURL *curl;
    char *data;
    size_t size;
    size_t capacity;
    bool is_too_large;
    const char *want;
    char *header;
    char reason[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode setup_result;

static void set_up(void)
{
    setup_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct http_client *client = context;
    size_t bytes = size * count;

    if (bytes > HTTP_CLIENT_BODY_MAX - client->size) {
        client->is_too_large = true;
        return 0;
    }
    if (client->size + bytes + 1 > client->capacity) {
        size_t capacity = client->capacity ? client->capacity : 16384;
        while (capacity < client->size + bytes + 1)
            capacity *= 2;
        char *wider = realloc(client->data, capacity);
        if (wider == NULL)
            return 0;
        client->data = wider;
        client->capacity = capacity;
    }
    memcpy(client->data + client->size, data, bytes);
    client->size += bytes;
    client->data[client->size] = '\0';
    return bytes;
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct http_client *client = context;
    size_t bytes = size * count;
    size_t name = client->want ? strlen(client->want) : 0;

    if (name == 0 || bytes <= name || data[name] != ':' || strncasecmp(data, client->want, name) != 0)
        return bytes;
    size_t begin = name + 1;
    size_t end = bytes;
    while (begin < end && (data[begin] == ' ' || data[begin] == '\t'))
        begin++;
    while (end > begin && (data[end - 1] == '\r' || data[end - 1] == '\n' || data[end - 1] == ' '))
        end--;
    snprintf(client->header, HTTP_CLIENT_HEADER_SIZE, "%.*s", (int)(end - begin), data + begin);
    return bytes;
}

enum status http_client_create(struct http_client **out, int timeout_ms, struct problem *problem)
{
    struct http_client *client = calloc(1, sizeof *client);

    *out = NULL;
    pthread_once(&once, set_up);
    if (client != NULL && setup_result == CURLE_OK)
        client->curl = curl_easy_init();
    if (client == NULL || client->curl == NULL) {
        free(client);
        return problem_set(problem, STATUS_MEMORY, "no memory for the HTTP client");
    }
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(client->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, client->reason);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
    curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, client);
    *out = client;
    return STATUS_OK;
}

void http_client_destroy(struct http_client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    free(client->data);
    free(client);
}

/* NULL: no memory */
static struct curl_slist *make_headers(const struct http_client_request *request)
{
    char type[256];
    /* curl would ask for 100-continue before larger bodies, which costs a round trip. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");

    snprintf(type, sizeof type, "Content-Type: %s", request->content_type ? request->content_type : "application/json");
    for (int i = 0; i < 2 && list != NULL; i++) {
        const char *line = i == 0 ? (request->body.data ? type : NULL) : request->header;
        if (line == NULL)
            continue;
        struct curl_slist *longer = curl_slist_append(list, line);
        if (longer == NULL)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

static void set_request(CURL *curl, const struct http_client_request *request, struct curl_slist *headers)
{
    bool is_head = strcmp(request->method, "HEAD") == 0;

    /* HTTPGET first: it takes back what the call before set. */
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(curl, CURLOPT_NOBODY, is_head ? 1L : 0L);
    if (request->body.data != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.data);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, is_head ? NULL : request->method);
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
}

static enum status explain(const struct http_client *client, const char *url, CURLcode result, struct problem *problem)
{
    const char *reason = client->reason[0] ? client->reason : curl_easy_strerror(result);

    if (client->is_too_large)
        return problem_set(problem, STATUS_TOO_LARGE, "the answer of %.200s is over %d bytes", url, HTTP_CLIENT_BODY_MAX);
    switch (result) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return problem_set(problem, STATUS_UNREACHABLE, "%.200s: %.160s", url, reason);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return problem_set(problem, STATUS_SETTING, "\"%.200s\" is not an address of the form http://host:port", url);
    default:
        return problem_set(problem, STATUS_IO, "%.200s: %.160s", url, reason);
    }
}

enum status http_client_call(struct http_client *client, const struct http_client_request *request,
                             struct http_client_answer *answer, struct problem *problem)
{
    struct curl_slist *headers = make_headers(request);
    long code = 0;

    answer->code = 0;
    answer->header[0] = '\0';
    answer->body = slice_of("");
    if (headers == NULL)
        return problem_set(problem, STATUS_MEMORY, "no memory for a request");
    client->size = 0;
    client->is_too_large = false;
    client->want = request->want;
    client->header = answer->header;
    client->reason[0] = '\0';
    set_request(client->curl, request, headers);
    CURLcode result = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (result != CURLE_OK)
        return explain(client, request->url, result, problem);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &code);
    answer->code = (int)code;
    if (client->size > 0)
        answer->body = slice_make(client->data, client->size);
    return STATUS_OK;
}
