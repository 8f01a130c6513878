/* Goal: rows do not depend on how the bytes arrive, and a row's fields are its fields.
 * Method: the first byte chooses separator, header and size of a row; the file is read whole and
 * in pieces of a few bytes: same rows, same lines, same refusals.  Each row's fields, quoted and
 * read again, are the same fields. */
#include "fuzz.h"

#include "base/hash.h"
#include "wire/csv.h"

struct pieces {
    const char *data;
    size_t size, step;
};

static int64_t give(void *state, char *buffer, size_t size)
{
    struct pieces *pieces = state;
    size_t wanted = pieces->step < size ? pieces->step : size;
    size_t given = wanted < pieces->size ? wanted : pieces->size;

    if (given > 0)
        memcpy(buffer, pieces->data, given);
    pieces->data += given;
    pieces->size -= given;
    return (int64_t)given;
}

/* One row, all fields quoted, is read back. */
static void check_again(const struct slice *fields, uint32_t count)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += 2 * (size_t)fields[i].size + 3;
    char *text = malloc(size + 1), *to = text;
    for (uint32_t i = 0; i < count; i++) {
        *to++ = '"';
        for (uint32_t c = 0; c < fields[i].size; c++) {
            if (fields[i].data[c] == '"')
                *to++ = '"';
            *to++ = fields[i].data[c];
        }
        *to++ = '"';
        *to++ = i + 1 < count ? ',' : '\n';
    }
    struct pieces pieces = {text, (size_t)(to - text), SIZE_MAX};
    struct csv_options options = {.separator = ',', .row_bytes_max = 16384};
    struct csv_reader *reader;
    const struct slice *again;
    uint32_t again_count;
    FUZZ_CHECK(csv_open(&reader, &options, give, &pieces, NULL) == STATUS_OK);
    FUZZ_CHECK(csv_next(reader, &again, &again_count, NULL) == STATUS_OK && again != NULL && again_count == count);
    for (uint32_t i = 0; i < count; i++)
        FUZZ_CHECK(slice_equal(fields[i], again[i]));
    FUZZ_CHECK(csv_next(reader, &again, &again_count, NULL) == STATUS_OK && again == NULL);
    csv_close(reader);
    free(text);
}

/* A hash of all rows, lines and refusals. */
static uint64_t read_all(struct slice text, const struct csv_options *options, size_t step, bool is_checked)
{
    struct pieces pieces = {text.data, text.size, step};
    struct csv_reader *reader;
    struct problem problem = {0};
    uint64_t sum = 1;
    enum status status = csv_open(&reader, options, give, &pieces, &problem);

    if (status != STATUS_OK) {
        FUZZ_CHECK(status == STATUS_BAD_REQUEST && problem.detail[0] != 0);
        return 0;
    }
    for (uint32_t i = 0; i < csv_column_count(reader); i++) {
        struct slice name = csv_column_name(reader, i);
        sum = hash_mix(sum ^ hash_checksum(name.data, name.size));
    }
    for (uint32_t rows = 0;; rows++) {
        const struct slice *fields = NULL;
        uint32_t count = 0;
        FUZZ_CHECK(rows <= text.size + 1);
        status = csv_next(reader, &fields, &count, &problem);
        FUZZ_CHECK(status == STATUS_OK || status == STATUS_BAD_REQUEST);
        if (status == STATUS_OK && fields == NULL)
            break;
        sum = hash_mix(sum ^ csv_line(reader) ^ (uint64_t)status << 32);
        if (status != STATUS_OK)
            continue;
        FUZZ_CHECK(count > 0 && count <= CSV_COLUMNS_MAX && (!options->has_header || count == csv_column_count(reader)));
        for (uint32_t i = 0; i < count; i++)
            sum = hash_mix(sum ^ hash_checksum(fields[i].data, fields[i].size) ^ fields[i].size);
        if (is_checked)
            check_again(fields, count);
    }
    csv_close(reader);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separators[] = {0, ',', '\t', ';'};
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_byte(&input);
    struct csv_options options = {
        .separator = separators[choice & 3], .has_header = (choice & 4) != 0, .row_bytes_max = choice & 8 ? 64 : 4096};

    uint64_t whole = read_all(fuzz_rest(&input), &options, SIZE_MAX, true);
    FUZZ_CHECK(whole == read_all(fuzz_rest(&input), &options, 1 + (choice >> 4), false));
    return 0;
}
