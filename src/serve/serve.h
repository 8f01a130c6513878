/* serve.h - the HTTP API: routes, shapes, waiting for positions.
 *
 * Routes match the raw path; each segment is decoded once.  An answer waits for a position,
 * not for a thread: it must show Penchant-Position, else the last position appended for that
 * user; a connection whose position is not applied is suspended until it is, at most
 * serve.wait, then the answer says degraded: "behind".
 *
 * Threads: handlers run on the http loops; one decider per loop.
 * Memory:  per loop a decider, a JSON writer and a document cache (serve.documents_bytes).
 * Failure: serve_open as http_open.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "base/option.h"
#include "base/status.h"
#include "decide/decide.h"
#include "engine/engine.h"
#include "io/http.h"
#include "schema/json_schema.h"
#include "wire/json_writer.h"

struct serve_options {
#define OPTION(kind, field, name, def, min, max, text) OPTION_TYPE_##kind(field)
#include "serve/serve_options.def"
#undef OPTION
};

struct serve_config {
    struct serve_options options;
    struct http_options http;
    struct decide_options decide;
    int32_t zone_minutes;
    const struct json_schema *event_schema; /* NULL: none; must outlive serve */
    const char *version;
    const char *config_file;   /* NULL: none */
};

struct serve;

/* Opens the listening socket; answers 503 not_ready until serve_ready. */
enum status serve_open(struct serve **serve, struct engine *engine, const struct serve_config *config,
                       struct problem *problem) MUST_CHECK;
enum status serve_start(struct serve *serve) MUST_CHECK;
void serve_ready(struct serve *serve);
/* readyz and new events answer 503 from here on; running requests go on. */
void serve_drain(struct serve *serve);
void serve_stop(struct serve *serve);
void serve_close(struct serve *serve);
uint16_t serve_port(const struct serve *serve);

/* GET /api/demo answers what render writes (one JSON object); without it 404. */
void serve_set_demo(struct serve *serve, void (*render)(void *context, struct json_writer *out), void *context);
/* Further rows of /metrics (ops). */
void serve_set_metrics(struct serve *serve, void (*emit)(void *context, struct metric_sink *sink), void *context);
void serve_metrics(struct serve *serve, struct metric_sink *sink);

#endif
