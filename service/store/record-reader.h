/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Record reader
 *
 * Reads a journal or checkpoint through a window, record by record in sequence, or looks for
 * records anywhere in it.
 */

#include "store/record.h"
#include "util/io.h"

#include <stdbool.h>

typedef struct RecordReader RecordReader;

/* Reads the header too. Borrows @io and @fd. 0, RECORD_E_NONE, RECORD_E_NEWER or an errno. */
int record_reader_new(RecordReader **ret_reader, const Io *io, int fd, const char *magic);
RecordReader *record_reader_free(RecordReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RecordReader, record_reader_free)

const FileHeader *record_reader_header(const RecordReader *reader);
uint64_t record_reader_file_bytes(const RecordReader *reader);

/* Of a file that is still being written: only so much of it is looked at. */
void record_reader_set_file_bytes(RecordReader *reader, uint64_t n_bytes);

/* Behind the last record in sequence. */
RecordPosition record_reader_position(const RecordReader *reader);

/*
 * The next record in sequence, its payload valid until the next call. RECORD_E_NONE when there is
 * none: the end, or something that does not verify or does not belong there; RECORD_E_NEWER when it
 * bears a flag this version does not know.
 */
int record_reader_next(RecordReader *reader, Record *ret_record);

/* The first whole record at @offset (a multiple of eight) or after it, or RECORD_E_NONE. */
int record_reader_find(RecordReader *reader, uint64_t offset, Record *ret_record);

/* Where the bytes from @offset on begin to be all zeros. */
int record_reader_zeros_from(RecordReader *reader, uint64_t offset, uint64_t *ret_offset);
