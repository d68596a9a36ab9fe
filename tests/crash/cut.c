/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cut
 */

#include "cut.h"

#include <string.h>

static const uint8_t *sector_bytes(const DiskBlock *block, unsigned sector)
{
        static const uint8_t zeros[DISK_SECTOR_BYTES];

        return block ? block->bytes + (size_t) sector * DISK_SECTOR_BYTES : zeros;
}

static const DiskBlock *certain_block(const DiskNode *file, guint block)
{
        return block < file->certain_blocks->len ? file->certain_blocks->pdata[block] : NULL;
}

static const DiskBlock *version_block(const CutSector *sector, unsigned n)
{
        if (n == 0)
                return certain_block(sector->file, sector->block);
        return g_array_index(sector->file->writes, DiskWrite, sector->versions[n - 1]).after;
}

static bool is_news(const CutSector *sector, const DiskBlock *after)
{
        return memcmp(sector_bytes(version_block(sector, sector->n_versions), sector->sector),
                      sector_bytes(after, sector->sector), DISK_SECTOR_BYTES) != 0;
}

static CutSector *find_sector(
        Cut *cut, GHashTable *places, DiskNode *file, uint32_t block, unsigned i)
{
        gint64 place = ((gint64) file->number << 40) | ((gint64) block * DISK_BLOCK_SECTORS + i);
        gpointer found = g_hash_table_lookup(places, &place);
        CutSector sector = {
                .file = file,
                .block = block,
                .sector = (uint8_t) i,
                .may_be_junk = (uint64_t) block * DISK_BLOCK_BYTES >= file->n_certain_bytes,
        };

        if (!found) {
                g_array_append_val(cut->sectors, sector);
                found = GUINT_TO_POINTER(cut->sectors->len);
                g_hash_table_insert(places, g_memdup2(&place, sizeof place), found);
        }
        return &g_array_index(cut->sectors, CutSector, GPOINTER_TO_UINT(found) - 1);
}

static void add_version(CutSector *sector, guint write)
{
        if (sector->n_versions == CUT_VERSIONS_MAX) {
                memmove(sector->versions, sector->versions + 1,
                        (CUT_VERSIONS_MAX - 1) * sizeof *sector->versions);
                sector->n_versions--;
        }
        sector->versions[sector->n_versions++] = write;
}

static void add_write(Cut *cut, GHashTable *places, DiskNode *file, guint index)
{
        const DiskWrite *write = &g_array_index(file->writes, DiskWrite, index);

        /* Zeros filled in ahead, which make no difference. */
        if (!write->after && !certain_block(file, write->block))
                return;

        for (unsigned i = 0; i < DISK_BLOCK_SECTORS; i++) {
                CutSector *sector;

                if (!(write->sectors & 1u << i))
                        continue;
                sector = find_sector(cut, places, file, write->block, i);
                if (is_news(sector, write->after))
                        add_version(sector, index);
        }
}

static void drop_sectors_without_versions(Cut *cut)
{
        guint n = 0;

        for (guint i = 0; i < cut->sectors->len; i++) {
                CutSector sector = g_array_index(cut->sectors, CutSector, i);

                if (sector.n_versions > 0)
                        g_array_index(cut->sectors, CutSector, n++) = sector;
        }
        g_array_set_size(cut->sectors, n);
}

static void add_names(Cut *cut, DiskNode *directory)
{
        GHashTableIter iter;
        gpointer name, entry;

        g_hash_table_iter_init(&iter, directory->entries);
        while (g_hash_table_iter_next(&iter, &name, &entry)) {
                CutName uncertain = { directory, name, entry };

                if (uncertain.entry->later->len > 0)
                        g_array_append_val(cut->names, uncertain);
        }
}

/* In an order that does not change from run to run. */
static gint compare_names(gconstpointer a, gconstpointer b)
{
        const CutName *first = a, *second = b;

        if (first->directory != second->directory)
                return first->directory->number < second->directory->number ? -1 : 1;
        return strcmp(first->name, second->name);
}

Cut *cut_new(const Disk *disk)
{
        g_autoptr(GHashTable) places =
                g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        Cut *cut = g_new(Cut, 1);

        *cut = (Cut){
                .disk = disk,
                .sectors = g_array_new(FALSE, FALSE, sizeof(CutSector)),
                .sizes = g_array_new(FALSE, FALSE, sizeof(DiskNode *)),
                .names = g_array_new(FALSE, FALSE, sizeof(CutName)),
        };
        for (guint i = 0; i < disk->nodes->len; i++) {
                DiskNode *node = disk->nodes->pdata[i];

                if (node->is_directory) {
                        add_names(cut, node);
                        continue;
                }
                if (node->sizes->len > 0)
                        g_array_append_val(cut->sizes, node);
                for (guint j = 0; j < node->writes->len; j++)
                        add_write(cut, places, node, j);
        }
        drop_sectors_without_versions(cut);
        g_array_sort(cut->names, compare_names);
        return cut;
}

Cut *cut_free(Cut *cut)
{
        if (!cut)
                return NULL;

        g_array_unref(cut->sectors);
        g_array_unref(cut->sizes);
        g_array_unref(cut->names);
        g_free(cut);
        return NULL;
}

void cut_choice_init(CutChoice *choice, const Cut *cut, bool is_all)
{
        *choice = (CutChoice){
                .sectors = g_malloc0(cut->sectors->len + 1),
                .sizes = g_malloc0(cut->sizes->len + 1),
                .names = g_malloc0(cut->names->len + 1),
                .n_changes = is_all ? cut->disk->changes->len : 0,
        };
        if (!is_all)
                return;

        for (guint i = 0; i < cut->sectors->len; i++)
                choice->sectors[i] = g_array_index(cut->sectors, CutSector, i).n_versions;
        for (guint i = 0; i < cut->sizes->len; i++)
                choice->sizes[i] = (uint8_t) MIN(
                        g_array_index(cut->sizes, DiskNode *, i)->sizes->len, UINT8_MAX);
        for (guint i = 0; i < cut->names->len; i++)
                choice->names[i] =
                        (uint8_t) g_array_index(cut->names, CutName, i).entry->later->len;
}

void cut_choice_clear(CutChoice *choice)
{
        g_free(choice->sectors);
        g_free(choice->sizes);
        g_free(choice->names);
        *choice = (CutChoice){ 0 };
}

/* What each directory holds, by its number; NULL for files. */
typedef GHashTable **Tables;

static void set_name(GHashTable *table, const char *name, DiskNode *node)
{
        if (node)
                g_hash_table_replace(table, (char *) (uintptr_t) name, node);
        else
                g_hash_table_remove(table, name);
}

static void copy_names(GHashTable *table, GHashTable *names)
{
        GHashTableIter iter;
        gpointer name, node;

        g_hash_table_iter_init(&iter, names);
        while (g_hash_table_iter_next(&iter, &name, &node))
                set_name(table, name, node);
}

static void copy_certain_names(GHashTable *table, GHashTable *entries)
{
        GHashTableIter iter;
        gpointer name, entry;

        g_hash_table_iter_init(&iter, entries);
        while (g_hash_table_iter_next(&iter, &name, &entry))
                set_name(table, name, ((DiskEntry *) entry)->certain);
}

static Tables tables_new(const Disk *disk)
{
        Tables tables = g_new0(GHashTable *, disk->nodes->len);

        for (guint i = 0; i < disk->nodes->len; i++)
                if (((DiskNode *) disk->nodes->pdata[i])->is_directory)
                        tables[i] = g_hash_table_new(g_str_hash, g_str_equal);
        return tables;
}

static void tables_free(const Disk *disk, Tables tables)
{
        for (guint i = 0; i < disk->nodes->len; i++)
                g_clear_pointer(&tables[i], g_hash_table_unref);
        g_free(tables);
}

static void choose_in_order(const Disk *disk, const CutChoice *choice, Tables tables)
{
        for (guint i = 0; i < disk->nodes->len; i++)
                if (tables[i])
                        copy_names(tables[i], ((DiskNode *) disk->nodes->pdata[i])->ordered);
        for (guint i = 0; i < MIN(choice->n_changes, disk->changes->len); i++) {
                const DiskChange *change = disk->changes->pdata[i];

                set_name(tables[change->directory->number], change->name, change->node);
                if (change->from)
                        set_name(tables[change->from->number], change->from_name, NULL);
        }
}

static void choose_each(const Cut *cut, const CutChoice *choice, Tables tables)
{
        const Disk *disk = cut->disk;

        for (guint i = 0; i < disk->nodes->len; i++)
                if (tables[i])
                        copy_certain_names(tables[i],
                                           ((DiskNode *) disk->nodes->pdata[i])->entries);
        for (guint i = 0; i < cut->names->len; i++) {
                const CutName *name = &g_array_index(cut->names, CutName, i);
                unsigned n = choice->names[i];

                set_name(tables[name->directory->number], name->name,
                         n == 0 ? name->entry->certain
                                : g_array_index(name->entry->later, DiskName, n - 1).node);
        }
}

/* Where the sectors and sizes of a file begin that are not certain, by its number; or nothing. */
typedef struct Maker {
        Disk *made;
        Tables tables;
        DiskNode **nodes; /* of the new disk, by the old one's number */
        bool is_seen;     /* the contents are what was seen */
} Maker;

static void copy_blocks(GPtrArray *to, const GPtrArray *from)
{
        g_ptr_array_set_size(to, (gint) from->len);
        for (guint i = 0; i < from->len; i++)
                to->pdata[i] = disk_block_ref(from->pdata[i]);
}

static DiskNode *make_node(Maker *maker, const DiskNode *old)
{
        DiskNode *node = maker->nodes[old->number];
        GHashTableIter iter;
        gpointer name, child;

        if (node)
                return node;

        maker->nodes[old->number] = node = old->number == 0
                                                   ? maker->made->root
                                                   : disk_new_node(maker->made, old->is_directory);
        node->is_memory = old->is_memory;
        if (!old->is_directory) {
                copy_blocks(node->blocks, maker->is_seen ? old->blocks : old->certain_blocks);
                node->n_bytes = maker->is_seen ? old->n_bytes : old->n_certain_bytes;
                return node;
        }

        g_hash_table_iter_init(&iter, maker->tables[old->number]);
        while (g_hash_table_iter_next(&iter, &name, &child))
                g_hash_table_insert(node->names, g_strdup(name), make_node(maker, child));
        return node;
}

/* Worse than noise: it begins as a record does. */
static void make_junk(uint8_t *bytes, size_t n_bytes)
{
        for (size_t i = 0; i < n_bytes; i++)
                bytes[i] = (uint8_t) "RGRC\x60\x00\x00\x00"[i % 8];
}

static void make_sector(DiskNode *node, const CutSector *sector, unsigned n)
{
        DiskBlock *own;
        uint8_t *bytes;

        if (n == 0)
                return;
        if (node->blocks->len <= sector->block)
                g_ptr_array_set_size(node->blocks, (gint) sector->block + 1);
        own = disk_block_writable(node->blocks, sector->block);
        bytes = own->bytes + (size_t) sector->sector * DISK_SECTOR_BYTES;
        if (n == CUT_JUNK)
                make_junk(bytes, DISK_SECTOR_BYTES);
        else
                memcpy(bytes, sector_bytes(version_block(sector, n), sector->sector),
                       DISK_SECTOR_BYTES);
}

/* Blocks for all of it and none beyond, and zeros behind its end. */
static void fit_blocks(DiskNode *node)
{
        guint n_blocks = (guint) ((node->n_bytes + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES);
        size_t rest = node->n_bytes % DISK_BLOCK_BYTES;

        g_ptr_array_set_size(node->blocks, (gint) n_blocks);
        if (rest > 0 && node->blocks->pdata[n_blocks - 1])
                memset(disk_block_writable(node->blocks, n_blocks - 1)->bytes + rest, 0,
                       DISK_BLOCK_BYTES - rest);
}

static void make_contents(const Cut *cut, const CutChoice *choice, const Maker *maker)
{
        for (guint i = 0; i < cut->sizes->len; i++) {
                const DiskNode *file = g_array_index(cut->sizes, DiskNode *, i);
                DiskNode *node = maker->nodes[file->number];

                if (node && choice->sizes[i] > 0)
                        node->n_bytes =
                                g_array_index(file->sizes, DiskSize, choice->sizes[i] - 1).n_bytes;
        }
        for (guint i = 0; i < cut->sectors->len; i++) {
                const CutSector *sector = &g_array_index(cut->sectors, CutSector, i);
                DiskNode *node = maker->nodes[sector->file->number];

                if (node)
                        make_sector(node, sector, choice->sectors[i]);
        }
        for (guint i = 0; i < maker->made->nodes->len; i++) {
                DiskNode *node = maker->made->nodes->pdata[i];

                if (!node->is_directory)
                        fit_blocks(node);
        }
}

/* What there is now is certain. */
static void begin_tracking(Disk *disk)
{
        disk->is_tracking = true;
        for (guint i = 0; i < disk->nodes->len; i++) {
                DiskNode *node = disk->nodes->pdata[i];
                GHashTableIter iter;
                gpointer name, child;

                if (!node->is_directory) {
                        copy_blocks(node->certain_blocks, node->blocks);
                        node->n_certain_bytes = node->n_bytes;
                        continue;
                }
                g_hash_table_iter_init(&iter, node->names);
                while (g_hash_table_iter_next(&iter, &name, &child)) {
                        DiskEntry *entry = g_new0(DiskEntry, 1);

                        entry->certain = child;
                        entry->later = g_array_new(FALSE, FALSE, sizeof(DiskName));
                        g_hash_table_insert(node->entries, g_strdup(name), entry);
                        g_hash_table_insert(node->ordered, g_strdup(name), child);
                }
        }
}

Disk *cut_power(const Cut *cut, const CutChoice *choice, bool is_tracking)
{
        const Disk *disk = cut->disk;
        Maker maker = {
                .made = disk_new(false),
                .tables = tables_new(disk),
                .nodes = g_new0(DiskNode *, disk->nodes->len),
        };

        if (choice->is_ordered)
                choose_in_order(disk, choice, maker.tables);
        else
                choose_each(cut, choice, maker.tables);
        g_hash_table_remove(maker.tables[0], DISK_MEMORY_NAME);
        make_node(&maker, disk->root);
        make_contents(cut, choice, &maker);
        if (is_tracking)
                begin_tracking(maker.made);

        tables_free(disk, maker.tables);
        g_free(maker.nodes);
        return maker.made;
}

Disk *cut_process(const Disk *disk, bool is_tracking)
{
        Maker maker = {
                .made = disk_new(false),
                .tables = tables_new(disk),
                .nodes = g_new0(DiskNode *, disk->nodes->len),
                .is_seen = true,
        };

        for (guint i = 0; i < disk->nodes->len; i++)
                if (maker.tables[i])
                        copy_names(maker.tables[i], ((DiskNode *) disk->nodes->pdata[i])->names);
        make_node(&maker, disk->root);
        if (is_tracking)
                begin_tracking(maker.made);

        tables_free(disk, maker.tables);
        g_free(maker.nodes);
        return maker.made;
}

static DiskNode *find_twin(const DiskNode *directory, const DiskNode *made, const DiskNode *node)
{
        GHashTableIter iter;
        gpointer name, value;
        DiskNode *found = NULL;

        g_hash_table_iter_init(&iter, directory->names);
        while (!found && g_hash_table_iter_next(&iter, &name, &value)) {
                const DiskNode *child = value;

                if (child == node)
                        found = disk_lookup(made, name);
                else if (child->is_directory)
                        found = find_twin(child, disk_lookup(made, name), node);
        }
        return found;
}

DiskNode *cut_twin(const Disk *disk, const Disk *made, const DiskNode *node)
{
        return find_twin(disk->root, made->root, node);
}
