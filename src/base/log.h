/* log.h - messages to people, on stderr, one line each (logfmt).
 *
 * ts=2026-11-24T10:00:00.123Z level=info component=engine msg="..." key=value
 * Repeats of one place within a second are counted, not printed.
 *
 * Threads: any; a line is written with one write().
 * Memory:  on the stack.
 * Failure: cannot fail; lines over 1,000 bytes are cut.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_set_level(enum log_level level);
/* fields: logfmt pairs, e.g. "file=%s offset=%lu"; NULL for none */
void log_message(enum log_level level, const char *component, const char *message,
                 const char *fields, ...) __attribute__((format(printf, 4, 5)));
unsigned long log_count(enum log_level level);

#endif
