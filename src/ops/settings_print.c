#include "ops/settings.h"

#include <string.h>

#include "ops/option_value.h"
#include "ops/settings_state.h"

enum { COMMENT_COLUMNS = 96, RENDERED_SIZE = OPTION_TEXT_SIZE + 64 };

/* Text as comment lines of bounded width. */
static void print_comment(FILE *out, const char *indent, const char *text)
{
    size_t width = COMMENT_COLUMNS - strlen(indent);
    while (*text) {
        size_t size = strlen(text);
        if (size > width) {
            size = width;
            while (size > 0 && text[size] != ' ')
                size--;
            size = size ? size : width;
        }
        fprintf(out, "%s# %.*s\n", indent, (int)size, text);
        text += size;
        text += strspn(text, " ");
    }
}

/* A scalar that YAML reads back as the same text. */
static void print_scalar(FILE *out, const struct option_row *row, const char *text)
{
    /* Other readers of YAML take a bare off for false. */
    bool is_word = row->kind == OPTION_CHOICE && (strcmp(text, "off") == 0 || strcmp(text, "on") == 0);
    if (row->kind != OPTION_TEXT && !is_word) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* "10s to 7d", "one of always, interval, os"; nothing for text and flags. */
static void print_range(FILE *out, const char *indent, const struct option_row *row)
{
    char low[64], high[64];
    if (row->kind == OPTION_TEXT || row->kind == OPTION_FLAG)
        return;
    if (row->kind == OPTION_CHOICE) {
        fprintf(out, "%s# one of: ", indent);
        for (const char *at = row->choices; *at; at++)
            *at == '|' ? (void)fputs(", ", out) : (void)fputc(*at, out);
        fputc('\n', out);
        return;
    }
    option_value_number(row, row->min, low, sizeof low);
    option_value_number(row, row->max, high, sizeof high);
    fprintf(out, "%s# %s to %s\n", indent, low, high);
}

static size_t section_size(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? (size_t)(dot - name) : 0;
}

static bool is_of_section(const struct option_row *row, const char *section, size_t size)
{
    return section_size(row->name) == size && strncmp(row->name, section, size) == 0;
}

/* Is this row the first of its section? */
static bool opens_section(const struct settings *settings, uint32_t index)
{
    const char *name = settings->rows[index].name;
    for (uint32_t i = 0; i < index; i++)
        if (is_of_section(&settings->rows[i], name, section_size(name)))
            return false;
    return true;
}

static void print_row(FILE *out, const struct option_row *row)
{
    char text[RENDERED_SIZE];
    size_t section = section_size(row->name);
    const char *indent = section ? "  " : "";
    settings_render_default(row, text, sizeof text);
    print_comment(out, indent, row->text);
    print_range(out, indent, row);
    fprintf(out, "%s%s: ", indent, row->name + section + (section ? 1 : 0));
    print_scalar(out, row, text);
    fputc('\n', out);
}

static void print_section(const struct settings *settings, FILE *out, uint32_t first)
{
    const char *name = settings->rows[first].name;
    size_t size = section_size(name);
    if (size)
        fprintf(out, "\n%.*s:\n", (int)size, name);
    for (uint32_t i = first; i < settings->row_count; i++)
        if (is_of_section(&settings->rows[i], name, size))
            print_row(out, &settings->rows[i]);
}

void settings_print_defaults(const struct settings *settings, FILE *out)
{
    fprintf(out, "# All settings with their defaults. Leave out what you do not change; an unknown key is an error.\n"
                 "# A flag (--log.durability=always) stands above a variable (PENCHANT_LOG_DURABILITY=always), both\n"
                 "# above this file. Durations: ms, s, m, h, d. Sizes: KiB, MiB, GiB, TiB.\n\n");
    /* Keys without a section come first: below a section they would be read as its own. */
    for (int is_sectioned = 0; is_sectioned < 2; is_sectioned++)
        for (uint32_t i = 0; i < settings->row_count; i++)
            if ((section_size(settings->rows[i].name) != 0) == is_sectioned && opens_section(settings, i))
                print_section(settings, out, i);
    for (uint32_t i = 0; i < settings->list_count; i++) {
        const struct settings_list *list = &settings->lists[i];
        fprintf(out, "\n# A list of maps; what is named here comes on top of what is shipped. Keys:\n#");
        for (uint32_t k = 0; k < list->key_count; k++)
            fprintf(out, " %s%s", list->keys[k], k + 1 < list->key_count ? "," : "\n");
        fprintf(out, "%s: []\n", list->section);
    }
}

void settings_print_changed(const struct settings *settings, FILE *out)
{
    char text[RENDERED_SIZE];
    for (uint32_t i = 0; i < settings->row_count; i++) {
        const struct option_row *row = &settings->rows[i];
        if (option_value_is_default(row, settings->values))
            continue;
        option_value_render(row, settings->values, text, sizeof text);
        fprintf(out, "%s=%s (%s)\n", row->name, text, settings->origins[i].text);
    }
}
