/* verb_replay.h - penchant replay: past events from a file into a data directory.
 *
 * Threads: the main thread.
 * Memory:  its own, freed at return.
 * Failure: exit code (app/verbs.h) and a line on stderr.
 */
#ifndef APP_VERB_REPLAY_H
#define APP_VERB_REPLAY_H

extern const char verb_replay_usage[];
int verb_replay_run(int argument_count, char **arguments);

#endif
