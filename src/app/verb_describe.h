/* verb_describe.h - penchant describe: the tables as Markdown.
 *
 * Threads: the main thread.
 * Memory:  its own, freed at return.
 * Failure: exit code (app/verbs.h) and a line on stderr.
 */
#ifndef APP_VERB_DESCRIBE_H
#define APP_VERB_DESCRIBE_H

extern const char verb_describe_usage[];
int verb_describe_run(int argument_count, char **arguments);

#endif
