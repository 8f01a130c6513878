/* status.h - what can go wrong while running, one row each (base/status.def).
 *
 * Three kinds of wrong: a bug asserts; an operating failure returns an enum status, which
 * must be checked; bad data is counted and set aside and is no error.  One table gives the
 * text of the log, the HTTP code, the advice to retry and docs/ERRORS.md.
 *
 * Threads: any.
 * Memory:  constant tables; struct problem is owned by the caller.
 * Failure: cannot fail.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdbool.h>

#include "base/assert.h"

enum status {
#define STATUS(name, code, http, retry, text, fix) STATUS_##name,
#include "base/status.def"
#undef STATUS
    STATUS_COUNT
};

struct status_row {
    const char *name;
    const char *code;
    int http;
    bool retry;
    const char *text;
    const char *fix;
};

const struct status_row *status_row(enum status status);

/* A failure with its place: what, where, and what to do.  Filled by whoever detects it. */
struct problem {
    enum status status;
    char detail[384];  /* a sentence naming the thing and the reason */
    char fix[192];     /* what to do; empty: the row's */
    char pointer[160]; /* JSON pointer, or file:line */
};

/* Fills *problem (which may be NULL) and returns status, so that callers can return it. */
enum status problem_set(struct problem *problem, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
