/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disk: digests
 */

#include "disk.h"

#include <string.h>

#define TMP_NAME "tmp"

uint64_t disk_hash(const void *bytes, size_t n_bytes, uint64_t seed)
{
        const uint8_t *at = bytes;
        uint64_t hash = seed ^ (n_bytes * UINT64_C(0x9e3779b97f4a7c15));

        while (n_bytes > 0) {
                uint64_t word = 0;
                size_t n = MIN(n_bytes, sizeof word);

                memcpy(&word, at, n);
                hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
                hash ^= hash >> 32;
                at += n;
                n_bytes -= n;
        }

        return hash * UINT64_C(0xc4ceb9fe1a85ec53) ^ hash >> 29;
}

static uint64_t digest_of_block(DiskBlock *block)
{
        if (block->digest == 0)
                block->digest = disk_hash(block->bytes, sizeof block->bytes, 1);
        return block->digest;
}

/* A block of zeros counts as none. */
static uint64_t digest_of_file(const DiskNode *file, uint64_t seed)
{
        static DiskBlock zeros;
        uint64_t digest = disk_hash(&file->n_bytes, sizeof file->n_bytes, seed);

        for (guint i = 0; i < file->blocks->len; i++) {
                DiskBlock *block = file->blocks->pdata[i];
                uint64_t parts[2] = { i, 0 };

                if (!block || digest_of_block(block) == digest_of_block(&zeros))
                        continue;
                parts[1] = block->digest;
                digest = disk_hash(parts, sizeof parts, digest);
        }

        return digest;
}

static uint64_t digest_of_directory(const DiskNode *directory, uint64_t seed)
{
        g_autoptr(GList) names =
                g_list_sort(g_hash_table_get_keys(directory->names), (GCompareFunc) strcmp);
        uint64_t digest = seed;

        for (const GList *link = names; link; link = link->next) {
                const char *name = link->data;
                const DiskNode *node = disk_lookup(directory, name);

                digest = disk_hash(name, strlen(name), digest);
                if (!node->is_directory)
                        digest = digest_of_file(node, digest);
                else if (strcmp(name, TMP_NAME) != 0)
                        digest = digest_of_directory(node, digest);
        }

        return disk_hash("", 1, digest);
}

uint64_t disk_digest(const Disk *disk)
{
        return digest_of_directory(disk->root, 0);
}
