#include "serve/assets.h"

/* Where assets.S put the bytes. */
#define ASSET(name, file, path, content_type) extern const char assets_##name[], assets_##name##_end[];
#define ALIAS(name, path, content_type)
#include "serve/assets.def"
#undef ASSET
#undef ALIAS

#define ROW(name, path, content_type) {path, content_type, assets_##name, assets_##name##_end},
#define ASSET(name, file, path, content_type) ROW(name, path, content_type)
#define ALIAS(name, path, content_type) ROW(name, path, content_type)
static const struct {
    const char *path;
    const char *content_type;
    const char *begin;
    const char *end;
} rows[] = {
#include "serve/assets.def"
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

/* Sizes are differences of addresses, which a constant initialiser cannot hold. */
static struct asset assets[ROW_COUNT];

__attribute__((constructor)) static void fill(void)
{
    for (uint32_t i = 0; i < ROW_COUNT; i++)
        assets[i] = (struct asset){rows[i].path, rows[i].content_type, slice_make(rows[i].begin, (size_t)(rows[i].end - rows[i].begin))};
}

const struct asset *assets_find(struct slice path)
{
    for (uint32_t i = 0; i < ROW_COUNT; i++)
        if (slice_is(path, assets[i].path))
            return &assets[i];
    return NULL;
}
