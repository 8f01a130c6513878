#include "serve/route.h"

#include <stdio.h>

#include "serve/catalogue.h"
#include "serve/features.h"
#include "serve/ingest.h"
#include "serve/recommendations.h"
#include "serve/similar.h"
#include "serve/state.h"
#include "serve/trending.h"
#include "serve/users.h"

static const struct route rows[] = {
    {HTTP_POST, ROUTE_WRITE, "/v1/events", ingest_post},
    {HTTP_GET, 0, "/v1/recommendations/{user_id}", recommendations_user},
    {HTTP_POST, 0, "/v1/recommendations/{user_id}", recommendations_user},
    {HTTP_GET, 0, "/v1/recommendations", recommendations_anonymous},
    {HTTP_POST, 0, "/v1/recommendations", recommendations_anonymous},
    {HTTP_GET, 0, "/v1/similar/{content_id}", similar_get},
    {HTTP_GET, 0, "/v1/trending", trending_get},
    {HTTP_GET, 0, "/v1/features/{entity}/{id}", features_get},
    {HTTP_GET, 0, "/v1/users/{id}", users_get},
    {HTTP_GET, 0, "/v1/users", users_anonymous},
    {HTTP_PUT, ROUTE_WRITE, "/v1/content/{id}", catalogue_put},
    {HTTP_GET, 0, "/v1/content/{id}", catalogue_get},
    {HTTP_DELETE, ROUTE_WRITE, "/v1/content/{id}", catalogue_delete},
    {HTTP_POST, ROUTE_WRITE, "/v1/content", catalogue_post},
    {HTTP_GET, ROUTE_EARLY, "/healthz", state_health},
    {HTTP_GET, ROUTE_EARLY, "/readyz", state_ready},
    {HTTP_GET, ROUTE_EARLY, "/metrics", state_metrics},
    {HTTP_GET, ROUTE_EARLY, "/api/status", state_status},
    {HTTP_GET, ROUTE_EARLY, "/api/demo", state_demo},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

const struct route *route_rows(uint32_t *count)
{
    *count = ROW_COUNT;
    return rows;
}

bool route_matches(const char *pattern, struct slice path)
{
    const char *at = path.data;
    const char *end = path.data + path.size;

    while (*pattern != '\0') {
        if (*pattern == '{') {
            const char *start = at;
            while (at < end && *at != '/')
                at++;
            if (at == start)
                return false;
            while (*pattern++ != '}')
                ;
        } else if (at == end || *at++ != *pattern++) {
            return false;
        }
    }
    return at == end;
}

const struct route *route_find(enum http_method method, struct slice path, uint32_t *allowed)
{
    *allowed = 0;
    if (method == HTTP_HEAD)
        method = HTTP_GET;
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        if (!route_matches(rows[i].pattern, path))
            continue;
        if (rows[i].method == method)
            return &rows[i];
        *allowed |= 1U << rows[i].method;
    }
    return NULL;
}

const char *route_method_name(enum http_method method)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",
        [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = "OTHER",
    };
    return names[method];
}

void route_allow(uint32_t allowed, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    if (allowed & 1U << HTTP_GET)
        allowed |= 1U << HTTP_HEAD;
    for (uint32_t method = 0; method < HTTP_OTHER; method++) {
        if ((allowed & 1U << method) == 0 || used >= size)
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", route_method_name((enum http_method)method));
    }
}
