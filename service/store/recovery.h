/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Recovery
 *
 * Reads one side into the state: the newest checkpoint that is whole, then the journals after it,
 * up to the first thing that is missing. Changes no file; what is to be mended or set aside it
 * says.
 */

#include "core/state.h"
#include "core/status.h"
#include "store/journal-reader.h"
#include "store/side.h"

#include <stdbool.h>
#include <stdint.h>

/* What the persistent side knows that the runtime side is held against. */
typedef struct RecoveryContext {
        sd_id128_t boot_id;
        sd_id128_t epoch;               /* null: lost with the manifest */
        uint64_t reached;               /* the revision the persistent files reach */
        bool is_whole;                  /* nothing is missing there */
        bool is_same_boot;              /* it was written to in this boot */
        uint64_t void_first, void_last; /* revisions that never came to be; 0: none */
} RecoveryContext;

typedef struct RecoveryFindings {
        bool is_nothing;    /* no file, or none that counts: to be begun from nothing */
        const char *damage; /* what is damaged, or NULL; static */
        char file[64];      /* and in which file, its name below the directory */
        bool has_manifest;  /* or it had to be made up */
        bool is_witness; /* of the runtime side: the persistent side has lost more than a torn tail */
        LoadedFrom loaded_from;
        uint64_t revision;    /* that the files reach */
        uint64_t n_old_bytes; /* of the journals before the newest */
        JournalFindings tail; /* of the newest journal, when nothing is damaged */
} RecoveryFindings;

enum {
        RECOVERY_E_NEWER = 1, /* written by a later version */
};

/*
 * Reads @side's manifest, which becomes its, and what that names, in place of what the state has of
 * that side. @context: NULL for the persistent
 * side. 0, RECOVERY_E_NEWER or an errno.
 */
int recovery_load(Side *side,
                  const RecoveryContext *context,
                  State *state,
                  RecoveryFindings *ret_findings);

/* The history a side belongs to, if its manifest is whole and of this boot; else null. */
sd_id128_t recovery_peek_epoch(const Side *side, sd_id128_t boot_id);
