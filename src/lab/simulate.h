/* simulate.h - the demo's visitors: people with hidden tastes, as clients of the public API.
 *
 * Loads the demo catalogue, gives the engine some reading to learn from, then plays visitors
 * at a steady pace.  Each visitor belongs to one of three arms for life: lists come from
 * /v1/recommendations, from /v1/trending, or are drawn at random; all three leave out what
 * the visitor has read.  What is clicked follows the visitor's taste, which the engine is
 * never told, and which changes for many at known moments.
 *
 * Threads: one of its own, the client; simulate_render any.
 * Memory:  about 200 bytes a visitor, the catalogue, ten minutes of history.
 * Failure: simulate_start STATUS_MEMORY; a server that does not answer is asked again, at most
 *          once a second, and shown as phase "waiting".
 */
#ifndef LAB_SIMULATE_H
#define LAB_SIMULATE_H

#include "base/status.h"
#include "wire/json_writer.h"

struct simulate;

struct simulate_options {
    const char *host;   /* NULL: 127.0.0.1 */
    uint16_t port;
    uint64_t seed;
    uint32_t visitors;  /* people alive at a time; those who have read enough are replaced */
    uint32_t rate;      /* events per second */
};

enum status simulate_start(struct simulate **simulate, const struct simulate_options *options, struct problem *problem) MUST_CHECK;
/* Stops the client; simulate_render may go on. */
void simulate_stop(struct simulate *simulate);
/* After simulate_stop, and when no request renders any more (serve_stop). */
void simulate_destroy(struct simulate *simulate);

/* GET /api/demo as serve_set_demo wants it; context is the struct simulate.
 * {phase: "waiting" | "loading" | "warming" | "live", progress, seed, started_at, at, visitors, events, events_per_s, rejected,
 *  window_s, categories: [..],
 *  arms: [{name: "for_you" | "trends" | "random", visitors, impressions, clicks, rate, total: {impressions, clicks, rate}}],
 *  history: {step_s, at, for_you: [..], trends: [..], random: [..]},   oldest first, null: nobody looked; `at` of the newest
 *  changes: [{at, category, text, share}],                             oldest first
 *  next_change_s,
 *  front: [{content_id, title, categories}]} */
void simulate_render(void *context, struct json_writer *out);

#endif
