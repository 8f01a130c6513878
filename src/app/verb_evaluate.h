/* verb_evaluate.h - penchant evaluate: quality on a file of events.
 *
 * Threads: the main thread.
 * Memory:  its own, freed at return.
 * Failure: exit code (app/verbs.h) and a line on stderr.
 */
#ifndef APP_VERB_EVALUATE_H
#define APP_VERB_EVALUATE_H

extern const char verb_evaluate_usage[];
int verb_evaluate_run(int argument_count, char **arguments);

#endif
