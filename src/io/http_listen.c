#include "io/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void set_fix(struct problem *problem, const char *text)
{
    if (problem != NULL)
        snprintf(problem->fix, sizeof problem->fix, "%s", text);
}

static enum status refuse_form(struct problem *problem, const char *listen)
{
    enum status status = problem_set(problem, STATUS_SETTING, "http.listen: \"%s\" is not an address and a port", listen);

    set_fix(problem, "write it as 127.0.0.1:7700, localhost:7700 or [::1]:7700");
    return status;
}

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    unsigned long value = strtoul(text, &end, 10);
    *port = (uint16_t)value;
    return *end == '\0' && value <= 65535;
}

static enum status parse(const char *listen, union address *address, struct slice *host, struct problem *problem)
{
    char name[128];
    const char *colon = strrchr(listen, ':');
    uint16_t port = 0;

    if (colon == NULL || colon == listen || (size_t)(colon - listen) >= sizeof name || !parse_port(colon + 1, &port))
        return refuse_form(problem, listen);
    *host = slice_make(listen, (size_t)(colon - listen));
    snprintf(name, sizeof name, "%.*s", SLICE_ARG(*host));
    memset(address, 0, sizeof *address);
    if (strcmp(name, "localhost") == 0)
        snprintf(name, sizeof name, "127.0.0.1");
    bool is_local;
    if (name[0] == '[' && name[host->size - 1] == ']') {
        name[host->size - 1] = '\0';
        if (inet_pton(AF_INET6, name + 1, &address->v6.sin6_addr) != 1)
            return refuse_form(problem, listen);
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        is_local = IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    } else {
        if (inet_pton(AF_INET, name, &address->v4.sin_addr) != 1)
            return refuse_form(problem, listen);
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        is_local = (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
    }
    if (is_local)
        return STATUS_OK;
    problem_set(problem, STATUS_SETTING, "http.listen: %s could be reached from other machines, and no keys protect it",
                listen);
    set_fix(problem, "listen on 127.0.0.1 and put a proxy that asks for keys in front of it");
    return STATUS_SETTING;
}

static enum status refuse_bind(struct problem *problem, const char *listen, int error)
{
    if (error != EADDRINUSE)
        return problem_set(problem, STATUS_IO, "cannot listen on %s: %s", listen, strerror(error));
    problem_set(problem, STATUS_IN_USE, "%s is taken by another process", listen);
    set_fix(problem, "stop it, or choose another port with --listen 127.0.0.1:PORT (0 takes a free one)");
    return STATUS_IN_USE;
}

/* -1 and errno when it cannot be had. */
static int bind_one(const union address *address, bool is_shared, bool is_listening)
{
    int on = 1;
    socklen_t size = address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, &address->any, size) == 0 && (!is_listening || listen(fd, BACKLOG) == 0))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool learn_port(int fd, union address *address)
{
    socklen_t size = sizeof *address;

    return getsockname(fd, &address->any, &size) == 0;
}

enum status http_listen_open(const char *listen, int *sockets, uint32_t count, struct slice *host, uint16_t *port,
                             struct problem *problem)
{
    union address address;
    bool is_shared = count > 1;
    enum status status = parse(listen, &address, host, problem);

    if (status != STATUS_OK)
        return status;
    if (is_shared && address.v4.sin_port != 0) {
        int probe = bind_one(&address, false, false);
        if (probe < 0)
            return refuse_bind(problem, listen, errno);
        close(probe);
    }
    for (uint32_t i = 0; i < count; i++) {
        sockets[i] = bind_one(&address, is_shared, true);
        if (sockets[i] >= 0 && (i > 0 || learn_port(sockets[i], &address)))
            continue;
        status = refuse_bind(problem, listen, errno);
        for (uint32_t j = 0; j <= i; j++)
            if (sockets[j] >= 0)
                close(sockets[j]);
        return status;
    }
    *port = ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
    return STATUS_OK;
}
