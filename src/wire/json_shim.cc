// The only C++ of this room.  simdjson picks its kernel for the machine at run time.
#include "wire/json_shim.h"

#include <memory>
#include <new>

#include <simdjson.h>

static_assert(JSON_SHIM_PADDING >= simdjson::SIMDJSON_PADDING, "padding that simdjson reads");

struct json_shim {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> kernel;
};

extern "C" struct json_shim *json_shim_create(void)
{
    std::unique_ptr<json_shim> shim(new (std::nothrow) json_shim);
    const size_t first_capacity = 64 * 1024, no_depth = 1;
    if (!shim || simdjson::get_active_implementation()->create_dom_parser_implementation(first_capacity, no_depth,
                                                                                        shim->kernel))
        return nullptr;
    return shim.release();
}

extern "C" void json_shim_destroy(struct json_shim *shim)
{
    delete shim;
}

extern "C" enum json_shim_result json_shim_scan(struct json_shim *shim, const char *text, size_t size,
                                                const uint32_t **tokens, uint32_t *count)
{
    auto &kernel = *shim->kernel;
    if (size > kernel.capacity()) {
        size_t capacity = kernel.capacity();
        while (capacity < size)
            capacity *= 2;
        if (kernel.set_capacity(capacity))
            return JSON_SHIM_MEMORY;
    }
    auto bytes = reinterpret_cast<const uint8_t *>(text);
    switch (kernel.stage1(bytes, size, simdjson::stage1_mode::regular)) {
    case simdjson::SUCCESS:
        *tokens = kernel.structural_indexes.get();
        *count = kernel.n_structural_indexes;
        return JSON_SHIM_OK;
    case simdjson::EMPTY:
        return JSON_SHIM_EMPTY;
    case simdjson::UTF8_ERROR:
        return JSON_SHIM_UTF8;
    case simdjson::UNESCAPED_CHARS:
        return JSON_SHIM_CONTROL;
    case simdjson::UNCLOSED_STRING:
        return JSON_SHIM_UNCLOSED;
    default:
        return JSON_SHIM_OTHER;
    }
}

extern "C" char *json_shim_unescape(const struct json_shim *shim, const char *from, char *to)
{
    uint8_t *end = shim->kernel->parse_string(reinterpret_cast<const uint8_t *>(from), reinterpret_cast<uint8_t *>(to));
    return reinterpret_cast<char *>(end);
}

extern "C" double json_shim_number(const char *from, const char *end)
{
    return simdjson::internal::from_chars(from, end);
}
