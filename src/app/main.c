/* main.c - penchant: the verbs; without one it serves. */
#include <stdio.h>
#include <string.h>

#include "app/verbs.h"

int main(int argument_count, char **arguments)
{
    const char *name = argument_count > 1 && arguments[1][0] != '-' ? arguments[1] : "serve";
    int first = argument_count > 1 && arguments[1][0] != '-' ? 2 : 1;

    if (argument_count == 2 && (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0))
        name = "help";
    if (argument_count == 2 && strcmp(arguments[1], "--version") == 0) {
        name = "version";
        first = 2;
    }
    if (strcmp(name, "help") == 0) {
        verbs_print();
        return EXIT_DONE;
    }
    const struct verb *verb = verbs_find(name);
    if (verb == NULL) {
        fprintf(stderr, "penchant: there is no verb %s; `penchant help` lists them\n", name);
        return EXIT_MISUSED;
    }
    for (int i = first; i < argument_count; i++) {
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            printf("penchant %s - %s\n\n%s", verb->name, verb->summary, verb->usage);
            return EXIT_DONE;
        }
    }
    return verb->run(argument_count - first, arguments + first);
}
