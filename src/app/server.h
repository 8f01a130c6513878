/* server.h - a running penchant: opened in the order of the data flow, closed in its reverse.
 *
 * Threads: one: the main thread, which waits for a signal.
 * Memory:  what the rooms take.
 * Failure: server_open names what failed; server_wait cannot fail.
 */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include <stdio.h>

#include "app/configuration.h"

struct server;

enum status server_open(struct server **server, const struct configuration *configuration, struct problem *problem) MUST_CHECK;
/* Starts every thread and says where everything is: version, settings, data, URLs, durability, memory. */
enum status server_start(struct server *server, FILE *banner) MUST_CHECK;
/* Returns after SIGTERM or SIGINT; a second signal ends the process at once. */
void server_wait(struct server *server);
/* Drains, checkpoints, stops. */
void server_close(struct server *server);
struct serve *server_serve(struct server *server);

#endif
