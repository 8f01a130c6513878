/* simulate_site.h - the public API as the demo's visitors use it: events in, lists out.
 *
 * Threads: one.
 * Memory:  a connection, a parser and a body of at most SIMULATE_SITE_BATCH events.
 * Failure: as http_client_call; STATUS_BAD_REQUEST where the answer is not what the API promises.
 */
#ifndef LAB_SIMULATE_SITE_H
#define LAB_SIMULATE_SITE_H

#include "io/http_client.h"
#include "lab/simulate_people.h"
#include "wire/json.h"

enum { SIMULATE_SITE_BATCH = 400, SIMULATE_SITE_LIST_MAX = 60, SIMULATE_SITE_ID_SIZE = 64 };

struct simulate_site {
    struct http_client *client;
    struct json_parser *parser;
    struct json_writer body;
    const struct catalogue_demo *catalogue;
    char base[128];       /* "http://127.0.0.1:7700" */
    char run[16];
    uint64_t sequence;    /* of event ids */
    uint32_t pending;     /* events in body */
};

struct simulate_site_list {
    char request_id[SIMULATE_SITE_ID_SIZE]; /* empty: nobody has to know */
    uint32_t articles[SIMULATE_SITE_LIST_MAX];
    uint32_t count;
};

struct simulate_site_event {
    const char *type;
    const struct simulate_person *person;
    uint32_t article;
    int64_t time_ms;
    int64_t dwell_ms;             /* 0: none */
    const char *placement;        /* NULL: none; else position, and request_id where it is known */
    const char *request_id;
    uint32_t position;
};

enum status simulate_site_open(struct simulate_site *site, const char *host, uint16_t port, const char *run,
                               const struct catalogue_demo *catalogue, struct problem *problem) MUST_CHECK;
void simulate_site_close(struct simulate_site *site);

enum status simulate_site_is_ready(struct simulate_site *site, bool *is_ready) MUST_CHECK;
/* Articles [first, first + count) into the catalogue. */
enum status simulate_site_load(struct simulate_site *site, uint32_t first, uint32_t count, int64_t now_ms) MUST_CHECK;
/* Into the body; there is room until pending is SIMULATE_SITE_BATCH. */
void simulate_site_add(struct simulate_site *site, const struct simulate_site_event *event);
/* Posts the body and empties it, also when it fails: the next one has other ids. */
enum status simulate_site_flush(struct simulate_site *site, uint32_t *accepted, uint32_t *rejected) MUST_CHECK;
enum status simulate_site_recommend(struct simulate_site *site, const struct simulate_person *person, uint32_t n,
                                    const char *placement, struct simulate_site_list *list) MUST_CHECK;
enum status simulate_site_trends(struct simulate_site *site, uint32_t n, struct simulate_site_list *list) MUST_CHECK;

#endif
