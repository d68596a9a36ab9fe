/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disk
 */

#include "disk.h"

#include <string.h>

/* Names of a directory that is never synced come and go for ever; the last ones will do. */
#define LATER_NAMES_MAX 3u

DiskBlock *disk_block_ref(DiskBlock *block)
{
        if (block)
                block->n_refs++;
        return block;
}

static void block_unref(gpointer userdata)
{
        DiskBlock *block = userdata;

        if (block && --block->n_refs == 0)
                g_free(block);
}

DiskBlock *disk_block_writable(GPtrArray *blocks, guint block)
{
        DiskBlock *old = blocks->pdata[block], *own = old;

        if (!old || old->n_refs > 1) {
                own = g_new(DiskBlock, 1);
                if (old)
                        memcpy(own->bytes, old->bytes, sizeof own->bytes);
                else
                        memset(own->bytes, 0, sizeof own->bytes);
                own->n_refs = 1;
                block_unref(old);
                blocks->pdata[block] = own;
        }
        own->digest = 0;
        return own;
}

static void write_clear(gpointer userdata)
{
        DiskWrite *write = userdata;

        block_unref(write->after);
}

static void entry_free(gpointer userdata)
{
        DiskEntry *entry = userdata;

        g_array_unref(entry->later);
        g_free(entry);
}

static void change_free(gpointer userdata)
{
        DiskChange *change = userdata;

        g_free(change->name);
        g_free(change->from_name);
        g_free(change);
}

static void node_free(gpointer userdata)
{
        DiskNode *node = userdata;

        g_clear_pointer(&node->blocks, g_ptr_array_unref);
        g_clear_pointer(&node->certain_blocks, g_ptr_array_unref);
        g_clear_pointer(&node->writes, g_array_unref);
        g_clear_pointer(&node->sizes, g_array_unref);
        g_clear_pointer(&node->names, g_hash_table_unref);
        g_clear_pointer(&node->entries, g_hash_table_unref);
        g_clear_pointer(&node->ordered, g_hash_table_unref);
        g_free(node);
}

DiskNode *disk_new_node(Disk *disk, bool is_directory)
{
        DiskNode *node = g_new0(DiskNode, 1);

        node->is_directory = is_directory;
        node->number = disk->nodes->len;
        if (is_directory) {
                node->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
                node->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
                node->ordered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        } else {
                node->blocks = g_ptr_array_new_with_free_func(block_unref);
                node->certain_blocks = g_ptr_array_new_with_free_func(block_unref);
                node->writes = g_array_new(FALSE, FALSE, sizeof(DiskWrite));
                g_array_set_clear_func(node->writes, write_clear);
                node->sizes = g_array_new(FALSE, FALSE, sizeof(DiskSize));
        }
        g_ptr_array_add(disk->nodes, node);
        return node;
}

Disk *disk_new(bool is_tracking)
{
        Disk *disk = g_new0(Disk, 1);

        disk->is_tracking = is_tracking;
        disk->nodes = g_ptr_array_new_with_free_func(node_free);
        disk->changes = g_ptr_array_new_with_free_func(change_free);
        disk->root = disk_new_node(disk, true);
        return disk;
}

Disk *disk_free(Disk *disk)
{
        if (!disk)
                return NULL;

        g_ptr_array_unref(disk->changes);
        g_ptr_array_unref(disk->nodes);
        g_free(disk);
        return NULL;
}

DiskNode *disk_lookup(const DiskNode *directory, const char *name)
{
        return g_hash_table_lookup(directory->names, name);
}

static void set_name(GHashTable *names, const char *name, DiskNode *node)
{
        if (node)
                g_hash_table_replace(names, g_strdup(name), node);
        else
                g_hash_table_remove(names, name);
}

static void note_name(const Disk *disk, DiskNode *directory, const char *name, DiskNode *node)
{
        DiskEntry *entry = g_hash_table_lookup(directory->entries, name);
        DiskName later = { disk->time, node };

        if (!entry) {
                entry = g_new0(DiskEntry, 1);
                entry->later = g_array_new(FALSE, FALSE, sizeof(DiskName));
                g_hash_table_insert(directory->entries, g_strdup(name), entry);
        }
        if (entry->later->len == LATER_NAMES_MAX)
                g_array_remove_index(entry->later, 0);
        g_array_append_val(entry->later, later);
}

/* @from: what is moved loses its name there; or NULL. */
static void change_name(Disk *disk,
                        DiskNode *directory,
                        const char *name,
                        DiskNode *node,
                        DiskNode *from,
                        const char *from_name)
{
        DiskChange *change;

        disk->time++;
        set_name(directory->names, name, node);
        if (from)
                set_name(from->names, from_name, NULL);
        if (!disk->is_tracking || directory->is_memory)
                return;

        note_name(disk, directory, name, node);
        if (from)
                note_name(disk, from, from_name, NULL);
        change = g_new(DiskChange, 1);
        *change = (DiskChange){
                .time = disk->time,
                .directory = directory,
                .name = g_strdup(name),
                .node = node,
                .from = from,
                .from_name = g_strdup(from_name),
        };
        g_ptr_array_add(disk->changes, change);
}

DiskNode *disk_add(Disk *disk, DiskNode *directory, const char *name, bool is_directory)
{
        DiskNode *node = disk_new_node(disk, is_directory);

        node->is_memory = directory->is_memory ||
                          (directory == disk->root && strcmp(name, DISK_MEMORY_NAME) == 0);
        change_name(disk, directory, name, node, NULL, NULL);
        return node;
}

void disk_move(Disk *disk, DiskNode *from, const char *from_name, DiskNode *to, const char *to_name)
{
        change_name(disk, to, to_name, disk_lookup(from, from_name), from, from_name);
}

void disk_link(Disk *disk, DiskNode *directory, const char *name, DiskNode *node)
{
        change_name(disk, directory, name, node, NULL, NULL);
}

void disk_unlink(Disk *disk, DiskNode *directory, const char *name)
{
        change_name(disk, directory, name, NULL, NULL, NULL);
}

static void grow(GPtrArray *blocks, uint64_t n_bytes)
{
        guint n_blocks = (guint) ((n_bytes + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES);

        if (blocks->len < n_blocks)
                g_ptr_array_set_size(blocks, (gint) n_blocks);
}

/* The part of a write that lies in one block. */
static void write_block(
        Disk *disk, DiskNode *file, const uint8_t *bytes, size_t n_bytes, uint64_t offset)
{
        guint block = (guint) (offset / DISK_BLOCK_BYTES);
        size_t begin = offset % DISK_BLOCK_BYTES;
        unsigned first = (unsigned) begin / DISK_SECTOR_BYTES;
        unsigned last = (unsigned) (begin + n_bytes - 1) / DISK_SECTOR_BYTES;
        DiskWrite write = { .time = disk->time, .block = block };

        if (bytes)
                memcpy(disk_block_writable(file->blocks, block)->bytes + begin, bytes, n_bytes);
        else if (file->blocks->pdata[block])
                memset(disk_block_writable(file->blocks, block)->bytes + begin, 0, n_bytes);
        if (!disk->is_tracking || file->is_memory)
                return;

        write.sectors = (uint8_t) (((1u << (last + 1)) - 1) & ~((1u << first) - 1));
        write.after = disk_block_ref(file->blocks->pdata[block]);
        g_array_append_val(file->writes, write);
}

void disk_write(Disk *disk, DiskNode *file, const void *bytes, size_t n_bytes, uint64_t offset)
{
        const uint8_t *at = bytes;

        disk->time++;
        grow(file->blocks, offset + n_bytes);
        if (offset + n_bytes > file->n_bytes) {
                DiskSize size = { disk->time, offset + n_bytes };

                file->n_bytes = offset + n_bytes;
                if (disk->is_tracking && !file->is_memory)
                        g_array_append_val(file->sizes, size);
        }

        while (n_bytes > 0) {
                size_t n = MIN(n_bytes, DISK_BLOCK_BYTES - offset % DISK_BLOCK_BYTES);

                write_block(disk, file, at, n, offset);
                if (at)
                        at += n;
                offset += n;
                n_bytes -= n;
        }
}

size_t disk_read(const DiskNode *file, void *bytes, size_t n_bytes, uint64_t offset)
{
        uint8_t *at = bytes;
        size_t n_read;

        if (offset >= file->n_bytes)
                return 0;
        n_bytes = n_read = MIN(n_bytes, file->n_bytes - offset);
        while (n_bytes > 0) {
                const DiskBlock *block = file->blocks->pdata[offset / DISK_BLOCK_BYTES];
                size_t begin = offset % DISK_BLOCK_BYTES;
                size_t n = MIN(n_bytes, DISK_BLOCK_BYTES - begin);

                if (block)
                        memcpy(at, block->bytes + begin, n);
                else
                        memset(at, 0, n);
                at += n;
                offset += n;
                n_bytes -= n;
        }

        return n_read;
}

uint64_t disk_now(const Disk *disk)
{
        return disk->time;
}

/* The sectors of @write are certain from now on. */
static void settle_write(DiskNode *file, const DiskWrite *write)
{
        DiskBlock *own;

        if (write->sectors == 0xff) {
                block_unref(file->certain_blocks->pdata[write->block]);
                file->certain_blocks->pdata[write->block] = disk_block_ref(write->after);
                return;
        }
        if (!write->after && !file->certain_blocks->pdata[write->block])
                return;

        own = disk_block_writable(file->certain_blocks, write->block);
        for (unsigned i = 0; i < DISK_BLOCK_SECTORS; i++) {
                uint8_t *sector = own->bytes + (size_t) i * DISK_SECTOR_BYTES;

                if (!(write->sectors & 1u << i))
                        continue;
                if (write->after)
                        memcpy(sector, write->after->bytes + (size_t) i * DISK_SECTOR_BYTES,
                               DISK_SECTOR_BYTES);
                else
                        memset(sector, 0, DISK_SECTOR_BYTES);
        }
}

/* What came before and lies in the same sectors is of no account any more. */
static void overrule(DiskNode *file, guint index)
{
        const DiskWrite *write = &g_array_index(file->writes, DiskWrite, index);

        for (guint i = 0; i < index; i++) {
                DiskWrite *earlier = &g_array_index(file->writes, DiskWrite, i);

                if (earlier->block == write->block)
                        earlier->sectors &= (uint8_t) ~write->sectors;
        }
}

static void settle_sizes(DiskNode *file, uint64_t covers)
{
        guint n = 0;

        while (n < file->sizes->len && g_array_index(file->sizes, DiskSize, n).time <= covers)
                file->n_certain_bytes = g_array_index(file->sizes, DiskSize, n++).n_bytes;
        g_array_remove_range(file->sizes, 0, n);
}

static bool has_doomed(const DiskNode *file)
{
        for (guint i = 0; i < file->writes->len; i++)
                if (g_array_index(file->writes, DiskWrite, i).is_doomed)
                        return true;
        return false;
}

static void settle_file(DiskNode *file, uint64_t covers)
{
        bool may_overrule = has_doomed(file);
        guint n_left = 0;

        grow(file->certain_blocks, file->n_bytes);
        for (guint i = 0; i < file->writes->len; i++) {
                DiskWrite *write = &g_array_index(file->writes, DiskWrite, i);

                if (write->time > covers || write->is_doomed)
                        continue;
                settle_write(file, write);
                if (may_overrule)
                        overrule(file, i);
                write->sectors = 0;
        }
        for (guint i = 0; i < file->writes->len; i++) {
                DiskWrite *write = &g_array_index(file->writes, DiskWrite, i);

                if (write->sectors == 0)
                        write_clear(write);
                else
                        g_array_index(file->writes, DiskWrite, n_left++) = *write;
        }
        /* What is left over has been moved or cleared. */
        g_array_set_clear_func(file->writes, NULL);
        g_array_set_size(file->writes, n_left);
        g_array_set_clear_func(file->writes, write_clear);
        settle_sizes(file, covers);
}

static void doom_file(DiskNode *file, uint64_t covers)
{
        for (guint i = 0; i < file->writes->len; i++) {
                DiskWrite *write = &g_array_index(file->writes, DiskWrite, i);

                if (write->time <= covers)
                        write->is_doomed = true;
        }
}

/* All changes up to the last that is certain, where they are written in their order. */
static void settle_changes(Disk *disk)
{
        guint n = 0;

        for (guint i = 0; i < disk->changes->len; i++)
                if (((DiskChange *) disk->changes->pdata[i])->is_certain)
                        n = i + 1;
        for (guint i = 0; i < n; i++) {
                const DiskChange *change = disk->changes->pdata[i];

                set_name(change->directory->ordered, change->name, change->node);
                if (change->from)
                        set_name(change->from->ordered, change->from_name, NULL);
        }
        g_ptr_array_remove_range(disk->changes, 0, n);
}

static void settle_directory(Disk *disk, DiskNode *directory, uint64_t covers)
{
        GHashTableIter iter;
        gpointer name, value;

        g_hash_table_iter_init(&iter, directory->entries);
        while (g_hash_table_iter_next(&iter, &name, &value)) {
                DiskEntry *entry = value;
                guint n = 0;

                while (n < entry->later->len &&
                       g_array_index(entry->later, DiskName, n).time <= covers)
                        entry->certain = g_array_index(entry->later, DiskName, n++).node;
                g_array_remove_range(entry->later, 0, n);
        }
        for (guint i = 0; i < disk->changes->len; i++) {
                DiskChange *change = disk->changes->pdata[i];

                if (change->directory == directory && change->time <= covers)
                        change->is_certain = true;
        }
        settle_changes(disk);
}

void disk_synced(Disk *disk, DiskNode *node, uint64_t covers, bool has_failed)
{
        if (!disk->is_tracking || node->is_memory)
                return;
        if (node->is_directory && !has_failed)
                settle_directory(disk, node, covers);
        else if (!node->is_directory && has_failed)
                doom_file(node, covers);
        else if (!node->is_directory)
                settle_file(node, covers);
}

void disk_settle(Disk *disk)
{
        for (guint i = 0; i < disk->nodes->len; i++) {
                DiskNode *node = disk->nodes->pdata[i];

                for (guint j = 0; !node->is_directory && j < node->writes->len; j++)
                        g_array_index(node->writes, DiskWrite, j).is_doomed = false;
                disk_synced(disk, node, disk->time, false);
        }
}

void disk_shut_down(Disk *disk)
{
        disk_settle(disk);
        g_hash_table_remove(disk->root->names, DISK_MEMORY_NAME);
}
