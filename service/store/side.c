/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Side
 */

#include "store/side.h"

#include "store/evidence.h"
#include "store/last-good.h"
#include "store/recovery-scan.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

#define FILL_BYTES (UINT64_C(1) << 20)

int side_open(Side *side, const Io *io, const char *path, CommitPart part)
{
        bool is_persistent = part == COMMIT_PERSISTENT;
        int r;

        *side = (Side){ .part = part };
        r = directory_open(&side->directory, io, path, is_persistent);
        if (r == DIRECTORY_E_LOCKED) {
                log_error("%s: another regentd is using it", path);
                return r;
        }
        if (r < 0) {
                log_record(LOG_ERR, LOG_FIELDS(LOG_ERRNO(r), LOG_FILE(path)),
                           "%s: cannot be opened: %s", path, g_strerror(-r));
                return r;
        }

        if (is_persistent)
                side->good_directory = directory_new_below(side->directory, LAST_GOOD_NAME);
        if (r == 0 && is_persistent)
                side->directory->failure =
                        directory_make_ready_below(side->good_directory, side->directory);
        if (side->directory->failure < 0)
                log_record(LOG_WARNING,
                           LOG_FIELDS(LOG_ERRNO(side->directory->failure), LOG_FILE(path)),
                           "%s: cannot be written: %s; it is only read for now", path,
                           g_strerror(-side->directory->failure));
        return 0;
}

bool side_is_ready(const Side *side)
{
        return side->directory->failure == 0 && !side->aside_label;
}

int side_set_aside(Side *side, const char *label)
{
        const StoreDirectory *directory = side->directory;
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        int r;

        r = io_list(directory->io, directory->fd, all);
        if (r < 0)
                return r;
        for (guint i = 0; i < all->len; i++)
                if (g_str_has_prefix(all->pdata[i], "checkpoint-") ||
                    g_str_has_prefix(all->pdata[i], "journal-") ||
                    strcmp(all->pdata[i], MANIFEST_NAME) == 0)
                        g_ptr_array_add(names, all->pdata[i]);

        r = evidence_keep(directory, directory, label, names);
        side->is_set_aside = r == 0;
        return r;
}

int side_make_ready(Side *side)
{
        StoreDirectory *directory = side->directory;
        int r;

        r = directory_make_ready(directory);
        if (r == 0 && side->good_directory)
                r = directory_make_ready_below(side->good_directory, directory);
        if (r == 0 && side->aside_label)
                r = side_set_aside(side, side->aside_label);
        directory->failure = r > 0 ? -EBUSY : r;
        if (r == 0)
                g_clear_pointer(&side->aside_label, g_free);
        return directory->failure;
}

void side_clear(Side *side)
{
        g_clear_pointer(&side->journal, journal_free);
        g_clear_pointer(&side->manifest, manifest_free);
        g_clear_pointer(&side->good_directory, directory_free);
        g_clear_pointer(&side->directory, directory_free);
        g_clear_pointer(&side->aside_label, g_free);
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

int side_begin_journal(Side *side, uint64_t revision, uint64_t now_usec)
{
        g_autoptr(Journal) journal = NULL;
        Manifest *manifest;
        int r;

        r = journal_prepare(&journal, side->directory, side_fill_bytes(side));
        if (r < 0)
                return r;
        r = journal_begin(journal, revision, 0, side->manifest->boot_id, now_usec);
        if (r != 0)
                return r < 0 ? r : -EIO;

        manifest = side_manifest_with_journal(side, journal);
        manifest_free(side->manifest);
        side->manifest = manifest;
        side_switch_journal(side, g_steal_pointer(&journal));
        side->n_old_bytes = 0;
        return 0;
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

/* What is not what it is called may be all that is left of something. */
static bool may_be_removed(const Side *side, const char *name)
{
        ScannedFile file;

        if (side->is_set_aside)
                return g_str_has_prefix(name, "checkpoint-") || g_str_has_prefix(name, "journal-");
        return recovery_scan_identify(side->directory, name, &file) == 0 &&
               (file.kind == SCAN_CHECKPOINT || file.kind == SCAN_JOURNAL);
}

int side_remove_others(const Side *side, const Manifest *manifest)
{
        const StoreDirectory *directory = side->directory;
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r;

        r = io_list(directory->io, directory->fd, names);
        for (guint i = 0; i < names->len && r >= 0; i++) {
                const char *name = names->pdata[i];

                if (!(manifest && manifest_names(manifest, name)) && may_be_removed(side, name))
                        r = io_unlinkat(directory->io, directory->fd, name);
        }
        if (r >= 0 && manifest && side->good_directory)
                r = last_good_prune(side->good_directory, directory, manifest);

        return r < 0 ? r : 0;
}
