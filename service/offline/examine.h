/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Examine
 *
 * Reads one file of a state directory to its end, whatever it is and wherever it came from, and says
 * what is in it and whether it is whole.
 */

#include "store/journal-reader.h"
#include "store/manifest.h"
#include "util/io.h"

#include <stdint.h>

/* Why nothing can be said of what is in a file's place. */
#define EXAMINE_NO_FILE "it is no file, or cannot be read"

typedef enum FileKind {
        FILE_UNKNOWN,
        FILE_MANIFEST,
        FILE_CHECKPOINT,
        FILE_JOURNAL,
} FileKind;

typedef struct Examination {
        FileKind kind;
        const char *verdict; /* REGENT_STORE_WHOLE and so on */
        const char *reason;  /* why not whole; static, or NULL */
        uint64_t n_bytes;
        uint64_t first, last;  /* revisions that it holds, or is of; 0: none */
        uint64_t highest;      /* the highest revision that is found anywhere in it */
        uint64_t n_records;    /* that count */
        uint64_t n_namespaces; /* of a checkpoint, as is the next */
        uint64_t n_entries;
        uint64_t offset;       /* where what is whole ends */
        uint64_t created_usec; /* 0: not known */
        uint64_t link;         /* checksum of a journal's last record */
        ManifestFile identity; /* of a checkpoint or journal, by its header */
} Examination;

/*
 * @expectation: what a manifest says of a journal, or NULL. @kind: what the file's name says it is,
 * which counts where its beginning does not tell. 0 or an errno; a file that cannot be read is
 * damaged.
 */
int examine(const Io *io,
            int fd,
            FileKind kind,
            const JournalExpectation *expectation,
            Examination *ret_examination);

/* What the name of a file in a state directory says it is. */
FileKind examine_name(const char *name);

/* "journal" and so on. */
const char *examine_kind_name(FileKind kind);

/* One that is not there, though a manifest names it. */
Examination examine_missing(FileKind kind);
