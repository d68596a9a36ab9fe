/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Oracle
 *
 * Says what a start has to make of damaged files, knowing nothing but these, the files as they were,
 * and what the state was after each commit: a checkpoint counts when not a byte of it differs, of a
 * journal what does up to the first byte that differs. Checksums are not looked at.
 */

#include "history.h"
#include "store/commit-codec.h"

typedef enum Verdict {
        VERDICT_WHOLE,   /* nothing is missing */
        VERDICT_TORN,    /* the end of a journal is, and nobody can know that it was ever there */
        VERDICT_DAMAGED, /* something is missing, which must be told */
} Verdict;

typedef struct Prophecy {
        Verdict verdict;
        uint64_t revision; /* of the newest whole state */
        bool is_untouched; /* not a byte differs */
        bool is_dirty;     /* of a torn journal: there is something behind its last record */
        bool is_exact[2];  /* by CommitPart: the state is known exactly */
        uint64_t runtime_revision;
        const char *torn_path;
        bool is_loss; /* something of the persistent side is missing */
        bool is_copy; /* the newest whole state is the last known good one */
} Prophecy;

Prophecy oracle_ask(const History *history, const Site *damaged);
