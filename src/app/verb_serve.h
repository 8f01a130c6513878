/* verb_serve.h - penchant serve: the engine, until a signal.
 *
 * Threads: the main thread.
 * Memory:  its own, freed at return.
 * Failure: exit code (app/verbs.h) and a line on stderr.
 */
#ifndef APP_VERB_SERVE_H
#define APP_VERB_SERVE_H

extern const char verb_serve_usage[];
int verb_serve_run(int argument_count, char **arguments);

#endif
