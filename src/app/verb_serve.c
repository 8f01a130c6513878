#include "app/verb_serve.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/configuration.h"
#include "app/server.h"
#include "app/verbs.h"

const char verb_serve_usage[] =
    "usage: penchant serve [--config FILE] [--data DIR] [--listen HOST:PORT] [--SETTING=VALUE ...]\n\n"
    "  --config FILE       settings in YAML; config/penchant.yaml has every setting with its default\n"
    "  --data DIR          data directory (./penchant-data)\n"
    "  --listen HOST:PORT  address of the API (127.0.0.1:7700; port 0 takes a free one)\n"
    "  --SETTING=VALUE     any setting, e.g. --log.durability=always; `penchant describe settings` lists them\n\n"
    "Precedence: flag > PENCHANT_* environment > file > default.  SIGTERM drains and checkpoints.\n";

int verb_serve_run(int argument_count, char **arguments)
{
    struct problem problem = {0};
    struct configuration *configuration = NULL;
    struct server *server = NULL;
    char *rest[16];
    int rest_count = 16;

    if (configuration_create(&configuration, argument_count, arguments, rest, &rest_count, &problem) != STATUS_OK)
        return verbs_fail(&problem);
    int code = EXIT_DONE;
    if (rest_count > 0) {
        code = verbs_misused("serve", rest[0]);
    } else if (server_open(&server, configuration, &problem) != STATUS_OK) {
        code = verbs_fail(&problem);
    } else {
        if (server_start(server, stdout) == STATUS_OK) {
            server_wait(server);
        } else {
            fprintf(stderr, "penchant serve: a thread could not be started\n");
            code = EXIT_FAILED;
        }
        server_close(server);
    }
    configuration_destroy(configuration);
    return code;
}
