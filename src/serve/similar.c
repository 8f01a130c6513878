#include "serve/similar.h"

#include "io/clock.h"
#include "serve/listing.h"
#include "serve/parameters.h"

void similar_get(struct serve_loop *loop, struct http_request *request)
{
    struct slice id = request->segments[2];
    struct parameters parameters;
    struct problem problem = {0};
    uint32_t n = 0;

    enum status status = parameters_open(&parameters, request, NULL, &problem);
    if (status == STATUS_OK)
        status = parameters_count(&parameters, "n", (uint32_t)loop->shared->config->options.items, 1, DECIDE_ITEMS_MAX, &n, &problem);
    if (status != STATUS_OK) {
        serve_loop_problem(loop, request, &problem);
        return;
    }
    int64_t now_ms = clock_wall_ms();
    decide_similar(loop->decider, hash_64(loop->shared->key, id.data, id.size), n, now_ms, loop->answer);
    struct json_writer *out = serve_loop_begin(loop);
    json_object_begin(out);
    json_key(out, "content_id");
    json_string(out, id);
    listing_as_of(loop, now_ms);
    listing_write(loop, NULL, now_ms);
    json_object_end(out);
    http_add_header(request, "Cache-Control", "no-store");
    serve_loop_answer(loop, request, 200);
}
