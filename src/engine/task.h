/* task.h - one partition's state machine: log records in, profiles and learning records out.
 *
 * Everything a task changes is a function of its partition's records and the settings:
 * profiles, session timers, the deduplication window, position and counts.  Time is the
 * partition's clock, the largest received_at applied.  Before each record the timers that
 * are due fire (at most TASK_FIRES of them, so that no record waits for a night's worth;
 * the rest fire before the records that follow).
 *
 * A record of the log is framed Avro (first byte 0x00, schema/event.h) or a tick: the one
 * byte TASK_TICK.  A tick is appended when a deadline has passed and nothing came; it only
 * moves the clock and fires up to TASK_TICK_FIRES timers.  Any other record is counted as
 * undecodable and changes nothing but the position.
 *
 * Changes belong to a generation (engine/generations.h): task_cut closes one and opens the
 * next in O(1); task_committed forgets the closed one, task_take_back undoes the newest.
 *
 * Threads: its worker; task_applied, task_is_level, task_is_settled, task_counts, task_clock_ms, task_profile, task_is_duplicate any.
 * Memory:  profiles, window and timers; two undo buffers.
 * Failure: task_open as the changelog; task_apply STATUS_MEMORY, STATUS_IO, STATUS_CORRUPT: the
 *          worker stops.
 */
#ifndef ENGINE_TASK_H
#define ENGINE_TASK_H

#include "engine/dedup.h"
#include "engine/engine.h"
#include "engine/profile_table.h"
#include "engine/timer.h"
#include "engine/undo.h"
#include "eventlog/changelog.h"
#include "eventlog/transaction.h"
#include "schema/learning.h"

enum { TASK_BATCH = 16, TASK_FIRES = 16, TASK_TICK_FIRES = 1024, TASK_TICK = 0x01 };

struct task_counts {
    uint64_t applied, duplicates, late, undecodable, learning, sessions_ended, unverified, ticks;
};

/* The small part of the state, whole: what a cut keeps and a checkpoint writes. */
struct task_head {
    uint64_t position; /* next offset */
    int64_t clock_ms;
    struct task_counts counts;
    struct dedup_mark dedup;
};

struct task_generation {
    uint64_t number; /* 0: none */
    struct task_head head;
    struct undo undo;
};

struct task_pending;
struct checkpoint_loading;

struct task_move {
    struct hash128 key;
    changelog_place from, to;
    uint32_t kind, size;
};

/* A checkpoint under way (engine/checkpoint.h). */
struct task_checkpoint {
    struct checkpoint_loading *loading; /* between task_open and task_load */
    bool is_open;
    uint32_t number;
    struct task_head head;           /* as of the cut */
    uint64_t users, live_bytes;      /* as of the cut */
    uint64_t dedup_written;          /* ids below are in the changelog: as put */
    uint64_t dedup_committed;        /* and as committed */
    uint64_t committed_position;
    uint64_t synced_position;        /* the changelog is durable up to here */
    uint32_t cursor;                 /* in the writing list */
    uint32_t drop_before;            /* segment; 0: none */
    struct task_move *moves;         /* live records of the oldest segment */
    uint32_t move_count, move_capacity, move_cursor;
    bool has_gathered;
    uint64_t written_records, written_bytes; /* shared, since open */
    uint64_t changelog_bytes;                /* shared, as of the last commit */
    uint64_t events_synced, learn_synced;    /* sequences that a commit proves synced */
};

struct task {
    uint32_t partition;
    const struct engine_config *config;
    const struct hash_key *key;
    struct profile_rules rules;
    const struct transaction_port *port;
    struct profile_table table;
    struct dedup *dedup;
    struct timer_heap timers;
    struct changelog *changelog;
    struct task_head head;           /* counts and clock shared */
    uint64_t applied;                /* shared: head.position as published */
    uint32_t is_loaded;              /* shared: task_load is done */
    uint64_t level;                  /* shared: all records below are applied, though offsets may have a gap before */
    uint64_t settled;                /* shared: what was emitted for records below is committed */
    struct task_generation generations[2];
    uint32_t open;                   /* which of them is open; the other may be closing */
    struct task_checkpoint checkpoint;
    uint64_t emitted_bytes;          /* since the last cut */
    uint32_t emitted_index;          /* of the record being applied */
    struct profile *profile;         /* scratch */
    struct task_pending *pending;
    char *encoded;
    char *dedup_record;
};

/* data_dir NULL: no changelog (tests).  The slab is the worker's. */
enum status task_open(struct task **task, uint32_t partition, const struct engine_config *config, const struct hash_key *key,
                      const char *data_dir, struct slab *slab, struct problem *problem) MUST_CHECK;
void task_close(struct task *task);
/* The rest of opening, timers and deduplication window, which no answer needs: before the first
 * task_apply, on the worker's thread. */
enum status task_load(struct task *task) MUST_CHECK;

/* ---- worker ---- */
/* count <= TASK_BATCH records with consecutive offsets, all received at one moment. */
enum status task_apply(struct task *task, int64_t received_at_ms, uint64_t first_offset, const struct slice *records,
                       uint32_t count) MUST_CHECK;
/* Makes what was applied visible as a position. */
void task_publish(struct task *task);
void task_begin(struct task *task, uint64_t generation);
/* Closes the open generation and opens another. */
void task_cut(struct task *task, uint64_t generation);
void task_committed(struct task *task);
/* Undoes the open generation; with is_closing the closing one as well; opens another. */
enum status task_take_back(struct task *task, bool is_closing, uint64_t generation) MUST_CHECK;
bool task_has_closing(const struct task *task);
/* Position that the closing generation started from. */
uint64_t task_closing_from(const struct task *task);
uint64_t task_hash(struct task *task);

/* ---- any thread ---- */
uint64_t task_applied(const struct task *task);
/* All records below `end` are applied. */
bool task_is_level(const struct task *task, uint64_t end);
/* And what came of them is in learn, and the window is loaded. */
bool task_is_settled(const struct task *task, uint64_t end);
int64_t task_clock_ms(const struct task *task);
void task_counts(const struct task *task, struct task_counts *counts);
bool task_profile(struct task *task, struct hash128 user, struct profile *profile);
bool task_is_duplicate(const struct task *task, struct hash128 event);
void task_prefetch_duplicate(const struct task *task, struct hash128 event);

#endif
