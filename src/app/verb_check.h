/* verb_check.h - penchant check: are the settings valid, and what would serve do.
 *
 * Threads: the main thread.
 * Memory:  its own, freed at return.
 * Failure: exit code (app/verbs.h) and a line on stderr.
 */
#ifndef APP_VERB_CHECK_H
#define APP_VERB_CHECK_H

extern const char verb_check_usage[];
int verb_check_run(int argument_count, char **arguments);

#endif
