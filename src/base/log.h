/* log.h - messages to people, on stderr, one line each (logfmt).
 *
 * ts=2026-11-24T10:00:00.123Z level=info component=engine msg="..." key=value
 * Repeats of one place (level, component, message) within a second are counted, not printed; the
 * next one that is printed carries repeated=N.  The source is log_message.c: log.c is the
 * event log's.
 *
 * Threads: any; a line is written with one write().
 * Memory:  on the stack.
 * Failure: cannot fail; lines over 1,000 bytes are cut.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* fields: logfmt pairs, e.g. "file=%s offset=%lu"; NULL for none */
void log_message(enum log_level level, const char *component, const char *message,
                 const char *fields, ...) __attribute__((format(printf, 4, 5)));

/* Messages below level are neither printed nor counted. LOG_INFO at start. */
void log_message_set_level(enum log_level level);
/* Messages of a level so far, the unprinted repeats too. */
unsigned long log_message_count(enum log_level level);

static inline void log_set_level(enum log_level level)
{
    log_message_set_level(level);
}

static inline unsigned long log_count(enum log_level level)
{
    return log_message_count(level);
}

#endif
