/* listing.h - the items of a list as JSON: content, score, reasons, what the catalogue says.
 *
 * Threads: the loop.
 * Memory:  the loop's writer.
 * Failure: cannot fail; a catalogue row that cannot be read leaves its members out.
 */
#ifndef SERVE_LISTING_H
#define SERVE_LISTING_H

#include "serve/serve_loop.h"

/* The members `items` and, where there are none, `empty`; loop->answer is what was decided.
 * feature: of contents, shown with each item as of now_ms; NULL: none. */
void listing_write(struct serve_loop *loop, const struct feature *feature, int64_t now_ms);
/* The member as_of {learn, at} of what does not depend on a person. */
void listing_as_of(struct serve_loop *loop, int64_t now_ms);
/* The member content_id of a slot; nothing when it is forgotten. */
void listing_content(struct serve_loop *loop, uint32_t slot);

#endif
