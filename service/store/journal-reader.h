/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Journal reader
 *
 * Reads a journal at recovery, judges its end, and opens it for going on.
 *
 * The sequence of records ends where none follows that verifies and links to the one before. Only
 * zeros behind that: the journal is whole. Something else, in the newest journal, and no witness (a
 * record anywhere in the file, or the manifest) that anything beyond was durable: the tail is torn,
 * and was never acknowledged. In all other cases the journal is damaged.
 */

#include "store/journal.h"
#include "store/manifest.h"
#include "store/record.h"

typedef enum JournalEnd {
        JOURNAL_WHOLE,
        JOURNAL_TORN,
        JOURNAL_UNCLEAN, /* not the newest, and something behind its end: whole if the next links to it */
        JOURNAL_DAMAGED,
} JournalEnd;

/* What the manifest and the journal before say of a journal. */
typedef struct JournalExpectation {
        ManifestFile file;
        bool has_predecessor; /* or there is none to compare with */
        uint64_t predecessor; /* checksum of its last record, as the next */
        uint64_t predecessor_revision;
        bool is_newest;
        uint64_t committed;   /* the last revision known durable elsewhere */
        uint64_t least_bytes; /* what it was filled with when it was made */
} JournalExpectation;

typedef struct JournalFindings {
        JournalEnd end;
        RecordPosition position; /* behind the last record that counts */
        const char *reason;      /* of damage; static */
        uint64_t revision;       /* of the last commit that counts, or the base; 0: not even that */
        uint64_t durable;        /* of the last commit that a record says is durable */
        uint64_t unsure_offset;  /* where the records begin that none says are durable */
        uint64_t dirty_end;      /* behind the last byte that is not zero */
        uint64_t n_records;
        uint32_t version; /* of the format */
        bool is_marked;
        bool is_predecessor; /* what is damaged is the journal before */
} JournalFindings;

enum {
        JOURNAL_E_NEWER = 1, /* written by a later version */
        JOURNAL_E_END,       /* from a JournalSink: this record does not count */
};

/* Gets each commit's record. 0, JOURNAL_E_END, JOURNAL_E_NEWER, -EBADMSG: cannot be read. */
typedef int (*JournalSink)(void *userdata, const Record *record);

/* 0 with findings, JOURNAL_E_NEWER, or an errno. A missing or unreadable file is damaged. */
int journal_read(const StoreDirectory *directory,
                 const JournalExpectation *expectation,
                 JournalSink sink,
                 void *userdata,
                 JournalFindings *ret_findings);

/* The same of a file that is open, whatever its name is. */
int journal_read_open(const Io *io,
                      int fd,
                      const JournalExpectation *expectation,
                      JournalSink sink,
                      void *userdata,
                      JournalFindings *ret_findings);

/*
 * Opens a whole or torn journal for going on: a torn tail becomes zeros, records not known to be
 * durable are written once more, as what the kernel has of them may never have reached the disk,
 * and all is synced. Can be killed anywhere and done again.
 */
int journal_reopen(Journal **ret_journal,
                   const StoreDirectory *directory,
                   const ManifestFile *file,
                   const JournalFindings *findings);
