#include "serve/trending.h"

#include "io/clock.h"
#include "schema/event.h"
#include "serve/listing.h"
#include "serve/parameters.h"

struct trending {
    uint32_t n;
    char country[2];
    uint8_t device;
    struct slice category;
};

static enum status read_parameters(struct serve_loop *loop, const struct parameters *parameters, struct trending *trending,
                                   struct problem *problem)
{
    enum status status = parameters_count(parameters, "n", (uint32_t)loop->shared->config->options.items, 1, DECIDE_ITEMS_MAX,
                                          &trending->n, problem);
    if (status == STATUS_OK)
        status = parameters_country(parameters, trending->country, problem);
    if (status == STATUS_OK)
        status = parameters_device(parameters, false, &trending->device, problem);
    if (status == STATUS_OK)
        status = parameters_text(parameters, "category", EVENT_CATEGORY_SIZE_MAX, &trending->category, problem);
    return status;
}

static void write_scope(struct json_writer *out, const struct trending *trending)
{
    if (trending->country[0] != 0) {
        json_key(out, "country");
        json_string(out, slice_make(trending->country, 2));
    }
    if (trending->device != DEVICE_NONE) {
        json_key(out, "device");
        json_text(out, event_device_name(trending->device));
    }
    if (trending->category.size > 0) {
        json_key(out, "category");
        json_string(out, trending->category);
    }
}

void trending_get(struct serve_loop *loop, struct http_request *request)
{
    const struct serve_shared *shared = loop->shared;
    struct trending trending = {0};
    struct parameters parameters;
    struct problem problem = {0};

    enum status status = parameters_open(&parameters, request, NULL, &problem);
    if (status == STATUS_OK)
        status = read_parameters(loop, &parameters, &trending, &problem);
    if (status != STATUS_OK) {
        serve_loop_problem(loop, request, &problem);
        return;
    }
    int64_t now_ms = clock_wall_ms();
    uint64_t category = trending.category.size > 0 ? hash_64(shared->key, trending.category.data, trending.category.size) : 0;
    decide_trending(loop->decider, trending.country, trending.device, category, trending.n, now_ms, loop->answer);
    struct json_writer *out = serve_loop_begin(loop);
    json_object_begin(out);
    write_scope(out, &trending);
    listing_as_of(loop, now_ms);
    listing_write(loop, layout_find(shared->layout, FEATURE_CONTENT, "clicks_10m"), now_ms);
    json_object_end(out);
    http_add_header(request, "Cache-Control", "no-store");
    serve_loop_answer(loop, request, 200);
}
