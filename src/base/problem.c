/* problem.c - struct problem of base/status.h. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

enum status problem_set(struct problem *problem, enum status status, const char *format, ...)
{
    ASSERT((unsigned)status < STATUS_COUNT);
    if (problem == NULL)
        return status;
    problem->status = status;
    problem->fix[0] = '\0';
    problem->pointer[0] = '\0';
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(problem->detail, sizeof problem->detail, format, arguments);
    va_end(arguments);
    if (length < 0)
        problem->detail[0] = '\0';
    return status;
}
