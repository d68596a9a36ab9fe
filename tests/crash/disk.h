/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Disk
 *
 * A file system in memory that keeps apart what programs see and what is certain to be there after a
 * power cut. Between the two lies, for each sector, each size and each name, what they have been in
 * between: tests/crash/cut.h makes of that the disks that a cut may leave.
 *
 * A sync covers what was done before it began, and counts when it has ended. What a sync that failed
 * was to cover stays uncertain until it is written again: the kernel takes it for written.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_SECTOR_BYTES  512u
#define DISK_BLOCK_BYTES   4096u
#define DISK_BLOCK_SECTORS (DISK_BLOCK_BYTES / DISK_SECTOR_BYTES)

/* Shared and never changed while shared. NULL stands for zeros. */
typedef struct DiskBlock {
        guint n_refs;
        uint64_t digest; /* 0: not computed yet */
        uint8_t bytes[DISK_BLOCK_BYTES];
} DiskBlock;

/* What a write made of a block. */
typedef struct DiskWrite {
        uint64_t time;
        uint32_t block;
        uint8_t sectors; /* a bit each: which it wrote, and nothing certain has followed */
        bool is_doomed;
        DiskBlock *after; /* a reference */
} DiskWrite;

typedef struct DiskSize {
        uint64_t time;
        uint64_t n_bytes;
} DiskSize;

typedef struct DiskNode DiskNode;

/* What a name came to mean. */
typedef struct DiskName {
        uint64_t time;
        DiskNode *node; /* NULL: nothing */
} DiskName;

/* The history of one name: what is certain, and what came after that, oldest first. */
typedef struct DiskEntry {
        DiskNode *certain;
        GArray *later; /* DiskName */
} DiskEntry;

struct DiskNode {
        bool is_directory;
        bool is_memory; /* of a file system that a power cut empties, and nothing else harms */
        unsigned number;

        GPtrArray *blocks; /* DiskBlock */
        uint64_t n_bytes;
        GPtrArray *certain_blocks;
        uint64_t n_certain_bytes;
        GArray *writes; /* DiskWrite, in their order */
        GArray *sizes;  /* DiskSize */

        GHashTable *names;   /* -> DiskNode */
        GHashTable *entries; /* name -> DiskEntry */
        GHashTable *ordered; /* names as of the last change that is certain where changes are
                                written in their order -> DiskNode */
};

/* A change of one or, when something was moved, two names. */
typedef struct DiskChange {
        uint64_t time;
        bool is_certain;
        DiskNode *directory;
        char *name;
        DiskNode *node; /* NULL: nothing */
        DiskNode *from; /* NULL: nothing was moved */
        char *from_name;
} DiskChange;

typedef struct Disk {
        bool is_tracking; /* or a power cut is not asked about: nothing is kept but what is seen */
        uint64_t time;
        GPtrArray *nodes;
        DiskNode *root;
        GPtrArray *changes; /* DiskChange, since DiskNode.ordered */
} Disk;

/* A disk with an empty directory. One that is made there as DISK_MEMORY_NAME will be in memory. */
Disk *disk_new(bool is_tracking);
Disk *disk_free(Disk *disk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Disk, disk_free)

#define DISK_MEMORY_NAME "runtime"

DiskNode *disk_lookup(const DiskNode *directory, const char *name);
DiskNode *disk_add(Disk *disk, DiskNode *directory, const char *name, bool is_directory);
void disk_move(
        Disk *disk, DiskNode *from, const char *from_name, DiskNode *to, const char *to_name);
void disk_link(Disk *disk, DiskNode *directory, const char *name, DiskNode *node);
void disk_unlink(Disk *disk, DiskNode *directory, const char *name);

/* @bytes: NULL for zeros. */
void disk_write(Disk *disk, DiskNode *file, const void *bytes, size_t n_bytes, uint64_t offset);
size_t disk_read(const DiskNode *file, void *bytes, size_t n_bytes, uint64_t offset);

/* The time that a sync which begins now covers. */
uint64_t disk_now(const Disk *disk);
void disk_synced(Disk *disk, DiskNode *node, uint64_t covers, bool has_failed);

/* Everything is written down. */
void disk_settle(Disk *disk);

/* A reboot in good order: everything is written down, and what was in memory is gone. */
void disk_shut_down(Disk *disk);

/* Of all that is seen, but for files that are only being made. */
uint64_t disk_digest(const Disk *disk);

/* For tests/crash/cut.c, which makes disks of its own. */
DiskNode *disk_new_node(Disk *disk, bool is_directory);
DiskBlock *disk_block_ref(DiskBlock *block);
DiskBlock *disk_block_writable(GPtrArray *blocks, guint block);

/* 64 bits of bytes and a seed: not the store's own checksum, which a test may break. */
uint64_t disk_hash(const void *bytes, size_t n_bytes, uint64_t seed);
