/* http_guard.h - which Host and which Origin may call.
 *
 * A browser that visits a hostile page can send requests to this machine; it cannot forge
 * Host (so DNS rebinding is seen) nor Origin (so a foreign page is seen).
 *
 * Threads: read-only after init.
 * Memory:  inline.
 * Failure: init STATUS_SETTING when a list holds more than HTTP_GUARD_NAMES_MAX names.
 */
#ifndef IO_HTTP_GUARD_H
#define IO_HTTP_GUARD_H

#include "base/option.h"
#include "base/slice.h"
#include "base/status.h"

enum { HTTP_GUARD_NAMES_MAX = 16 };

struct http_guard_list {
    char text[OPTION_TEXT_SIZE];
    struct slice names[HTTP_GUARD_NAMES_MAX];
    uint32_t count;
};

struct http_guard {
    char listen[OPTION_TEXT_SIZE]; /* the host part of http.listen */
    struct http_guard_list hosts;
    struct http_guard_list origins;
};

enum http_origin {
    HTTP_ORIGIN_OWN,     /* no Origin header, or that of this server's pages */
    HTTP_ORIGIN_NAMED,   /* in http.origins */
    HTTP_ORIGIN_FOREIGN,
};

enum status http_guard_init(struct http_guard *guard, struct slice listen_host, const char *hosts, const char *origins,
                            struct problem *problem) MUST_CHECK;
/* host: a Host header, with or without port; absent is refused. */
bool http_guard_allows_host(const struct http_guard *guard, struct slice host);
enum http_origin http_guard_origin(const struct http_guard *guard, struct slice origin, struct slice host);

#endif
