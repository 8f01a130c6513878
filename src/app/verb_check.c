#include "app/verb_check.h"

#include <stdio.h>

#include "app/configuration.h"
#include "app/verbs.h"

const char verb_check_usage[] =
    "usage: penchant check [--config FILE] [--SETTING=VALUE ...] [--defaults]\n\n"
    "  --defaults   print every setting with its default as commented YAML\n\n"
    "Exit code 0 when the settings are valid, 3 when not.\n";

static void print_layout(const struct configuration *configuration)
{
    static const char *const entities[] = {"user", "session", "content", "category", "global"};

    for (uint32_t e = 0; e < FEATURE_ENTITY_COUNT; e++) {
        printf("features  %-8s", entities[e]);
        for (uint32_t i = 0; i < configuration->layout.feature_count; i++)
            if (configuration->layout.features[i].declared.entity == e)
                printf(" %s", configuration->layout.features[i].declared.name);
        printf("  (%u bytes)\n", configuration->layout.entity_bytes[e]);
    }
    printf("events   ");
    for (uint32_t i = 0; i < configuration->types.count; i++)
        printf(" %s", configuration->types.rows[i].name);
    printf("\n");
}

int verb_check_run(int argument_count, char **arguments)
{
    struct problem problem = {0};
    struct configuration *configuration = NULL;
    char *rest[16];
    int rest_count = 16;

    if (configuration_create(&configuration, argument_count, arguments, rest, &rest_count, &problem) != STATUS_OK)
        return verbs_fail(&problem);
    int code = EXIT_DONE;
    if (rest_count == 1 && strcmp(rest[0], "--defaults") == 0) {
        settings_print_defaults(configuration->settings, stdout);
    } else if (rest_count > 0) {
        code = verbs_misused("check", rest[0]);
    } else {
        printf("settings  %s: valid\n", configuration->config_file[0] ? configuration->config_file : "defaults");
        settings_print_changed(configuration->settings, stdout);
        printf("data      %s\nlisten    %s\n", configuration->app.data, configuration->http.listen);
        print_layout(configuration);
    }
    configuration_destroy(configuration);
    return code;
}
