#include "ops/settings.h"

#include <string.h>

#include "ops/describe.h"
#include "ops/option_value.h"
#include "ops/settings_state.h"

static const char *const KIND_NAMES[] = {
    [OPTION_COUNT] = "number", [OPTION_BYTES] = "size", [OPTION_DURATION] = "duration", [OPTION_RATIO] = "ratio",
    [OPTION_FLAG] = "true, false", [OPTION_TEXT] = "text", [OPTION_CHOICE] = "choice",
};

static void describe_range(FILE *out, const struct option_row *row)
{
    char low[64], high[64];
    if (row->kind == OPTION_TEXT || row->kind == OPTION_FLAG) {
        fputs(KIND_NAMES[row->kind], out);
    } else if (row->kind == OPTION_CHOICE) {
        for (const char *at = row->choices; *at; at++)
            *at == '|' ? (void)fputs(", ", out) : (void)fputc(*at, out);
    } else {
        option_value_number(row, row->min, low, sizeof low);
        option_value_number(row, row->max, high, sizeof high);
        fprintf(out, "%s, %s to %s", KIND_NAMES[row->kind], low, high);
    }
}

static void describe_row(FILE *out, const struct option_row *row)
{
    char text[OPTION_TEXT_SIZE + 64];
    settings_render_default(row, text, sizeof text);
    fprintf(out, "| `%s` | ", row->name);
    if (text[0])
        fprintf(out, "`%s`", text);
    fputs(" | ", out);
    describe_range(out, row);
    fputs(" | ", out);
    describe_cell(out, row->text);
    fputs(" |\n", out);
}

static size_t section_size(const char *name)
{
    return name[strcspn(name, ".")] ? strcspn(name, ".") : 0;
}

static bool is_same_section(const char *a, const char *b)
{
    return section_size(a) == section_size(b) && strncmp(a, b, section_size(a)) == 0;
}

static bool opens_section(const struct settings *settings, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (is_same_section(settings->rows[i].name, settings->rows[index].name))
            return false;
    return true;
}

void settings_describe(const struct settings *settings, FILE *out)
{
    fprintf(out, "# Configuration\n\n"
                 "Made from the option tables by `penchant describe settings`.\n\n"
                 "A flag (`--log.durability=always`) stands above a variable (`PENCHANT_LOG_DURABILITY=always`), that above the\n"
                 "file (`--config FILE`, YAML; sections nest by dots), that above the default. An unknown key is an error that\n"
                 "names file, line and the nearest key; so is a key that stands twice. Durations are written 500ms, 10s, 5m, 1h,\n"
                 "7d (a plain number is milliseconds), sizes 64KiB, 128MiB, 4GiB (a plain number is bytes).\n");
    for (uint32_t first = 0; first < settings->row_count; first++) {
        const char *name = settings->rows[first].name;
        if (!opens_section(settings, first))
            continue;
        if (section_size(name))
            fprintf(out, "\n## %.*s\n\n", (int)section_size(name), name);
        else
            fprintf(out, "\n## (top level)\n\n");
        fprintf(out, "| key | default | values | what it does |\n|---|---|---|---|\n");
        for (uint32_t i = first; i < settings->row_count; i++)
            if (is_same_section(settings->rows[i].name, name))
                describe_row(out, &settings->rows[i]);
    }
    for (uint32_t i = 0; i < settings->list_count; i++) {
        fprintf(out, "\n## %s\n\nA list of maps with the keys", settings->lists[i].section);
        for (uint32_t k = 0; k < settings->lists[i].key_count; k++)
            fprintf(out, "%s `%s`", k ? "," : "", settings->lists[i].keys[k]);
        fprintf(out, ". What is named here comes on top of what is shipped.\n");
    }
}
