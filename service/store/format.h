/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Format
 *
 * The layout of journals and checkpoints, all of it. Little endian; everything begins at a multiple
 * of eight bytes.
 *
 *     FileHeader, then records: RecordHeader, payload, zeros up to a multiple of eight, checksum
 *
 * Every checksum is XXH3-64. A header's covers the header. A record's covers all of the record
 * before it, seeded with the file's UUID, the record's offset and its revision, so each record
 * verifies by itself and a stale, shifted, swapped or doubled one never does. A record's header has
 * one of its own, seeded alike: what looks like a header inside of somebody's value, with a length
 * of megabytes, costs a search for records no more than a look. `previous` links each
 * record to the one before it (the first to the file's header, and a journal's header to the last
 * record of the journal before), so nothing can be missing in between.
 *
 * After its last record a journal holds zeros, written ahead of need.
 *
 * A reader refuses a file with an incompatible feature it does not know, and takes no notice of an
 * unknown compatible one. Payloads are described in store/commit-codec.h
 * and store/checkpoint-codec.h.
 *
 * There is one version for all kinds of files, the manifest included:
 *
 *     1    the first
 *     2    more kinds of records and of entries; what 1 has is as it was
 *     3    tombstones in checkpoints, entries of sessions; what 2 has is as it was
 *
 * All are read. Only the last is written, to files of its own: what is found in an older one is
 * written anew before it is added to (store/upgrade.h).
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_MAGIC_JOURNAL    "RegentJ\n"
#define FORMAT_MAGIC_CHECKPOINT "RegentC\n"
#define FORMAT_VERSION          3u
#define FORMAT_VERSION_OLDEST   1u

/* The features this version knows. */
#define FORMAT_COMPATIBLE   UINT64_C(0)
#define FORMAT_INCOMPATIBLE UINT64_C(0)

#define FORMAT_RECORD_MAGIC UINT32_C(0x43524752) /* "RGRC" */

typedef struct FileHeader {
        uint8_t magic[8];
        uint32_t version;
        uint32_t header_bytes; /* where the first record begins */
        uint64_t compatible_features;
        uint64_t incompatible_features;
        uint8_t uuid[16];
        uint8_t boot_id[16];    /* of the boot it was begun in */
        uint64_t base_revision; /* a checkpoint's own; a journal holds what came after it */
        uint64_t predecessor;   /* checksum of the last record of the journal before, or 0 */
        uint64_t created_usec;  /* since 1970 */
        uint64_t checksum;
} FileHeader;

static_assert(sizeof(FileHeader) == 96, "format");
static_assert(offsetof(FileHeader, uuid) == 32, "format");
static_assert(offsetof(FileHeader, base_revision) == 64, "format");
static_assert(offsetof(FileHeader, checksum) == 88, "format");

typedef enum RecordKind {
        /* of journals */
        RECORD_COMMIT = 1,
        RECORD_MARK = 2,    /* no payload; says what is durable */
        RECORD_RESTORE = 3, /* a commit that takes the state back to a copy, which it names */
        RECORD_PENDING = 4, /* a commit that waits for a confirmation; see store/commit-record.h */
        RECORD_CONFIRMATION = 5,
        RECORD_UNDOING = 6,
        /* 7 to 15: reserved */

        /* of checkpoints */
        RECORD_NAMESPACES = 16,
        RECORD_ENTRIES = 17,
        RECORD_TOMBSTONES = 18, /* keys deleted lately */
        RECORD_END = 19,        /* the last: how much there was */
        RECORD_WAITING = 20,    /* a change that waits for a confirmation */
} RecordKind;

typedef enum RecordFlags {
        /* The payload names a revision that the persistent files must reach for it to count. */
        RECORD_PAIRED = 1 << 0,
        /* A mark made by a clean stop. */
        RECORD_CLEAN = 1 << 1,
} RecordFlags;

#define FORMAT_RECORD_FLAGS ((unsigned) RECORD_PAIRED | (unsigned) RECORD_CLEAN)

typedef struct RecordHeader {
        uint32_t magic;
        uint32_t length; /* of the whole record, checksum included */
        uint64_t revision;
        uint64_t time_usec; /* since 1970 */
        uint16_t kind;
        uint16_t flags;
        uint32_t payload_bytes;
        uint64_t durable; /* last revision in this file known durable when this was written; or 0 */
        uint64_t previous; /* checksum of the record before, of the header for the first */
        uint64_t checksum; /* of the header */
} RecordHeader;

static_assert(sizeof(RecordHeader) == 56, "format");
static_assert(offsetof(RecordHeader, checksum) == 48, "format");
static_assert(offsetof(RecordHeader, revision) == 8, "format");
static_assert(offsetof(RecordHeader, durable) == 32, "format");

#define FORMAT_RECORD_OVERHEAD (sizeof(RecordHeader) + sizeof(uint64_t))

/* Larger than any commit a limit allows; a length beyond it is no record's. */
#define FORMAT_RECORD_BYTES_MAX (UINT32_C(64) << 20)
