/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Side
 */

#include "store/side.h"

#include <errno.h>
#include <string.h>

#define FILL_BYTES (UINT64_C(1) << 20)

int side_open(Side *side, const Io *io, const char *path, CommitPart part)
{
        *side = (Side){ .part = part };
        return directory_open(&side->directory, io, path, part == COMMIT_PERSISTENT);
}

void side_clear(Side *side)
{
        g_clear_pointer(&side->journal, journal_free);
        g_clear_pointer(&side->manifest, manifest_free);
        g_clear_pointer(&side->directory, directory_free);
}

int side_write_manifest(const Side *side)
{
        g_autofree char *text = manifest_to_text(side->manifest);

        return directory_replace(side->directory, MANIFEST_NAME, text);
}

int side_begin_journal(Side *side, uint64_t base_revision, uint64_t now_usec)
{
        g_autoptr(Journal) journal = NULL;
        uint64_t predecessor = side->journal ? side->journal->position.previous : 0;
        int r;

        r = journal_prepare(&journal, side->directory, side->directory->is_synced ? FILL_BYTES : 0);
        if (r < 0)
                return r;
        r = journal_begin(journal, base_revision, predecessor, side->manifest->boot_id, now_usec);
        if (r != 0)
                return r;

        if (side->journal)
                side->n_old_bytes += side->journal->position.offset;
        journal_free(side->journal);
        side->journal = g_steal_pointer(&journal);
        manifest_generation_add_journal(
                manifest_generation(side->manifest, 0),
                (ManifestFile){ base_revision, side->journal->position.uuid });
        return 0;
}

uint64_t side_journal_bytes(const Side *side)
{
        return side->n_old_bytes + side->journal->position.offset;
}

static bool generation_names(const ManifestGeneration *generation, const char *name)
{
        g_autofree char *checkpoint = manifest_checkpoint_name(generation->checkpoint.revision);

        if (!sd_id128_is_null(generation->checkpoint.uuid) && strcmp(checkpoint, name) == 0)
                return true;

        for (guint i = 0; i < generation->journals->len; i++) {
                const ManifestFile *file = &g_array_index(generation->journals, ManifestFile, i);
                g_autofree char *journal = manifest_journal_name(file->revision);

                if (strcmp(journal, name) == 0)
                        return true;
        }

        return false;
}

static bool is_named(const Side *side, const char *name)
{
        for (guint i = 0; i < side->manifest->generations->len; i++)
                if (generation_names(manifest_generation(side->manifest, i), name))
                        return true;

        return false;
}

int side_remove_files(const Side *side, bool all)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const StoreDirectory *directory = side->directory;
        int r;

        r = io_list(directory->io, directory->fd, names);
        for (guint i = 0; i < names->len && r >= 0; i++) {
                const char *name = names->pdata[i];
                bool is_ours = g_str_has_prefix(name, "checkpoint-") ||
                               g_str_has_prefix(name, "journal-") ||
                               (all && strcmp(name, MANIFEST_NAME) == 0);

                if (is_ours && (all || !is_named(side, name)))
                        r = io_unlinkat(directory->io, directory->fd, name);
        }

        return r < 0 ? r : 0;
}
