/* verb_status.h - penchant status: how a running server is, asked over HTTP.
 *
 * Threads: the main thread.
 * Memory:  its own, freed at return.
 * Failure: exit code (app/verbs.h) and a line on stderr.
 */
#ifndef APP_VERB_STATUS_H
#define APP_VERB_STATUS_H

extern const char verb_status_usage[];
int verb_status_run(int argument_count, char **arguments);

#endif
