/* assets.h - the web pages, kept in the binary.
 *
 * Threads: any.
 * Memory:  read-only data of the program.
 * Failure: assets_find returns NULL when nothing is at the path.
 */
#ifndef SERVE_ASSETS_H
#define SERVE_ASSETS_H

#include "base/slice.h"

struct asset {
    const char *path;          /* "/", "/demo", "/web/demo.js" */
    const char *content_type;
    struct slice body;
};

const struct asset *assets_find(struct slice path);

#endif
