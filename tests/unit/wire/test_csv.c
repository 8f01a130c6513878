/* Goal: csv_next cuts rows as RFC 4180 says, names lines, goes on behind bad rows, in bounded memory.
 * Method: tables of texts, each read in pieces of 1 byte up to the whole, which must not matter;
 * random rows written with quotes and read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "wire/csv.h"

static const uint64_t SEED = 17;

struct pieces {
    struct slice text;
    uint32_t at;
    uint32_t piece;
    bool fails_at_end;
};

static int64_t read_piece(void *state, char *buffer, size_t size)
{
    struct pieces *pieces = state;
    uint32_t left = pieces->text.size - pieces->at;
    if (left == 0)
        return pieces->fails_at_end ? -1 : 0;
    uint32_t take = pieces->piece < left ? pieces->piece : left;
    if (take > size)
        take = (uint32_t)size;
    memcpy(buffer, pieces->text.data + pieces->at, take);
    pieces->at += take;
    return take;
}

/* Rows as `line:field|field;`, bad rows as `line!;`. */
static void flatten(struct csv_reader *reader, char *out, size_t size)
{
    out[0] = '\0';
    for (int i = 0; i < 100; i++) {
        const struct slice *fields;
        uint32_t count;
        struct problem problem;
        enum status status = csv_next(reader, &fields, &count, &problem);
        size_t used = strlen(out);
        if (status != STATUS_OK) {
            char wanted[32];
            snprintf(wanted, sizeof wanted, "line %llu:", (unsigned long long)csv_line(reader));
            assert_non_null(strstr(problem.detail, wanted));
            snprintf(out + used, size - used, "%llu!;", (unsigned long long)csv_line(reader));
            continue;
        }
        if (fields == NULL)
            return;
        used += (size_t)snprintf(out + used, size - used, "%llu:", (unsigned long long)csv_line(reader));
        for (uint32_t f = 0; f < count; f++)
            used += (size_t)snprintf(out + used, size - used, "%.*s%s", SLICE_ARG(fields[f]), f + 1 < count ? "|" : ";");
    }
    fail_msg("no end: %s", out);
}

static void test_rows(void **state)
{
    (void)state;
    const struct { const char *text; const char *rows; } rows[] = {
        {"a,b\n1,2\n3,4\n", "2:1|2;3:3|4;"}, {"a,b\r\n1,2\r\n3,4", "2:1|2;3:3|4;"}, {"\xef\xbb\xbf" "a,b\n1,\n,\n", "2:1|;3:|;"},
        {"a,b\n\n\r\n1,2\n\n", "4:1|2;"}, {"a,b\n\"x,y\",\"p\"\"q\"\n\"l1\nl2\",3\n4,5\n", "2:x,y|p\"q;3:l1\nl2|3;5:4|5;"},
        {"a,b\n\"\",\"\"\n", "2:|;"}, {"a,b\n1,2,3\n4,5\n6\n7,8", "2!;3:4|5;4!;5:7|8;"}, {"a,b\n\"x\"y,1\n2,3\n", "2!;3:2|3;"},
        {"a,b\nx\"y,a\"\"b\n1,2\n", "2:x\"y|a\"\"b;3:1|2;"}, {"a\tb\n\"x\ty\"\t1\n\"open\t2\n5\" pipe\t3\n", "2:x\ty|1;3:\"open|2;4:5\" pipe|3;"},
        {"a;b\n1,5;2\n", "2:1,5|2;"}, {"a\n1\n2\n", "2:1;3:2;"}, {"a,b\n\"never closed,1\n2,3\n4,5\n", "2!;3:2|3;4:4|5;"}, {"a,b\n", ""}, {"a,b", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (uint32_t piece = 1; piece < 40; piece++) {
            char out[400];
            struct pieces pieces = {.text = slice_of(rows[i].text), .piece = piece};
            struct csv_reader *reader;
            const struct csv_options options = {.has_header = true, .row_bytes_max = 64};
            assert_int_equal(csv_open(&reader, &options, read_piece, &pieces, NULL), STATUS_OK);
            assert_int_equal(csv_column_find(reader, "a"), 0);
            assert_int_equal(csv_column_find(reader, "z"), -1);
            assert_true(slice_is(csv_column_name(reader, 0), "a"));
            flatten(reader, out, sizeof out);
            if (strcmp(out, rows[i].rows) != 0)
                fail_msg("%s in pieces of %u: %s", rows[i].text, piece, out);
            csv_close(reader);
        }
    }
}

static void test_long_rows(void **state)
{
    (void)state;
    char text[5000];
    size_t used = 0;
    memcpy(text, "a,b\n", used = 4);
    memset(text + used, 'x', 3000);
    memcpy(text + used + 3000, ",1\n2,3\n", 7);
    used += 3007;
    for (uint32_t piece = 1; piece < 5000; piece = piece * 3 + 1) {
        char out[400];
        struct pieces pieces = {.text = slice_make(text, used), .piece = piece};
        struct csv_reader *reader;
        const struct csv_options options = {.has_header = true, .row_bytes_max = 100};
        assert_int_equal(csv_open(&reader, &options, read_piece, &pieces, NULL), STATUS_OK);
        flatten(reader, out, sizeof out);
        assert_string_equal(out, "2!;3:2|3;");
        csv_close(reader);
    }
}

static void test_failures(void **state)
{
    (void)state;
    struct csv_reader *reader;
    struct problem problem;
    const struct csv_options options = {.has_header = true};
    struct pieces empty = {.text = slice_of("\n\n"), .piece = 10};
    assert_int_equal(csv_open(&reader, &options, read_piece, &empty, &problem), STATUS_BAD_REQUEST);
    assert_null(reader);
    struct pieces broken = {.text = slice_of("a,b\n1,2\n3,"), .piece = 100, .fails_at_end = true};
    assert_int_equal(csv_open(&reader, &options, read_piece, &broken, &problem), STATUS_OK);
    const struct slice *fields;
    uint32_t count;
    assert_int_equal(csv_next(reader, &fields, &count, &problem), STATUS_OK);
    assert_int_equal(csv_next(reader, &fields, &count, &problem), STATUS_IO);
    csv_close(reader);
    csv_close(NULL);
    struct pieces nothing = {.text = {NULL, 0}, .fails_at_end = true};
    assert_int_equal(csv_open(&reader, &options, read_piece, &nothing, &problem), STATUS_IO);
    char wide[2000];
    memset(wide, ',', sizeof wide);
    struct pieces many = {.text = slice_make(wide, sizeof wide), .piece = 4000};
    assert_int_equal(csv_open(&reader, &options, read_piece, &many, &problem), STATUS_BAD_REQUEST);
}

static void test_random_rows(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, SEED, 1);
    FILE *file = tmpfile();
    assert_non_null(file);
    static char cells[500][4][12];
    static const char alphabet[] = "ab,\"\n\r;\t ";
    for (int r = 0; r < 500; r++) {
        for (int f = 0; f < 4; f++) {
            uint64_t size = rng_below(&rng, 11);
            for (uint64_t i = 0; i < size; i++)
                cells[r][f][i] = alphabet[rng_below(&rng, sizeof alphabet - 1)];
            fputc('"', file);
            for (const char *c = cells[r][f]; *c != '\0'; c++)
                fprintf(file, *c == '"' ? "\"\"" : "%c", *c);
            fputs(f < 3 ? "\"," : r & 1 ? "\"\r\n" : "\"\n", file);
        }
    }
    rewind(file);
    struct csv_reader *reader;
    const struct csv_options options = {.separator = ',', .row_bytes_max = 256};
    assert_int_equal(csv_open(&reader, &options, csv_read_file, file, NULL), STATUS_OK);
    assert_int_equal(csv_column_count(reader), 0);
    assert_int_equal(csv_separator(reader), ',');
    const struct slice *fields;
    uint32_t count;
    for (int r = 0; r < 500; r++) {
        assert_int_equal(csv_next(reader, &fields, &count, NULL), STATUS_OK);
        assert_int_equal(count, 4);
        for (int f = 0; f < 4; f++)
            assert_true(slice_is(fields[f], cells[r][f]));
    }
    assert_int_equal(csv_next(reader, &fields, &count, NULL), STATUS_OK);
    assert_null(fields);
    csv_close(reader);
    fclose(file);
}

int main(void)
{
    printf("# seed %llu\n", (unsigned long long)SEED);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_long_rows),
                                       cmocka_unit_test(test_failures), cmocka_unit_test(test_random_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
