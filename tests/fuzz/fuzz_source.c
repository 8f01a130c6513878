/* Goal: a file of past events gives every row as an event or counts it as rejected, sorted by
 * time, whatever stands in it.
 * Method: the first byte chooses NDJSON or rows with all columns; the file is read in its own order, and
 * one in 64 sorted too: the same events, in the second in order of time; each record decodes. */
#include "fuzz.h"

#include "base/hash.h"
#include "lab/source.h"

static const char HEADER[] = "u,a,c,t,y,g,v,d,l,e,i\n";
static const char COLUMNS[] = "user=u,anonymous=a,content=c,time=t,type=y,category=g,value=v,dwell=d,country=l,device=e,id=i";

static struct event_types types;

/* A sum over the events that does not depend on their order. */
static uint64_t read_all(const char *path, const char *columns, bool is_sorted)
{
    struct source_options options = {.path = path, .columns = columns, .type = "click", .is_sorted = is_sorted};
    struct source *source;
    struct source_item item;
    struct source_counts counts;
    struct problem problem = {0};
    struct event event;
    uint64_t sum = 0, items = 0;
    int64_t last_ms = INT64_MIN;

    if (source_open(&source, &options, &types, &problem) != STATUS_OK) {
        FUZZ_CHECK(problem.detail[0] != 0);
        return 1;
    }
    for (;; items++) {
        FUZZ_CHECK(source_next(source, &item, &problem) == STATUS_OK);
        if (item.record.data == NULL)
            break;
        FUZZ_CHECK(event_decode(item.record, &types, &event) == STATUS_OK && event.timestamp_ms == item.time_ms);
        FUZZ_CHECK(is_sorted || item.time_ms >= last_ms);
        last_ms = item.time_ms;
        sum += hash_checksum(item.record.data, item.record.size);
    }
    source_counts(source, &counts);
    FUZZ_CHECK(counts.rows == counts.rejected + items && (counts.rejected > 0) == (counts.first_error[0] != 0));
    source_close(source);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    char path[FUZZ_PATH_SIZE + 16];

    if (types.count == 0)
        event_types_init(&types);
    uint8_t choice = fuzz_byte(&input);
    bool is_rows = choice % 2 == 0, is_sorted_too = hash_checksum(data, size) % 64 == 0; /* seldom: it takes SOURCE_RUN_BYTES */
    size_t lead = is_rows ? sizeof HEADER - 1 : 0;
    char *text = malloc(lead + input.size + 1);
    memcpy(text, HEADER, lead);
    if (input.size > 0)
        memcpy(text + lead, input.data, input.size);
    snprintf(path, sizeof path, "%s/events", fuzz_directory());
    fuzz_store(path, text, lead + input.size);
    free(text);
    uint64_t sum = read_all(path, is_rows ? COLUMNS : NULL, true);
    FUZZ_CHECK(!is_sorted_too || sum == read_all(path, is_rows ? COLUMNS : NULL, false));
    return 0;
}
