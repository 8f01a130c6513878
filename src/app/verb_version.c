#include "app/verb_version.h"

#include <stdio.h>

#include "app/verbs.h"

const char verb_version_usage[] = "usage: penchant version\n";

int verb_version_run(int argument_count, char **arguments)
{
    if (argument_count > 0)
        return verbs_misused("version", arguments[0]);
    printf("penchant %s\n", PENCHANT_VERSION);
    return EXIT_DONE;
}
