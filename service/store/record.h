/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Records
 *
 * Makes, seals and verifies the records and headers of store/format.h, in memory.
 */

#include "store/codec.h"
#include "store/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-id128.h>

/* Where the next record of a file goes, and what it links to. */
typedef struct RecordPosition {
        sd_id128_t uuid;
        uint64_t offset;
        uint64_t previous;
} RecordPosition;

/* A verified record; all in this machine's byte order. */
typedef struct Record {
        RecordHeader header;
        uint64_t offset;
        uint64_t checksum;
        const uint8_t *payload; /* borrowed */
} Record;

/* The little-endian header of a file that begins now. Its checksum is the first link. */
void file_header_make(FileHeader *header,
                      const char *magic,
                      sd_id128_t uuid,
                      sd_id128_t boot_id,
                      uint64_t base_revision,
                      uint64_t predecessor,
                      uint64_t created_usec);

enum {
        RECORD_E_NONE = 1, /* nothing that verifies */
        RECORD_E_NEWER,    /* whole, but written by a later version */
};

/* Verifies and converts the header in @bytes. 0 or RECORD_E_*. */
/* Of one that is RECORD_E_NEWER the header ends up there, too. */
int file_header_read(FileHeader *ret_header, const char *magic, const void *bytes, size_t n_bytes);

/* Where the records of a file begin. */
RecordPosition file_header_position(const FileHeader *header);

/*
 * A record is begun, its payload put behind, and then sealed, which fills in everything but what
 * @header says of kind, flags, revision, time and durable, and moves @position behind it.
 */
size_t record_begin(CodecBuffer *buffer);
void record_seal(CodecBuffer *buffer,
                 size_t begin,
                 const RecordHeader *header,
                 RecordPosition *position);

/* The length of the record whose header, a whole one, is at @bytes; 0 when that does not verify. */
size_t record_length(const void *bytes, sd_id128_t uuid, uint64_t offset);

/* Verifies the record at @bytes, of record_length() bytes. 0 or RECORD_E_NONE. */
int record_verify(Record *ret_record, const void *bytes, sd_id128_t uuid, uint64_t offset);
