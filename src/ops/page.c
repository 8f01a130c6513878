#include "ops/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { TEXT_START = 4096, LINE_SIZE = 2048, NUMBER_SIZE = 32, BOUNDS_MAX = 14 };

struct bounds {
    uint32_t count;
    double seconds[BOUNDS_MAX];
};

/* The thresholds of the promises are among the bounds (reference/operations.md 4.2). */
static const struct bounds SERVING = {13, {.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}};
static const struct bounds FRESHNESS = {14, {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}};
static const char *const FRESHNESS_NAMES[] = {"event_visible", "event_age", "checkpoint_duration"};

static const char *const TYPE_NAMES[] = {[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

static const struct bounds *bounds_of(const char *name)
{
    for (size_t i = 0; i < sizeof FRESHNESS_NAMES / sizeof FRESHNESS_NAMES[0]; i++)
        if (strstr(name, FRESHNESS_NAMES[i]))
            return &FRESHNESS;
    return &SERVING;
}

/* ---- text that grows ---- */

static bool text_append(struct page_text *text, const char *data, size_t size)
{
    if (text->size + size > text->capacity) {
        size_t capacity = text->capacity ? text->capacity : TEXT_START;
        while (capacity < text->size + size)
            capacity *= 2;
        char *grown = capacity > PAGE_BYTES_MAX ? NULL : realloc(text->data, capacity);
        if (!grown)
            return false;
        text->data = grown;
        text->capacity = capacity;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    return true;
}

/* ---- values ---- */

/* The shortest of the usual forms that reads back as the same number. */
static void render_number(char text[NUMBER_SIZE], double number)
{
    if (isnan(number))
        snprintf(text, NUMBER_SIZE, "NaN");
    else if (isinf(number))
        snprintf(text, NUMBER_SIZE, number > 0 ? "+Inf" : "-Inf");
    else if (number == floor(number) && fabs(number) < 1e15)
        snprintf(text, NUMBER_SIZE, "%.0f", number);
    else
        snprintf(text, NUMBER_SIZE, "%.15g", number);
    if (isfinite(number) && strtod(text, NULL) != number)
        snprintf(text, NUMBER_SIZE, "%.17g", number);
}

/* The family of a row: rows of several components may share a name. */
static struct page_family *family_of(struct page *page, const struct metric_row *row)
{
    for (uint32_t i = page->family_count; i-- > 0;) {
        struct page_family *family = &page->families[i];
        if (family->row != row && strcmp(family->row->name, row->name) != 0)
            continue;
        ASSERT(family->row->kind == row->kind);
        return family;
    }
    if (page->family_count == PAGE_FAMILIES_MAX)
        return NULL;
    struct page_family *family = &page->families[page->family_count++];
    family->row = row;
    family->lines.size = 0;
    return family;
}

/* One sample; suffix and le are empty but for histograms. */
static bool add_line(struct page_family *family, const char *suffix, const char *labels, const char *le, double value)
{
    char line[LINE_SIZE], number[NUMBER_SIZE];
    bool has_labels = labels && labels[0], has_le = le[0] != '\0';
    render_number(number, value);
    int size = snprintf(line, sizeof line, "%s%s%s%s%s%s%s%s%s %s\n", family->row->name, suffix, has_labels || has_le ? "{" : "",
                        has_labels ? labels : "", has_labels && has_le ? "," : "", has_le ? "le=\"" : "", le, has_le ? "\"" : "",
                        has_labels || has_le ? "}" : "", number);
    return size > 0 && (size_t)size < sizeof line && text_append(&family->lines, line, (size_t)size);
}

static void add_value(struct metric_sink *sink, const struct metric_row *row, const char *labels, double value)
{
    struct page *page = (struct page *)sink;
    struct page_family *family = family_of(page, row);
    if (!family || !add_line(family, "", labels, "", value))
        page->is_incomplete = true;
}

/* The writer goes on while this reads: each count is at least the one before, and the total the last. */
static bool add_buckets(struct page_family *family, const char *labels, const struct histogram *histogram)
{
    const struct bounds *bounds = bounds_of(family->row->name);
    uint64_t cumulative = 0;
    for (uint32_t i = 0; i < bounds->count; i++) {
        char le[NUMBER_SIZE];
        uint64_t count = histogram_count_to(histogram, (uint64_t)llround(bounds->seconds[i] * 1e9));
        cumulative = count > cumulative ? count : cumulative;
        render_number(le, bounds->seconds[i]);
        if (!add_line(family, "_bucket", labels, le, (double)cumulative))
            return false;
    }
    uint64_t total = __atomic_load_n(&histogram->count, __ATOMIC_RELAXED);
    uint64_t sum_ns = __atomic_load_n(&histogram->sum_ns, __ATOMIC_RELAXED);
    total = total > cumulative ? total : cumulative;
    return add_line(family, "_bucket", labels, "+Inf", (double)total) && add_line(family, "_sum", labels, "", (double)sum_ns / 1e9) &&
           add_line(family, "_count", labels, "", (double)total);
}

static void add_histogram(struct metric_sink *sink, const struct metric_row *row, const char *labels, const struct histogram *histogram)
{
    struct page *page = (struct page *)sink;
    struct page_family *family = family_of(page, row);
    size_t before = family ? family->lines.size : 0;
    if (family && add_buckets(family, labels, histogram))
        return;
    if (family)
        family->lines.size = before;
    page->is_incomplete = true;
}

/* ---- the page ---- */

void page_init(struct page *page)
{
    memset(page, 0, sizeof *page);
    page->sink.value = add_value;
    page->sink.histogram = add_histogram;
}

void page_fini(struct page *page)
{
    for (uint32_t i = 0; i < PAGE_FAMILIES_MAX; i++)
        free(page->families[i].lines.data);
    free(page->text.data);
    page_init(page);
}

void page_reset(struct page *page)
{
    page->family_count = 0;
    page->text.size = 0;
    page->is_incomplete = false;
}

bool page_is_complete(const struct page *page)
{
    return !page->is_incomplete;
}

static bool add_head(struct page_text *text, const struct metric_row *row)
{
    char type[LINE_SIZE];
    bool is_good = text_append(text, "# HELP ", 7) && text_append(text, row->name, strlen(row->name)) && text_append(text, " ", 1);
    for (const char *at = row->text; is_good && *at; at++) {
        if (*at == '\\')
            is_good = text_append(text, "\\\\", 2);
        else if (*at == '\n')
            is_good = text_append(text, "\\n", 2);
        else
            is_good = text_append(text, at, 1);
    }
    int size = snprintf(type, sizeof type, "\n# TYPE %s %s\n", row->name, TYPE_NAMES[row->kind]);
    return is_good && size > 0 && (size_t)size < sizeof type && text_append(text, type, (size_t)size);
}

struct slice page_finish(struct page *page)
{
    static const char INCOMPLETE[] = "# incomplete: some values had no room\n";
    page->text.size = 0;
    for (uint32_t i = 0; i < page->family_count; i++) {
        const struct page_family *family = &page->families[i];
        size_t before = page->text.size;
        if (family->lines.size > 0 && add_head(&page->text, family->row) &&
            text_append(&page->text, family->lines.data, family->lines.size))
            continue;
        page->text.size = before;
        page->is_incomplete = true;
    }
    if (page->is_incomplete && !text_append(&page->text, INCOMPLETE, sizeof INCOMPLETE - 1))
        return slice_of(INCOMPLETE);
    return slice_make(page->text.data ? page->text.data : "", page->text.size);
}

bool page_label(char *labels, size_t size, const char *name, struct slice value)
{
    size_t start = strlen(labels), used = start;
    int head = snprintf(labels + used, size - used, "%s%s=\"", used ? "," : "", name);
    bool is_good = head > 0 && (size_t)head < size - used;
    used += is_good ? (size_t)head : 0;
    for (uint32_t i = 0; is_good && i < value.size; i++) {
        char letter = value.data[i];
        bool is_escaped = letter == '"' || letter == '\\' || letter == '\n';
        is_good = used + 4 <= size; /* a letter, its escape, the quote, the zero */
        if (!is_good)
            break;
        if (is_escaped)
            labels[used++] = '\\';
        labels[used++] = letter == '\n' ? 'n' : letter;
    }
    is_good = is_good && used + 2 <= size;
    if (is_good)
        memcpy(labels + used, "\"", 2);
    else
        labels[start] = '\0';
    return is_good;
}
