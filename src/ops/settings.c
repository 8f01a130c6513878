#include "ops/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "ops/nearest.h"
#include "ops/option_value.h"
#include "ops/settings_state.h"

/* PENCHANT_ followed by the name in capitals, dots as underscores. */
static const char ENVIRONMENT_PREFIX[] = "PENCHANT_";

static void check_row(const struct option_row *row)
{
    ASSERT(row->name && row->name[0] && strlen(row->name) < SETTINGS_NAME_SIZE);
    ASSERT(row->text && row->text[0]);
    ASSERT(row->kind != OPTION_TEXT || row->default_text);
    ASSERT(row->kind != OPTION_CHOICE || (row->choices && row->choices[0]));
    bool is_number = row->kind != OPTION_TEXT && row->kind != OPTION_CHOICE && row->kind != OPTION_FLAG;
    ASSERT(!is_number || (row->min <= row->default_number && row->default_number <= row->max));
}

enum status settings_create(struct settings **settings, const struct option_row *rows, uint32_t row_count, void *values)
{
    struct settings *s = calloc(1, sizeof *s);
    struct settings_origin *origins = calloc(row_count + 1, sizeof *origins);
    if (!s || !origins) {
        free(s);
        free(origins);
        return STATUS_MEMORY;
    }
    *s = (struct settings){.rows = rows, .row_count = row_count, .values = values, .origins = origins};
    for (uint32_t i = 0; i < row_count; i++) {
        check_row(&rows[i]);
        for (uint32_t k = 0; k < i; k++)
            ASSERT(strcmp(rows[i].name, rows[k].name) != 0);
        option_value_set_default(&rows[i], values);
        snprintf(origins[i].text, sizeof origins[i].text, "default");
    }
    *settings = s;
    return STATUS_OK;
}

void settings_destroy(struct settings *settings)
{
    if (!settings)
        return;
    for (uint32_t i = 0; i < settings->list_count; i++)
        free(settings->lists[i].pairs);
    free(settings->origins);
    free(settings);
}

static const struct option_row *find_row(const struct settings *settings, const char *name)
{
    for (uint32_t i = 0; i < settings->row_count; i++)
        if (strcmp(settings->rows[i].name, name) == 0)
            return &settings->rows[i];
    return NULL;
}

static struct settings_origin *origin_of(const struct settings *settings, const struct option_row *row)
{
    return &settings->origins[row - settings->rows];
}

/* Do names below it exist? "log" is a section of "log.bytes". */
static bool is_section(const struct settings *settings, const char *name)
{
    size_t size = strlen(name);
    for (uint32_t i = 0; i < settings->row_count; i++)
        if (strncmp(settings->rows[i].name, name, size) == 0 && settings->rows[i].name[size] == '.')
            return true;
    return false;
}

/* ---- complaints ---- */

/* A row whose section is near the name by its letters. */
static const char *meant_section(const struct settings *settings, const char *name)
{
    const char *best = NULL;
    uint32_t least = (uint32_t)strlen(name) / 3 + 1;
    for (uint32_t i = 0; i < settings->row_count; i++) {
        char section[SETTINGS_NAME_SIZE];
        snprintf(section, sizeof section, "%.*s", (int)strcspn(settings->rows[i].name, "."), settings->rows[i].name);
        uint32_t distance = nearest_distance(name, section);
        if (distance < least) {
            best = settings->rows[i].name;
            least = distance;
        }
    }
    return best;
}

/* The name that was meant: near by its letters, else the same word in another section. */
static const char *meant(const struct settings *settings, const char *name)
{
    struct nearest nearest;
    nearest_init(&nearest, name);
    for (uint32_t i = 0; i < settings->row_count; i++)
        nearest_offer(&nearest, settings->rows[i].name);
    for (uint32_t i = 0; i < settings->list_count; i++)
        nearest_offer(&nearest, settings->lists[i].section);
    const char *dot = strrchr(name, '.'), *word = dot ? dot + 1 : name;
    for (uint32_t i = 0; i < settings->row_count && !nearest.best; i++) {
        const char *other = strrchr(settings->rows[i].name, '.');
        if (other && strcmp(other + 1, word) == 0)
            nearest.best = settings->rows[i].name;
    }
    return nearest.best;
}

static enum status refuse_at(struct problem *problem, const char *origin, const char *name, const char *reason, const char *fix)
{
    problem_set(problem, STATUS_SETTING, "%.100s: %s", name, reason);
    if (problem) {
        snprintf(problem->pointer, sizeof problem->pointer, "%.159s", origin);
        snprintf(problem->fix, sizeof problem->fix, "%.191s", fix);
    }
    return STATUS_SETTING;
}

static enum status refuse_unknown(const struct settings *settings, const char *name, const char *origin, struct problem *problem)
{
    char reason[OPTION_VALUE_REASON_SIZE] = "unknown key", fix[192] = "`penchant describe settings` lists all keys";
    const char *near = meant(settings, name), *section = near || strchr(name, '.') ? NULL : meant_section(settings, name);
    int size = near ? (int)strlen(near) : section ? (int)strcspn(section, ".") : 0;
    if (size > 0) {
        snprintf(reason, sizeof reason, "unknown key (did you mean \"%.*s\"?)", size, near ? near : section);
        snprintf(fix, sizeof fix, "write %.*s", size, near ? near : section);
    }
    return refuse_at(problem, origin, name, reason, fix);
}

static enum status refuse_value(const struct option_row *row, const char *origin, const char *reason, struct problem *problem)
{
    char fix[192], low[64], high[64];
    option_value_number(row, row->kind == OPTION_TEXT ? 0 : row->min, low, sizeof low);
    option_value_number(row, row->kind == OPTION_TEXT ? 0 : row->max, high, sizeof high);
    switch (row->kind) {
    case OPTION_CHOICE:
        snprintf(fix, sizeof fix, "write one of %s", row->choices);
        break;
    case OPTION_FLAG:
        snprintf(fix, sizeof fix, "write true or false");
        break;
    case OPTION_TEXT:
        snprintf(fix, sizeof fix, "write up to %d bytes of text", OPTION_TEXT_SIZE - 1);
        break;
    case OPTION_COUNT:
    case OPTION_BYTES:
    case OPTION_DURATION:
    case OPTION_RATIO:
        snprintf(fix, sizeof fix, "write a value from %s to %s", low, high);
        break;
    }
    return refuse_at(problem, origin, row->name, reason, fix);
}

/* ---- setting ---- */

enum status settings_set(struct settings *settings, const char *name, const char *value, const char *origin, struct problem *problem)
{
    const struct option_row *row = find_row(settings, name);
    char reason[OPTION_VALUE_REASON_SIZE];
    if (!row)
        return refuse_unknown(settings, name, origin, problem);
    if (!option_value_parse(row, value, settings->values, reason))
        return refuse_value(row, origin, reason, problem);
    snprintf(origin_of(settings, row)->text, SETTINGS_ORIGIN_SIZE, "%s", origin);
    return STATUS_OK;
}

/* "LOG_DURABILITY" is the variable of "log.durability"? */
static bool is_variable_of(const char *variable, const char *name)
{
    for (; *name; name++, variable++) {
        char letter = *name == '.' ? '_' : *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
        if (*variable != letter)
            return false;
    }
    return *variable == '\0';
}

/* As the name of a setting would look, for the search of the nearest. */
static void lower(const char *variable, char name[SETTINGS_NAME_SIZE])
{
    size_t i = 0;
    for (; variable[i] && i + 1 < SETTINGS_NAME_SIZE; i++) {
        char letter = variable[i];
        name[i] = letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
    }
    name[i] = '\0';
}

/* A slip of a setting's variable is refused; what is far from all of them is somebody else's. */
static enum status check_stranger(const struct settings *settings, const char *variable, const char *origin, struct problem *problem)
{
    char wanted[SETTINGS_NAME_SIZE], candidate[SETTINGS_NAME_SIZE], reason[OPTION_VALUE_REASON_SIZE];
    enum { SLIP = 2 };
    lower(variable, wanted);
    for (uint32_t i = 0; i < settings->row_count; i++) {
        snprintf(candidate, sizeof candidate, "%s", settings->rows[i].name);
        for (char *dot = candidate; (dot = strchr(dot, '.')) != NULL;)
            *dot = '_';
        if (nearest_distance(wanted, candidate) > SLIP || strlen(wanted) < 3 * SLIP)
            continue;
        snprintf(reason, sizeof reason, "unknown variable (did you mean the one of \"%s\"?)", settings->rows[i].name);
        return refuse_at(problem, origin, origin, reason, "correct or unset it");
    }
    log_message(LOG_WARNING, "ops", "a variable that is no setting is ignored", "variable=%s", origin);
    return STATUS_OK;
}

static enum status read_variable(struct settings *settings, const char *variable, size_t name_size, struct problem *problem)
{
    char origin[SETTINGS_ORIGIN_SIZE];
    const char *value = variable + name_size + 1;
    snprintf(origin, sizeof origin, "%.*s", (int)name_size, variable);
    const char *name = origin + sizeof ENVIRONMENT_PREFIX - 1;
    for (uint32_t i = 0; i < settings->row_count; i++)
        if (is_variable_of(name, settings->rows[i].name))
            return settings_set(settings, settings->rows[i].name, value, origin, problem);
    return check_stranger(settings, name, origin, problem);
}

enum status settings_read_environment(struct settings *settings, char **environment, struct problem *problem)
{
    enum status status = STATUS_OK;
    for (; *environment && status == STATUS_OK; environment++) {
        size_t name_size = strcspn(*environment, "=");
        bool is_ours = strncmp(*environment, ENVIRONMENT_PREFIX, sizeof ENVIRONMENT_PREFIX - 1) == 0;
        if (is_ours && (*environment)[name_size] == '=' && name_size < SETTINGS_NAME_SIZE)
            status = read_variable(settings, *environment, name_size, problem);
    }
    return status;
}

/* ---- the file ---- */

static struct settings_list *find_list(struct settings *settings, const char *section)
{
    for (uint32_t i = 0; i < settings->list_count; i++)
        if (strcmp(settings->lists[i].section, section) == 0)
            return &settings->lists[i];
    return NULL;
}

void settings_allow_list(struct settings *settings, const char *section, const char *const *keys, uint32_t key_count)
{
    ASSERT(settings->list_count < SETTINGS_LISTS_MAX && key_count <= SETTINGS_KEYS_MAX);
    ASSERT(!find_list(settings, section) && !find_row(settings, section));
    settings->lists[settings->list_count++] = (struct settings_list){.section = section, .keys = keys, .key_count = key_count};
}

static enum status add_pair(struct settings_list *list, const struct yaml_leaf *leaf, const char *key, struct problem *problem)
{
    if (list->pair_count == list->pair_capacity) {
        uint32_t capacity = list->pair_capacity ? 2 * list->pair_capacity : 32;
        struct settings_pair *pairs = realloc(list->pairs, capacity * sizeof *pairs);
        if (!pairs)
            return problem_set(problem, STATUS_MEMORY, "no memory for the list %s", list->section);
        list->pairs = pairs;
        list->pair_capacity = capacity;
    }
    struct settings_pair *pair = &list->pairs[list->pair_count++];
    pair->item = leaf->index;
    pair->line = leaf->line;
    pair->key = key;
    snprintf(pair->value, sizeof pair->value, "%s", leaf->value);
    return STATUS_OK;
}

static enum status visit_item(struct settings *settings, const struct yaml_leaf *leaf, struct problem *problem)
{
    struct settings_list *list = find_list(settings, leaf->path);
    struct nearest nearest;
    if (!list && find_row(settings, leaf->path))
        return yaml_tree_refuse(problem, settings->file, leaf->line, "%s: takes one value, not a list of maps", leaf->path);
    if (!list)
        return yaml_tree_refuse(problem, settings->file, leaf->line, "%s: is no list", leaf->path);
    if (leaf->kind == YAML_ITEM) {
        if (leaf->index >= SETTINGS_ITEMS_MAX)
            return yaml_tree_refuse(problem, settings->file, leaf->line, "%s: more than %d items", leaf->path, SETTINGS_ITEMS_MAX);
        list->item_lines[leaf->index] = leaf->line;
        list->item_count = leaf->index + 1;
        return STATUS_OK;
    }
    if (leaf->is_null)
        return yaml_tree_refuse(problem, settings->file, leaf->line, "%s.%s: has no value", leaf->path, leaf->key);
    nearest_init(&nearest, leaf->key);
    for (uint32_t i = 0; i < list->key_count; i++) {
        if (strcmp(list->keys[i], leaf->key) == 0)
            return add_pair(list, leaf, list->keys[i], problem);
        nearest_offer(&nearest, list->keys[i]);
    }
    yaml_tree_refuse(problem, settings->file, leaf->line, "%s.%s: unknown key", leaf->path, leaf->key);
    if (nearest.best)
        yaml_tree_refuse(problem, settings->file, leaf->line, "%s.%s: unknown key (did you mean \"%s\"?)", leaf->path, leaf->key, nearest.best);
    return STATUS_SETTING;
}

static enum status visit_scalar(struct settings *settings, const struct yaml_leaf *leaf, struct problem *problem)
{
    const struct option_row *row = find_row(settings, leaf->path);
    char origin[SETTINGS_ORIGIN_SIZE];
    snprintf(origin, sizeof origin, "%.140s:%u", settings->file, leaf->line);
    bool is_empty = leaf->is_null || (leaf->is_list && leaf->value[0] == '\0');
    if (!row && is_empty && (is_section(settings, leaf->path) || find_list(settings, leaf->path)))
        return STATUS_OK; /* a section of which everything is commented out */
    if (!row && is_section(settings, leaf->path))
        return refuse_at(problem, origin, leaf->path, "is a section", "write its keys below it");
    if (!row && find_list(settings, leaf->path))
        return refuse_at(problem, origin, leaf->path, "is a list of maps", "write `- {name: x}` below it");
    if (!row)
        return refuse_unknown(settings, leaf->path, origin, problem);
    if (leaf->is_list && row->kind != OPTION_TEXT)
        return refuse_value(row, origin, "takes one value, not a list", problem);
    if (leaf->is_null)
        return refuse_value(row, origin, "has no value", problem);
    struct settings_origin *before = origin_of(settings, row);
    if (before->file_line != 0) {
        char reason[OPTION_VALUE_REASON_SIZE];
        snprintf(reason, sizeof reason, "stands twice, also in line %u", before->file_line);
        return refuse_at(problem, origin, leaf->path, reason, "keep one of both");
    }
    before->file_line = leaf->line;
    return settings_set(settings, leaf->path, leaf->value, origin, problem);
}

static enum status visit(void *context, const struct yaml_leaf *leaf, struct problem *problem)
{
    struct settings *settings = context;
    if (leaf->kind == YAML_SCALAR)
        return visit_scalar(settings, leaf, problem);
    if (leaf->kind != YAML_MAP)
        return visit_item(settings, leaf, problem);
    char origin[SETTINGS_ORIGIN_SIZE];
    snprintf(origin, sizeof origin, "%.140s:%u", settings->file, leaf->line);
    const struct option_row *row = find_row(settings, leaf->path);
    if (row)
        return refuse_value(row, origin, "takes one value, not a map", problem);
    if (find_list(settings, leaf->path))
        return refuse_at(problem, origin, leaf->path, "is a list of maps", "write `- {name: x}` below it");
    return is_section(settings, leaf->path) ? STATUS_OK : refuse_unknown(settings, leaf->path, origin, problem);
}

enum status settings_read_file(struct settings *settings, const char *path, struct problem *problem)
{
    snprintf(settings->file, sizeof settings->file, "%s", path);
    enum status status = yaml_tree_read(path, SETTINGS_FILE_MAX, visit, settings, problem);
    if (status == STATUS_SETTING && problem && problem->pointer[0] == '\0')
        snprintf(problem->fix, sizeof problem->fix, "name a readable file with --config");
    return status;
}

/* ---- reading ---- */

const char *settings_origin(const struct settings *settings, const char *name)
{
    const struct option_row *row = find_row(settings, name);
    ASSERT(row);
    return origin_of(settings, row)->text;
}

void settings_render(const struct settings *settings, const char *name, char *text, size_t size)
{
    const struct option_row *row = find_row(settings, name);
    ASSERT(row);
    option_value_render(row, settings->values, text, size);
}

void settings_render_default(const struct option_row *row, char *text, size_t size)
{
    if (row->kind == OPTION_TEXT)
        snprintf(text, size, "%s", row->default_text);
    else
        option_value_number(row, row->default_number, text, size);
}

uint32_t settings_list_count(const struct settings *settings, const char *section)
{
    for (uint32_t i = 0; i < settings->list_count; i++)
        if (strcmp(settings->lists[i].section, section) == 0)
            return settings->lists[i].item_count;
    return 0;
}

bool settings_list_get(const struct settings *settings, const char *section, uint32_t index, const char *key, char *value,
                       size_t size, char *place)
{
    enum { PLACE_SIZE = 160 };
    place[0] = '\0';
    for (uint32_t i = 0; i < settings->list_count; i++) {
        const struct settings_list *list = &settings->lists[i];
        if (strcmp(list->section, section) != 0 || index >= list->item_count)
            continue;
        snprintf(place, PLACE_SIZE, "%.140s:%u", settings->file, list->item_lines[index]);
        for (uint32_t k = 0; k < list->pair_count; k++) {
            if (list->pairs[k].item != index || strcmp(list->pairs[k].key, key) != 0)
                continue;
            snprintf(place, PLACE_SIZE, "%.140s:%u", settings->file, list->pairs[k].line);
            snprintf(value, size, "%s", list->pairs[k].value);
            return true;
        }
    }
    return false;
}
