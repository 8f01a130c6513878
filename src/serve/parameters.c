#include "serve/parameters.h"

#include <stdio.h>

#include "base/option.h"
#include "schema/event.h"

enum status parameters_open(struct parameters *parameters, struct http_request *request, struct json_parser *parser,
                            struct problem *problem)
{
    uint32_t count = 0;

    *parameters = (struct parameters){.request = request};
    if (parser == NULL || request->body.size == 0)
        return STATUS_OK;
    enum status status = json_parse(parser, request->body, &parameters->values, &count, problem);
    if (status == STATUS_OK && parameters->values[0].kind != JSON_OBJECT)
        return problem_set(problem, STATUS_BAD_REQUEST, "the body is not a JSON object");
    return status;
}

const struct json_value *parameters_member(const struct parameters *parameters, const char *name)
{
    if (parameters->values == NULL)
        return NULL;
    const struct json_value *value = json_find(parameters->values, 0, name);
    return value == NULL || value->kind == JSON_NULL ? NULL : value;
}

/* The problem of a parameter: what is wrong, and where it stands. */
static enum status wrong(const struct parameters *parameters, const char *name, const char *expected, struct problem *problem)
{
    bool is_query = http_query(parameters->request, name).data != NULL;

    problem_set(problem, STATUS_BAD_REQUEST, "%s: %s is expected", name, expected);
    snprintf(problem->pointer, sizeof problem->pointer, "%s%s", is_query ? "" : "/", name);
    snprintf(problem->fix, sizeof problem->fix, "correct the parameter %s", name);
    return STATUS_BAD_REQUEST;
}

enum status parameters_text(const struct parameters *parameters, const char *name, uint32_t size_max, struct slice *text,
                            struct problem *problem)
{
    *text = http_query(parameters->request, name);
    if (text->data == NULL) {
        const struct json_value *value = parameters_member(parameters, name);
        if (value == NULL)
            return STATUS_OK;
        if (value->kind == JSON_OBJECT || value->kind == JSON_ARRAY)
            return wrong(parameters, name, "a text, a number or a truth value", problem);
        if (value->kind == JSON_TRUE || value->kind == JSON_FALSE)
            *text = slice_of(value->kind == JSON_TRUE ? "true" : "false");
        else
            *text = value->text;
    }
    if (text->size > size_max) {
        char expected[64];
        snprintf(expected, sizeof expected, "at most %u bytes", size_max);
        return wrong(parameters, name, expected, problem);
    }
    return STATUS_OK;
}

enum status parameters_count(const struct parameters *parameters, const char *name, uint32_t default_value, uint32_t min,
                             uint32_t max, uint32_t *value, struct problem *problem)
{
    enum { DIGITS_MAX = 9 };
    struct slice text;
    char expected[64];
    uint32_t number = 0;

    *value = default_value;
    snprintf(expected, sizeof expected, "a whole number from %u to %u", min, max);
    enum status status = parameters_text(parameters, name, OPTION_TEXT_SIZE, &text, problem);
    if (status != STATUS_OK || text.data == NULL)
        return status;
    if (text.size == 0 || text.size > DIGITS_MAX)
        return wrong(parameters, name, expected, problem);
    for (uint32_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return wrong(parameters, name, expected, problem);
        number = number * 10 + (uint32_t)(text.data[i] - '0');
    }
    if (number < min || number > max)
        return wrong(parameters, name, expected, problem);
    *value = number;
    return STATUS_OK;
}

enum status parameters_flag(const struct parameters *parameters, const char *name, bool default_value, bool *value,
                            struct problem *problem)
{
    struct slice text;
    enum status status = parameters_text(parameters, name, OPTION_TEXT_SIZE, &text, problem);

    *value = default_value;
    if (status != STATUS_OK || text.data == NULL)
        return status;
    if (slice_is(text, "1") || slice_is(text, "true"))
        *value = true;
    else if (slice_is(text, "0") || slice_is(text, "false"))
        *value = false;
    else
        return wrong(parameters, name, "1, true, 0 or false", problem);
    return STATUS_OK;
}

static bool take_letter(char c, char *upper)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    *upper = c;
    return c >= 'A' && c <= 'Z';
}

enum status parameters_country(const struct parameters *parameters, char country[2], struct problem *problem)
{
    struct slice text;
    enum status status = parameters_text(parameters, "country", OPTION_TEXT_SIZE, &text, problem);

    memset(country, 0, 2);
    if (status != STATUS_OK || text.size == 0)
        return status;
    if (text.size != 2 || !take_letter(text.data[0], &country[0]) || !take_letter(text.data[1], &country[1])) {
        memset(country, 0, 2);
        return wrong(parameters, "country", "a country of two letters, as in ISO 3166,", problem);
    }
    return STATUS_OK;
}

enum status parameters_device(const struct parameters *parameters, bool is_guessed, uint8_t *device, struct problem *problem)
{
    const char *name = "device";
    struct slice text;
    enum status status = parameters_text(parameters, name, OPTION_TEXT_SIZE, &text, problem);

    *device = DEVICE_NONE;
    if (status == STATUS_OK && text.size == 0) {
        name = "device_type";
        status = parameters_text(parameters, name, OPTION_TEXT_SIZE, &text, problem);
    }
    if (status != STATUS_OK)
        return status;
    if (text.size > 0) {
        uint8_t found = event_device_find(text);
        if (found == DEVICE_COUNT)
            return wrong(parameters, name, "desktop, mobile, tablet, tv, console or other", problem);
        *device = found;
    } else if (is_guessed) {
        struct slice agent = http_header(parameters->request, "User-Agent");
        if (agent.size > 0)
            *device = event_device_of(agent);
    }
    return STATUS_OK;
}
