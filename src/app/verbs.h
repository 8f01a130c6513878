/* verbs.h - what `penchant VERB` can be; one row each.
 *
 * A verb gets the arguments behind its name and returns the exit code: 0 done, 1 failed, 2 misused, 3 bad settings
 * or data directory, 4 server not reachable, 10 not healthy, 20 a threshold missed.
 *
 * Threads: the main thread.
 * Memory:  each verb's own.
 * Failure: by exit code, with the reason on stderr.
 */
#ifndef APP_VERBS_H
#define APP_VERBS_H

#include "base/status.h"

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_MISUSED = 2, EXIT_SETTINGS = 3, EXIT_UNREACHABLE = 4, EXIT_UNHEALTHY = 10, EXIT_THRESHOLD = 20 };

struct verb {
    const char *name;
    const char *summary;
    const char *usage; /* the text of --help */
    int (*run)(int argument_count, char **arguments);
};

const struct verb *verbs_find(const char *name);
void verbs_print(void);
/* Prints the problem on stderr and gives the exit code that fits its status. */
int verbs_fail(const struct problem *problem);
/* "unexpected argument ..." and EXIT_MISUSED. */
int verbs_misused(const char *verb, const char *argument);

#endif
