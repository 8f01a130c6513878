/* verb_demo.h - penchant demo: serve, with generated visitors and the demo site.
 *
 * Threads: the main thread.
 * Memory:  its own, freed at return.
 * Failure: exit code (app/verbs.h) and a line on stderr.
 */
#ifndef APP_VERB_DEMO_H
#define APP_VERB_DEMO_H

extern const char verb_demo_usage[];
int verb_demo_run(int argument_count, char **arguments);

#endif
