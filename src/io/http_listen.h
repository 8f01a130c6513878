/* http_listen.h - listening sockets of the loops, one each, on one port.
 *
 * With more than one loop the sockets share the port by SO_REUSEPORT and the kernel spreads
 * connections over them.  That option would also let a second server of the same user in, so
 * the port is first bound once without it: a busy port is seen.
 *
 * Threads: any.
 * Memory:  none.
 * Failure: STATUS_SETTING (not HOST:PORT, not a loopback address), STATUS_IN_USE, STATUS_IO.
 */
#ifndef IO_HTTP_LISTEN_H
#define IO_HTTP_LISTEN_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

/* Opens count non-blocking listening sockets on "HOST:PORT" (port 0: a free one; *port says
 * which).  *host becomes the host as written, without brackets' change. */
enum status http_listen_open(const char *listen, int *sockets, uint32_t count, struct slice *host, uint16_t *port,
                             struct problem *problem) MUST_CHECK;

#endif
