/* verb_version.h - penchant version: which program this is.
 *
 * Threads: the main thread.
 * Memory:  its own, freed at return.
 * Failure: exit code (app/verbs.h) and a line on stderr.
 */
#ifndef APP_VERB_VERSION_H
#define APP_VERB_VERSION_H

extern const char verb_version_usage[];
int verb_version_run(int argument_count, char **arguments);

#endif
