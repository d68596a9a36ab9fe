/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Cut
 *
 * The disks that a power cut, or the end of the process alone, may leave of a Disk. Everything that
 * is not certain is listed, and a CutChoice says of each how far it has come:
 *
 *     a sector   nothing of what was written to it, or the first one, two, … of the writes; or what
 *                had been there before it was the file's, where a file system allows that
 *     a size     the same
 *     a name     the same, each for itself; or all changes of names up to one, in their order
 */

#include "disk.h"

#define CUT_VERSIONS_MAX 4u
#define CUT_JUNK         UINT8_MAX

typedef struct CutSector {
        DiskNode *file;
        uint32_t block;
        uint8_t sector;
        uint8_t n_versions; /* the last CUT_VERSIONS_MAX that differ */
        bool may_be_junk;   /* CUT_JUNK may be chosen: nothing of it was ever certain */
        guint versions[CUT_VERSIONS_MAX]; /* in DiskNode.writes */
} CutSector;

typedef struct CutName {
        DiskNode *directory;
        const char *name;
        DiskEntry *entry;
} CutName;

typedef struct Cut {
        const Disk *disk;
        GArray *sectors; /* CutSector, in the order of the writes */
        GArray *sizes;   /* DiskNode *, of files */
        GArray *names;   /* CutName */
} Cut;

typedef struct CutChoice {
        uint8_t *sectors;
        uint8_t *sizes;
        uint8_t *names;
        bool is_ordered; /* n_changes counts, and not the names */
        guint n_changes;
} CutChoice;

/* What is not certain now. Holds until @disk changes. */
Cut *cut_new(const Disk *disk);
Cut *cut_free(Cut *cut);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cut, cut_free)

/* Nothing or all of it has come to the disk. */
void cut_choice_init(CutChoice *choice, const Cut *cut, bool is_all);
void cut_choice_clear(CutChoice *choice);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CutChoice, cut_choice_clear)

Disk *cut_power(const Cut *cut, const CutChoice *choice, bool is_tracking);

/* The process is gone and nothing else. */
Disk *cut_process(const Disk *disk, bool is_tracking);

/* What became of a file or directory on a disk made by cut_process(); NULL when it had no name. */
DiskNode *cut_twin(const Disk *disk, const Disk *made, const DiskNode *node);
