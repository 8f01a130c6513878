#include "serve/listing.h"

#include "base/shared.h"

void listing_content(struct serve_loop *loop, uint32_t slot)
{
    char id[EVENT_CONTENT_MAX];
    uint32_t size = 0;

    if (slot == MODEL_NONE || !model_content_id(loop->shared->model, slot, id, &size))
        return;
    json_key(&loop->out, "content_id");
    json_string(&loop->out, slice_make(id, size));
}

static void write_reason(struct serve_loop *loop, const struct answer_reason *reason)
{
    struct json_writer *out = &loop->out;

    json_object_begin(out);
    json_key(out, "code");
    json_text(out, decide_reason_name(reason->code));
    listing_content(loop, reason->content_slot);
    if (reason->category_slot != MODEL_NONE) {
        struct slice name = model_category_name(loop->shared->model, reason->category_slot);
        if (name.size > 0) {
            json_key(out, "category");
            json_string(out, name);
        }
    }
    json_key(out, "weight");
    json_number(out, (double)reason->weight);
    json_object_end(out);
}

static void write_feature(struct serve_loop *loop, uint32_t slot, const struct feature *feature, int64_t now_ms)
{
    const void *record = learner_features(loop->shared->learner, FEATURE_CONTENT, slot);
    struct feature_value value;

    if (record == NULL)
        return;
    layout_read(feature, record, now_ms, &value);
    json_key(&loop->out, "features");
    json_object_begin(&loop->out);
    json_key(&loop->out, feature->declared.name);
    json_number(&loop->out, value.number);
    json_object_end(&loop->out);
}

static void write_item(struct serve_loop *loop, const struct answer_item *item, const struct feature *feature, int64_t now_ms)
{
    struct json_writer *out = &loop->out;

    json_object_begin(out);
    json_key(out, "content_id");
    json_string(out, slice_make(item->id, item->id_size));
    json_key(out, "score");
    json_number(out, item->score);
    json_key(out, "propensity");
    json_number(out, item->propensity);
    json_key(out, "reasons");
    json_array_begin(out);
    for (uint32_t i = 0; i < item->reason_count; i++)
        write_reason(loop, &item->reasons[i]);
    json_array_end(out);
    if (feature != NULL)
        write_feature(loop, item->slot, feature, now_ms);
    documents_write(loop->documents, item->slot, item->document, out);
    json_object_end(out);
}

void listing_write(struct serve_loop *loop, const struct feature *feature, int64_t now_ms)
{
    struct json_writer *out = &loop->out;
    const struct answer *answer = loop->answer;

    json_key(out, "items");
    json_array_begin(out);
    for (uint32_t i = 0; i < answer->count; i++)
        write_item(loop, &answer->items[i], feature, now_ms);
    json_array_end(out);
    if (answer->count > 0)
        return;
    SHARED_ADD(loop->empty, 1);
    json_key(out, "empty");
    json_text(out, answer->empty ? answer->empty : "nothing is left to recommend");
}

void listing_as_of(struct serve_loop *loop, int64_t now_ms)
{
    struct json_writer *out = &loop->out;

    json_key(out, "as_of");
    json_object_begin(out);
    json_key(out, "learn");
    json_unsigned(out, learner_applied(loop->shared->learner));
    json_key(out, "at");
    json_time(out, now_ms);
    json_object_end(out);
}
