/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Side
 */

#include "store/side.h"

#include "store/last-good.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

#define FILL_BYTES (UINT64_C(1) << 20)

static int open_directories(Side *side, const Io *io, const char *path)
{
        bool is_persistent = side->part == COMMIT_PERSISTENT;
        int r;

        r = directory_open(&side->directory, io, path, is_persistent);
        if (r != 0 || !is_persistent)
                return r;
        return directory_open_below(&side->good_directory, side->directory, LAST_GOOD_NAME);
}

int side_open(Side *side, const Io *io, const char *path, CommitPart part)
{
        int r;

        *side = (Side){ .part = part };
        r = open_directories(side, io, path);
        if (r == DIRECTORY_E_LOCKED)
                log_error("%s: another regentd is using it", path);
        else if (r < 0)
                log_record(LOG_ERR, LOG_FIELDS(LOG_ERRNO(r), LOG_FILE(path)),
                           "%s: cannot be opened: %s", path, g_strerror(-r));
        return r;
}

void side_clear(Side *side)
{
        g_clear_pointer(&side->journal, journal_free);
        g_clear_pointer(&side->manifest, manifest_free);
        g_clear_pointer(&side->good_directory, directory_free);
        g_clear_pointer(&side->directory, directory_free);
}

int side_put_manifest(Side *side, Manifest *manifest)
{
        g_autoptr(Manifest) next = manifest;
        g_autofree char *text = manifest_to_text(next);
        int r;

        r = directory_replace(side->directory, MANIFEST_NAME, text);
        if (r != 0)
                return r;

        manifest_free(side->manifest);
        side->manifest = g_steal_pointer(&next);
        return 0;
}

Manifest *side_manifest_with_journal(const Side *side, const Journal *journal)
{
        Manifest *manifest = manifest_copy(side->manifest);

        manifest_generation_add_journal(
                manifest_generation(manifest, 0),
                (ManifestFile){ journal->base_revision, journal->position.uuid });
        return manifest;
}

Manifest *side_manifest_anew(const Side *side, ManifestFile checkpoint, const Journal *journal)
{
        Manifest *manifest = manifest_copy(side->manifest);

        g_ptr_array_set_size(manifest->generations, 0);
        manifest_generation_add_journal(
                manifest_add_generation(manifest, checkpoint),
                (ManifestFile){ journal->base_revision, journal->position.uuid });
        manifest->committed = journal->base_revision;
        return manifest;
}

void side_switch_journal(Side *side, Journal *journal)
{
        if (side->journal)
                side->n_old_bytes += side->journal->position.offset;
        journal_free(side->journal);
        side->journal = journal;
}

uint64_t side_fill_bytes(const Side *side)
{
        return side->directory->is_synced ? FILL_BYTES : 0;
}

uint64_t side_journal_bytes(const Side *side)
{
        return side->n_old_bytes + side->journal->position.offset;
}

bool side_lacks_generation(const Side *side)
{
        const GPtrArray *generations = side->manifest->generations;

        return generations->len == 1 && !journal_is_empty(side->journal) &&
               !sd_id128_is_null(manifest_generation(side->manifest, 0)->checkpoint.uuid);
}

bool side_is_dirty(const Side *side)
{
        return side->n_old_bytes > 0 || !journal_is_empty(side->journal);
}

int side_remove_others(const Side *side, const Manifest *manifest)
{
        const StoreDirectory *directory = side->directory;
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r;

        r = io_list(directory->io, directory->fd, names);
        for (guint i = 0; i < names->len && r >= 0; i++) {
                const char *name = names->pdata[i];

                if ((g_str_has_prefix(name, "checkpoint-") || g_str_has_prefix(name, "journal-")) &&
                    !(manifest && manifest_names(manifest, name)))
                        r = io_unlinkat(directory->io, directory->fd, name);
        }
        if (r >= 0 && manifest && side->good_directory)
                r = last_good_prune(side->good_directory, manifest_oldest_revision(manifest));

        return r < 0 ? r : 0;
}
