#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Linux cuts one read or write at just under 2 GiB; smaller steps keep signals answered. */
static const size_t STEP_BYTES = (size_t)1 << 30;

static enum status refuse(struct problem *problem, const char *what, const char *path, int error)
{
    enum status status = error == ENOSPC || error == EDQUOT ? STATUS_DISK_FULL : STATUS_IO;

    return problem_set(problem, status, "%s %s: %s", what, path, strerror(error));
}

enum status file_open(int *fd, const char *path, enum file_mode mode, struct problem *problem)
{
    static const int flags[] = {
        [FILE_READ] = O_RDONLY,
        [FILE_WRITE] = O_RDWR,
        [FILE_CREATE] = O_RDWR | O_CREAT,
        [FILE_CREATE_NEW] = O_RDWR | O_CREAT | O_EXCL,
    };

    do {
        *fd = open(path, flags[mode] | O_CLOEXEC, 0600);
    } while (*fd < 0 && errno == EINTR);
    if (*fd >= 0)
        return STATUS_OK;
    if (errno == ENOENT && (mode == FILE_READ || mode == FILE_WRITE))
        return problem_set(problem, STATUS_NOT_FOUND, "cannot open %s: %s", path, strerror(errno));
    return refuse(problem, "cannot open", path, errno);
}

void file_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

enum status file_read_at(int fd, const char *path, void *data, size_t size, uint64_t offset, size_t *got,
                         struct problem *problem)
{
    size_t done = 0;

    *got = 0;
    while (done < size) {
        size_t step = size - done < STEP_BYTES ? size - done : STEP_BYTES;
        ssize_t n = pread(fd, (char *)data + done, step, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse(problem, "cannot read", path, errno);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *got = done;
    return STATUS_OK;
}

enum status file_pread_all(int fd, const char *path, void *data, size_t size, uint64_t offset, struct problem *problem)
{
    size_t got;
    enum status status = file_read_at(fd, path, data, size, offset, &got, problem);

    if (status == STATUS_OK && got < size)
        return problem_set(problem, STATUS_CORRUPT, "%s ends at byte %llu, %zu bytes before what was to be read", path,
                           (unsigned long long)(offset + got), size - got);
    return status;
}

enum status file_pwrite_all(int fd, const char *path, const void *data, size_t size, uint64_t offset,
                            struct problem *problem)
{
    size_t done = 0;

    while (done < size) {
        size_t step = size - done < STEP_BYTES ? size - done : STEP_BYTES;
        ssize_t n = pwrite(fd, (const char *)data + done, step, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return refuse(problem, "cannot write", path, n < 0 ? errno : ENOSPC);
        done += (size_t)n;
    }
    return STATUS_OK;
}

enum status file_write_all(int fd, const char *path, const void *data, size_t size, struct problem *problem)
{
    size_t done = 0;

    while (done < size) {
        size_t step = size - done < STEP_BYTES ? size - done : STEP_BYTES;
        ssize_t n = write(fd, (const char *)data + done, step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return refuse(problem, "cannot write", path, n < 0 ? errno : ENOSPC);
        done += (size_t)n;
    }
    return STATUS_OK;
}

enum status file_sync(int fd, const char *path, struct problem *problem)
{
    if (fdatasync(fd) != 0)
        return refuse(problem, "cannot sync", path, errno);
    return STATUS_OK;
}

enum status file_sync_directory(const char *path, struct problem *problem)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return refuse(problem, "cannot open directory", path, errno);
    int error = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return error ? refuse(problem, "cannot sync directory", path, error) : STATUS_OK;
}

enum status file_size(int fd, const char *path, uint64_t *size, struct problem *problem)
{
    struct stat about;

    if (fstat(fd, &about) != 0)
        return refuse(problem, "cannot stat", path, errno);
    *size = (uint64_t)about.st_size;
    return STATUS_OK;
}

enum status file_truncate(int fd, const char *path, uint64_t size, struct problem *problem)
{
    int result;

    do {
        result = ftruncate(fd, (off_t)size);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? STATUS_OK : refuse(problem, "cannot cut", path, errno);
}

enum status file_preallocate(int fd, const char *path, uint64_t offset, uint64_t size, bool keep_size,
                             struct problem *problem)
{
    uint64_t now;
    int result;

    if (size == 0)
        return STATUS_OK;
    do {
        result = fallocate(fd, keep_size ? FALLOC_FL_KEEP_SIZE : 0, (off_t)offset, (off_t)size);
    } while (result != 0 && errno == EINTR);
    if (result == 0)
        return STATUS_OK;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return refuse(problem, "cannot take room for", path, errno);
    if (keep_size)
        return STATUS_OK;
    enum status status = file_size(fd, path, &now, problem);
    if (status == STATUS_OK && now < offset + size)
        status = file_truncate(fd, path, offset + size, problem);
    return status;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static enum status make_one(const char *path, struct problem *problem)
{
    struct stat about;

    if (mkdir(path, 0700) == 0)
        return STATUS_OK;
    int error = errno;
    if (error == EEXIST && stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return STATUS_OK;
    return refuse(problem, "cannot make directory", path, error == EEXIST ? ENOTDIR : error);
}

enum status file_make_directory(const char *path, struct problem *problem)
{
    char part[FILE_PATH_SIZE];
    size_t size = strlen(path);

    if (size == 0 || size >= sizeof part)
        return refuse(problem, "cannot make directory", path, size ? ENAMETOOLONG : ENOENT);
    memcpy(part, path, size + 1);
    for (size_t i = 1; i < size; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        enum status status = make_one(part, problem);
        if (status != STATUS_OK)
            return status;
        part[i] = '/';
    }
    return make_one(part, problem);
}

enum status file_remove(const char *path, struct problem *problem)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return STATUS_OK;
    return refuse(problem, "cannot remove", path, errno);
}

enum status file_rename(const char *from, const char *to, struct problem *problem)
{
    if (rename(from, to) == 0)
        return STATUS_OK;
    return refuse(problem, "cannot rename to", to, errno);
}

static enum status name_holder(int fd, const char *path, struct problem *problem)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    long pid = n > 0 ? strtol(text, NULL, 10) : 0;

    if (pid > 0)
        return problem_set(problem, STATUS_IN_USE, "%s is held by the process with pid %ld", path, pid);
    return problem_set(problem, STATUS_IN_USE, "%s is held by another process", path);
}

/* flock, not fcntl: a record lock would be lost when any other descriptor of the file closes. */
enum status file_lock(int *fd, const char *path, struct problem *problem)
{
    char text[32];
    enum status status = file_open(fd, path, FILE_CREATE, problem);

    if (status != STATUS_OK)
        return status;
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        status = error == EWOULDBLOCK ? name_holder(*fd, path, problem) : refuse(problem, "cannot lock", path, error);
    } else {
        int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
        status = file_truncate(*fd, path, 0, problem);
        if (status == STATUS_OK)
            status = file_pwrite_all(*fd, path, text, (size_t)size, 0, problem);
    }
    if (status != STATUS_OK)
        file_close(fd);
    return status;
}

static void directory_of(char out[FILE_PATH_SIZE], const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        snprintf(out, FILE_PATH_SIZE, ".");
    else if (slash == path)
        snprintf(out, FILE_PATH_SIZE, "/");
    else
        snprintf(out, FILE_PATH_SIZE, "%.*s", (int)(slash - path), path);
}

static enum status write_new(const char *path, struct slice content, struct problem *problem)
{
    int fd;
    enum status status = file_open(&fd, path, FILE_CREATE, problem);

    if (status != STATUS_OK)
        return status;
    status = file_truncate(fd, path, 0, problem);
    if (status == STATUS_OK)
        status = file_pwrite_all(fd, path, content.data, content.size, 0, problem);
    if (status == STATUS_OK)
        status = file_sync(fd, path, problem);
    file_close(&fd);
    return status;
}

enum status file_replace(const char *path, struct slice content, struct problem *problem)
{
    char fresh[FILE_PATH_SIZE];
    char directory[FILE_PATH_SIZE];

    if ((size_t)snprintf(fresh, sizeof fresh, "%s.tmp", path) >= sizeof fresh)
        return refuse(problem, "cannot replace", path, ENAMETOOLONG);
    directory_of(directory, path);
    enum status status = write_new(fresh, content, problem);
    if (status == STATUS_OK)
        status = file_rename(fresh, path, problem);
    if (status == STATUS_OK)
        return file_sync_directory(directory, problem);
    unlink(fresh);
    return status;
}

enum status file_read_small(const char *path, size_t size_max, char **content, size_t *size, struct problem *problem)
{
    int fd;
    uint64_t bytes = 0;
    enum status status = file_open(&fd, path, FILE_READ, problem);

    *content = NULL;
    *size = 0;
    if (status != STATUS_OK)
        return status;
    status = file_size(fd, path, &bytes, problem);
    if (status == STATUS_OK && bytes > size_max)
        status = problem_set(problem, STATUS_TOO_LARGE, "%s has %llu bytes, at most %zu are read", path,
                             (unsigned long long)bytes, size_max);
    if (status == STATUS_OK && (*content = malloc((size_t)bytes + 1)) == NULL)
        status = problem_set(problem, STATUS_MEMORY, "no memory for %s", path);
    if (status == STATUS_OK)
        status = file_read_at(fd, path, *content, (size_t)bytes, 0, size, problem);
    if (status == STATUS_OK) {
        (*content)[*size] = '\0';
    } else {
        free(*content);
        *content = NULL;
    }
    file_close(&fd);
    return status;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t a = strlen(name);
    size_t b = strlen(suffix);

    return a >= b && memcmp(name + a - b, suffix, b) == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_regular(int directory, const struct dirent *entry)
{
    struct stat about;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_REG;
    return fstatat(directory, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(about.st_mode);
}

/* false: no memory */
static bool list_add(struct file_list *list, uint32_t *capacity, const char *name)
{
    if (list->count == *capacity) {
        uint32_t wider = *capacity ? *capacity * 2 : 16;
        char **names = realloc(list->names, wider * sizeof *names);
        if (names == NULL)
            return false;
        list->names = names;
        *capacity = wider;
    }
    list->names[list->count] = strdup(name);
    return list->names[list->count] != NULL && ++list->count > 0;
}

enum status file_list(struct file_list *list, const char *directory, const char *suffix, struct problem *problem)
{
    DIR *stream = opendir(directory);
    uint32_t capacity = 0;
    enum status status = STATUS_OK;

    *list = (struct file_list){NULL, 0};
    if (stream == NULL)
        return refuse(problem, "cannot list", directory, errno);
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            if (errno != 0)
                status = refuse(problem, "cannot list", directory, errno);
            break;
        }
        if (!ends_with(entry->d_name, suffix) || !is_regular(dirfd(stream), entry))
            continue;
        if (!list_add(list, &capacity, entry->d_name)) {
            status = problem_set(problem, STATUS_MEMORY, "no memory to list %s", directory);
            break;
        }
    }
    closedir(stream);
    if (status != STATUS_OK)
        file_list_fini(list);
    else if (list->count > 1)
        qsort(list->names, list->count, sizeof *list->names, compare_names);
    return status;
}

void file_list_fini(struct file_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct file_list){NULL, 0};
}

enum status file_join(char out[FILE_PATH_SIZE], const char *directory, const char *name, struct problem *problem)
{
    int size = snprintf(out, FILE_PATH_SIZE, "%s/%s", directory, name);

    if (size >= 0 && size < FILE_PATH_SIZE)
        return STATUS_OK;
    return problem_set(problem, STATUS_SETTING, "the path %.200s/%.100s is too long", directory, name);
}
