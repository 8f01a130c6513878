#include "decide/decider.h"

#include <stdlib.h>

enum status decider_create(struct decider **decider, const struct model *model, const struct layout *layout,
                           const struct event_types *types, const struct decide_options *options)
{
    struct decider *d = calloc(1, sizeof *d);
    (void)types;
    *decider = d;
    if (d == NULL)
        return STATUS_MEMORY;
    d->model = model;
    d->layout = layout;
    d->options = *options;
    for (uint32_t i = 0; i < layout->feature_count; i++) {
        const struct feature_declaration *declared = &layout->features[i].declared;
        if (declared->entity == FEATURE_USER && declared->kind == FEATURE_CATEGORIES && d->categories == NULL)
            d->categories = &layout->features[i];
    }
    return STATUS_OK;
}

void decider_destroy(struct decider *decider)
{
    free(decider);
}
