#include "io/http_guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

static bool equal_any_case(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || strncasecmp(a.data, b.data, a.size) == 0);
}

static struct slice trim(struct slice s)
{
    while (s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = slice_make(s.data + 1, s.size - 1);
    while (s.size > 0 && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t'))
        s.size--;
    return s;
}

static enum status list_init(struct http_guard_list *list, const char *setting, const char *text,
                             struct problem *problem)
{
    uint32_t begin = 0;

    list->count = 0;
    snprintf(list->text, sizeof list->text, "%s", text);
    for (uint32_t i = 0;; i++) {
        if (list->text[i] != ',' && list->text[i] != '\0')
            continue;
        struct slice name = trim(slice_make(list->text + begin, i - begin));
        begin = i + 1;
        if (name.size > 0 && list->count == HTTP_GUARD_NAMES_MAX)
            return problem_set(problem, STATUS_SETTING, "%s names more than %d", setting, HTTP_GUARD_NAMES_MAX);
        if (name.size > 0)
            list->names[list->count++] = name;
        if (list->text[i] == '\0')
            return STATUS_OK;
    }
}

enum status http_guard_init(struct http_guard *guard, struct slice listen_host, const char *hosts, const char *origins,
                            struct problem *problem)
{
    snprintf(guard->listen, sizeof guard->listen, "%.*s", SLICE_ARG(listen_host));
    enum status status = list_init(&guard->hosts, "http.hosts", hosts, problem);
    if (status == STATUS_OK)
        status = list_init(&guard->origins, "http.origins", origins, problem);
    return status;
}

/* Host without its port; "[::1]" keeps the brackets. */
static struct slice name_of(struct slice host)
{
    uint32_t end = 0;

    if (host.size > 0 && host.data[0] == '[') {
        const char *bracket = memchr(host.data, ']', host.size);
        return bracket ? slice_make(host.data, (size_t)(bracket - host.data) + 1) : host;
    }
    while (end < host.size && host.data[end] != ':')
        end++;
    return slice_make(host.data, end);
}

static bool is_loopback(struct slice name)
{
    char text[64];
    struct in_addr v4;
    struct in6_addr v6;

    if (equal_any_case(name, slice_of("localhost")) || slice_is(name, "127.0.0.1") || slice_is(name, "[::1]"))
        return true;
    if (name.size >= sizeof text || name.size < 3)
        return false;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    if (text[0] != '[')
        return inet_pton(AF_INET, text, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
    text[name.size - 1] = '\0';
    return inet_pton(AF_INET6, text + 1, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool http_guard_allows_host(const struct http_guard *guard, struct slice host)
{
    struct slice name = name_of(host);

    if (name.size == 0)
        return false;
    if (is_loopback(name) || equal_any_case(name, slice_of(guard->listen)))
        return true;
    for (uint32_t i = 0; i < guard->hosts.count; i++)
        if (equal_any_case(name, guard->hosts.names[i]) || equal_any_case(host, guard->hosts.names[i]))
            return true;
    return false;
}

enum http_origin http_guard_origin(const struct http_guard *guard, struct slice origin, struct slice host)
{
    if (origin.data == NULL)
        return HTTP_ORIGIN_OWN;
    for (uint32_t skip = 7; skip <= 8; skip++) {
        const char *scheme = skip == 7 ? "http://" : "https://";
        if (origin.size > skip && strncasecmp(origin.data, scheme, skip) == 0 &&
            equal_any_case(slice_make(origin.data + skip, origin.size - skip), host))
            return HTTP_ORIGIN_OWN;
    }
    for (uint32_t i = 0; i < guard->origins.count; i++)
        if (slice_is(guard->origins.names[i], "*") || equal_any_case(origin, guard->origins.names[i]))
            return HTTP_ORIGIN_NAMED;
    return HTTP_ORIGIN_FOREIGN;
}
