/* Goal: no bytes in a log file lead the frame reader outside a frame, and the search for proofs ends.
 * Method: the input is a file; the first byte says how much of it is made right (magic, lengths,
 * checksums), so that hostile section tables get behind the checksum.  What a stream gives lies
 * in the file and is the same when it is read from that place again. */
#include "fuzz.h"

#include "base/hash.h"
#include "eventlog/frame.h"
#include "eventlog/segment.h"

enum { PARTITIONS = 4, SOURCES = 2, SALT = 7, FIX_HEAD = 1, FIX_LENGTH = 2, FIX_CHECKSUM = 4, MAGIC = 0x4d524650 };

/* Makes frames right from the front, as far as `fix` says. */
static void mend(char *bytes, size_t size, uint8_t fix)
{
    for (size_t at = 0; at + sizeof(struct frame_head) <= size;) {
        struct frame_head *head = (struct frame_head *)(bytes + at);
        if (fix & FIX_HEAD) {
            head->magic = MAGIC;
            head->version = 1;
            head->codec = 0;
            head->salt = SALT;
        }
        uint64_t room = (size - at) & ~(uint64_t)7;
        if (fix & FIX_LENGTH) {
            uint64_t wanted = sizeof *head + (head->length & 0x3f8);
            head->length = (uint32_t)((wanted < room ? wanted : room) - FRAME_PREFIX);
        }
        uint64_t end = frame_bytes(head);
        if (end > size - at || end % 8 != 0)
            return;
        if (fix & FIX_CHECKSUM)
            head->checksum = hash_checksum((const char *)head + FRAME_PREFIX, head->length);
        at += end;
    }
}

static void check_sections(const struct frame_head *head)
{
    const struct frame_section *sections = frame_sections(head);
    const char *records = frame_records(head), *end = (const char *)head + frame_bytes(head);
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < head->section_count; i++) {
        FUZZ_CHECK(sections[i].partition < PARTITIONS);
        FUZZ_CHECK(sections[i].source_partition == 0xffff || sections[i].source_partition < SOURCES);
        bytes += sections[i].bytes;
    }
    FUZZ_CHECK(records <= end && bytes <= (uint64_t)(end - records));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct frame_stream stream, second;
    const struct frame_head *head, *again;
    char path[FUZZ_PATH_SIZE + 16];
    uint64_t shown = 0, synced_to;

    uint8_t fix = fuzz_byte(&input);
    char *bytes = malloc(input.size + 1); /* aligned, as a stream's buffer */
    if (input.size > 0)
        memcpy(bytes, input.data, input.size);
    mend(bytes, input.size, fix);
    snprintf(path, sizeof path, "%s/frames", fuzz_directory());
    fuzz_store(path, bytes, input.size);
    free(bytes);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    FUZZ_CHECK(frame_stream_init(&stream, PARTITIONS, SOURCES) == STATUS_OK);
    FUZZ_CHECK(frame_stream_init(&second, PARTITIONS, SOURCES) == STATUS_OK);
    frame_stream_seek(&stream, fd, path, 0);
    for (;;) {
        uint64_t at = stream.at;
        FUZZ_CHECK(frame_stream_next(&stream, input.size, SALT, &head, NULL) == STATUS_OK);
        if (head == NULL)
            break;
        FUZZ_CHECK(stream.at > at && stream.at <= input.size && stream.at - at == frame_bytes(head));
        check_sections(head);
        frame_stream_seek(&second, fd, path, at);
        FUZZ_CHECK(frame_stream_next(&second, input.size, FRAME_ANY_SALT, &again, NULL) == STATUS_OK && again != NULL);
        FUZZ_CHECK(frame_bytes(again) == frame_bytes(head) && memcmp(head, again, frame_bytes(head)) == 0);
        shown = head->synced_to > shown ? head->synced_to : shown;
    }
    frame_stream_fini(&stream);
    frame_stream_fini(&second);
    close(fd);
    struct segment_shape shape = {PARTITIONS, SOURCES};
    FUZZ_CHECK(segment_proof(path, shape, SALT, 0, &synced_to, NULL) == STATUS_OK && synced_to >= shown);
    FUZZ_CHECK(segment_proof(path, shape, FRAME_ANY_SALT, fix, &synced_to, NULL) == STATUS_OK);
    return 0;
}
