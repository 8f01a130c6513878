/* parameters.h - what a request asks: by query, or by members of a JSON body.
 *
 * The query wins where both name one.  Each reader checks the range and names the parameter
 * in the problem: pointer "/n" for a member of the body, "n" for the query.
 *
 * Threads: the loop of the request.
 * Memory:  the request's arena, the loop's JSON parser (until its next parse).
 * Failure: STATUS_BAD_REQUEST naming the parameter.
 */
#ifndef SERVE_PARAMETERS_H
#define SERVE_PARAMETERS_H

#include "io/http.h"
#include "wire/json.h"

struct parameters {
    struct http_request *request;
    const struct json_value *values; /* the body's object; NULL: none */
};

/* Reads the body where there is one. */
enum status parameters_open(struct parameters *parameters, struct http_request *request, struct json_parser *parser,
                            struct problem *problem) MUST_CHECK;
/* The member of the body, NULL when absent or null. */
const struct json_value *parameters_member(const struct parameters *parameters, const char *name);
/* Scalar as text; absent when it is not there. */
enum status parameters_text(const struct parameters *parameters, const char *name, uint32_t size_max, struct slice *text,
                            struct problem *problem) MUST_CHECK;
enum status parameters_count(const struct parameters *parameters, const char *name, uint32_t default_value, uint32_t min,
                             uint32_t max, uint32_t *value, struct problem *problem) MUST_CHECK;
/* 1, true; 0, false. */
enum status parameters_flag(const struct parameters *parameters, const char *name, bool default_value, bool *value,
                            struct problem *problem) MUST_CHECK;
/* Two letters, made upper case; zeros when absent. */
enum status parameters_country(const struct parameters *parameters, char country[2], struct problem *problem) MUST_CHECK;
/* `device` or `device_type`, else from the User-Agent; enum device. is_guessed: also from the User-Agent. */
enum status parameters_device(const struct parameters *parameters, bool is_guessed, uint8_t *device, struct problem *problem) MUST_CHECK;

#endif
