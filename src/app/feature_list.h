/* feature_list.h - the lists of the settings file: event_types and features.
 *
 *     event_types:
 *       - {name: comment, content: yes, strength: 3, neighbours: yes, trends: no}
 *     features:
 *       - {name: shares_1h, entity: content, kind: count, types: [share], window: 1h}
 *       - {name: ctr_1d, entity: content, kind: rate, types: [click], per: [impression], window: 1d, prior: 1, prior_per: 50}
 *
 * Declared features are added to the shipped ones; one of the same name and entity replaces it.
 *
 * Threads: one, at start.
 * Memory:  the caller's.
 * Failure: STATUS_SETTING with file:line, the name and the reason.
 */
#ifndef APP_FEATURE_LIST_H
#define APP_FEATURE_LIST_H

#include "feature/layout.h"
#include "ops/settings.h"

/* Before the file is read: which keys the items may have. */
void feature_list_allow(struct settings *settings);
enum status feature_list_types(const struct settings *settings, struct event_types *types, struct problem *problem) MUST_CHECK;
enum status feature_list_layout(const struct settings *settings, const struct event_types *types, struct layout *layout,
                                struct problem *problem) MUST_CHECK;

#endif
