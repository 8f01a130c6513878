#include "ops/describe.h"

#include <stdio.h>

#include "base/status.h"

static const char *const KIND_NAMES[] = {[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

void describe_cell(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text == '\n' || *text == '\r' ? ' ' : *text, out);
    }
}

void describe_metrics(FILE *out, const char *title, const struct metric_row *rows, uint32_t count)
{
    fprintf(out, "\n## %s\n\n| metric | kind | what it counts | when it moves |\n|---|---|---|---|\n", title);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(out, "| `%s` | %s | ", rows[i].name, KIND_NAMES[rows[i].kind]);
        describe_cell(out, rows[i].text);
        fputs(" | ", out);
        describe_cell(out, rows[i].advice);
        fputs(" |\n", out);
    }
}

void describe_errors(FILE *out)
{
    fprintf(out, "# Errors\n\n"
                 "Made from `src/base/status.def` by `penchant describe errors`. Every error answer is an RFC 9457\n"
                 "`application/problem+json` document whose member `code` is one of these.\n\n"
                 "| code | HTTP | retry | what happened | what to do |\n|---|---|---|---|---|\n");
    for (int status = 0; status < STATUS_COUNT; status++) {
        const struct status_row *row = status_row((enum status)status);
        if (status == STATUS_OK)
            continue;
        fprintf(out, "| `%s` | %d | %s | ", row->code, row->http, row->retry ? "yes" : "no");
        describe_cell(out, row->text);
        fputs(" | ", out);
        describe_cell(out, row->fix);
        fputs(" |\n", out);
    }
}

/* 1234567 as "1,234,567". */
static void grouped(char text[32], uint64_t number)
{
    char digits[32];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number), used = 0;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
}

const char *describe_health(char *text, size_t size, bool is_ready, const char *not_accepting, uint64_t events_behind)
{
    char behind[32];
    grouped(behind, events_behind);
    if (!is_ready)
        snprintf(text, size, "starting: %s events still to be applied", behind);
    else if (not_accepting)
        snprintf(text, size, "answering, but not accepting events: %s", not_accepting);
    else if (events_behind > 0)
        snprintf(text, size, "accepting events; %s are being applied", behind);
    else
        snprintf(text, size, "accepting events; all of them are applied");
    return text;
}
