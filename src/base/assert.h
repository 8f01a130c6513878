/* assert.h - a bug stops the process, in production too.
 *
 * ASSERT is for what must hold whatever the outside does; an operating failure is an
 * enum status and bad data is counted and set aside (base/status.h).
 *
 * Threads: any.
 * Memory:  none.
 * Failure: prints the expression and the place, then aborts; a restart replays the log.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <assert.h> /* static_assert */

_Noreturn void assert_failed(const char *expression, const char *file, int line);

#define ASSERT(expression) \
    ((expression) ? (void)0 : assert_failed(#expression, __FILE__, __LINE__))
#define UNREACHABLE(why) assert_failed(why, __FILE__, __LINE__)

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
