/* Preloaded before a server: counts calls of malloc, calloc, realloc, aligned_alloc, posix_memalign
 * and strdup by who called: the program itself, libmicrohttpd, any other library.  The counts stand in the file
 * that COUNT_FILE names, three words that a test reads while the server runs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PROGRAM, MICROHTTPD, OTHER, KINDS, EARLY_BYTES = 65536 };

static struct { uintptr_t begin, end; } modules[OTHER];
static uint64_t before[KINDS], *counts = before;
static char early[EARLY_BYTES]; /* for what dlsym itself asks while the real functions are looked up */
static size_t early_used;
static void *(*real_malloc)(size_t), *(*real_calloc)(size_t, size_t), *(*real_realloc)(void *, size_t);
static void *(*real_aligned)(size_t, size_t);
static int (*real_posix)(void **, size_t, size_t);
static void (*real_free)(void *);

static void count(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    int kind = PROGRAM;
    while (kind < OTHER && (at < modules[kind].begin || at >= modules[kind].end))
        kind++;
    __atomic_fetch_add(&counts[kind], 1, __ATOMIC_RELAXED);
}

static int look(struct dl_phdr_info *info, size_t size, void *context)
{
    int *seen = context, kind = (*seen)++ == 0 ? PROGRAM : strstr(info->dlpi_name, "libmicrohttpd") ? MICROHTTPD : OTHER;
    (void)size;
    for (int i = 0; kind != OTHER && i < info->dlpi_phnum; i++) {
        uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type != PT_LOAD || !(info->dlpi_phdr[i].p_flags & PF_X))
            continue;
        modules[kind].begin = begin;
        modules[kind].end = begin + info->dlpi_phdr[i].p_memsz;
    }
    return 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("COUNT_FILE");
    int seen = 0, fd = path ? open(path, O_RDWR) : -1;
    dl_iterate_phdr(look, &seen);
    if (fd < 0)
        return;
    void *shared = mmap(NULL, sizeof before, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED)
        counts = shared;
    close(fd);
}

static int is_early(const void *place)
{
    return (const char *)place >= early && (const char *)place < early + EARLY_BYTES;
}

static void *take_early(size_t size)
{
    size_t at = early_used;
    early_used += (size + 15) / 16 * 16;
    return early_used <= EARLY_BYTES ? early + at : NULL;
}

static void find(void)
{
    static int is_finding;
    if (real_free != NULL || is_finding)
        return;
    is_finding = 1;
    *(void **)&real_malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&real_calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real_realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&real_aligned = dlsym(RTLD_NEXT, "aligned_alloc");
    *(void **)&real_posix = dlsym(RTLD_NEXT, "posix_memalign");
    *(void **)&real_free = dlsym(RTLD_NEXT, "free");
}

void *malloc(size_t size)
{
    find();
    count(__builtin_return_address(0));
    return real_malloc ? real_malloc(size) : take_early(size);
}

void *calloc(size_t members, size_t size)
{
    find();
    count(__builtin_return_address(0));
    return real_calloc ? real_calloc(members, size) : take_early(members * size);
}

void *realloc(void *place, size_t size)
{
    find();
    count(__builtin_return_address(0));
    if (place == NULL || !is_early(place))
        return real_realloc ? real_realloc(place, size) : take_early(size);
    size_t left = (size_t)(early + EARLY_BYTES - (char *)place);
    void *wider = malloc(size);
    return wider ? memcpy(wider, place, size < left ? size : left) : NULL;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    find();
    count(__builtin_return_address(0));
    return real_aligned(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    find();
    count(__builtin_return_address(0));
    return real_posix(out, alignment, size);
}

/* Otherwise the caller of malloc would be the C library. */
char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    find();
    count(__builtin_return_address(0));
    char *copy = real_malloc ? real_malloc(size) : take_early(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void free(void *place)
{
    if (place != NULL && real_free != NULL && !is_early(place))
        real_free(place);
}
