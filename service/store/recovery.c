/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery
 *
 * A read error counts as damage, for the file cannot be used either way.
 */

#include "store/recovery.h"

#include "core/restore.h"
#include "store/backlog.h"
#include "store/checkpoint-file.h"
#include "store/checkpoint-load.h"
#include "store/last-good.h"
#include "store/recovery-scan.h"

#include <errno.h>
#include <string.h>

typedef struct Loader {
        Side *side;
        const RecoveryContext *context;
        State *state;
        RecoveryFindings *findings;
        Backlog *backlog; /* what was read of a journal and is not applied yet */
        uint64_t n_loaded;
} Loader;

static gboolean add_removal(gpointer name, gpointer ns G_GNUC_UNUSED, gpointer commit)
{
        commit_add(commit, NAMESPACE_CHANGE_REMOVE, name);
        return FALSE;
}

/* Takes out again what a checkpoint that turned out unusable has put in. */
static void empty_state(Loader *loader)
{
        g_autoptr(Commit) commit = commit_new(state_revision(loader->state), 0, 0, NULL);

        if (loader->side->part == COMMIT_RUNTIME)
                return;
        g_tree_foreach(state_namespaces(loader->state), add_removal, commit);
        state_apply(loader->state, commit);
}

/* 0 when it is loaded, RECOVERY_E_NEWER, -EBADMSG when it cannot be used, or an errno. */
static int load_checkpoint(Loader *loader, const ManifestFile *checkpoint)
{
        int r;

        if (sd_id128_is_null(checkpoint->uuid))
                return 0;

        r = checkpoint_load(loader->side->directory, checkpoint, loader->side->part, loader->state);
        if (r == CHECKPOINT_E_NEWER)
                return RECOVERY_E_NEWER;
        if (r < 0) {
                empty_state(loader);
                return r == -EIO ? -EBADMSG : r;
        }

        if (state_revision(loader->state) < checkpoint->revision)
                state_set_revision(loader->state, checkpoint->revision);
        loader->findings->revision = checkpoint->revision;
        loader->n_loaded++;
        return 0;
}

/* Whether a paired record's other half, or what it followed in its batch, is missing. */
static bool is_widowed(const Loader *loader, const Record *record)
{
        if (!loader->context || !(record->header.flags & RECORD_PAIRED))
                return false;
        return commit_codec_pair_revision(record->payload, record->header.payload_bytes) >
               loader->context->reached;
}

/* Whether a batch that it was part of failed, and the service went on without that. */
static bool is_void(const Loader *loader, const Record *record)
{
        const RecoveryContext *context = loader->context;

        return context && record->header.revision >= context->void_first &&
               record->header.revision <= context->void_last;
}

/* Finds out again what the commit changed, and applies it. */
static int load_restoration(Loader *loader, const Record *record)
{
        g_autoptr(Commit) commit = NULL;
        g_autoptr(State) source = state_new();
        ManifestFile file;
        int r;

        r = commit_codec_get_restoration(&commit, record->payload, record->header.payload_bytes,
                                         record->header.revision, record->header.time_usec);
        if (r == COMMIT_CODEC_E_NEWER)
                return JOURNAL_E_NEWER;
        if (r < 0)
                return r;
        if (!loader->side->good_directory)
                return -EBADMSG;

        file.revision = commit->source.revision;
        memcpy(&file.uuid, commit->source.id, sizeof file.uuid);
        r = last_good_load(loader->side->good_directory, &file, source);
        if (r < 0)
                return r;

        backlog_apply(loader->backlog);
        restore_fill(commit, loader->state, source);
        state_apply(loader->state, commit);
        loader->n_loaded++;
        return 0;
}

static int load_commit(void *userdata, const Record *record)
{
        Loader *loader = userdata;
        g_autoptr(Commit) commit = NULL;
        int r;

        if (is_void(loader, record))
                return 0;
        if (record->header.kind == RECORD_RESTORE)
                return load_restoration(loader, record);

        /*
         * It belongs to the last batch, which was never acknowledged, and so does all that follows:
         * unless the persistent side has lost what was acknowledged.
         */
        if (is_widowed(loader, record))
                return loader->context->is_whole ? JOURNAL_E_END : 0;

        r = commit_codec_get(&commit, record->payload, record->header.payload_bytes,
                             record->header.flags & RECORD_PAIRED, record->header.revision,
                             record->header.time_usec);
        if (r == COMMIT_CODEC_E_NEWER)
                return JOURNAL_E_NEWER;
        if (r < 0)
                return r;

        backlog_add(loader->backlog, g_steal_pointer(&commit));
        loader->n_loaded++;
        return 0;
}

static void note_damage(Loader *loader, const char *damage, LoadedFrom loaded_from)
{
        if (!loader->findings->damage)
                loader->findings->damage = damage;
        loader->findings->loaded_from = loaded_from;
}

/* Reads journals in the order they were written, and stops where something is missing. */
static int load_journals(Loader *loader, const GArray *journals)
{
        RecoveryFindings *findings = loader->findings;
        JournalExpectation expectation = { .committed = loader->side->manifest->committed };

        if (journals->len == 0)
                note_damage(loader, "a journal is missing", LOADED_FROM_PREFIX);

        for (guint i = 0; i < journals->len; i++) {
                int r;

                expectation.file = g_array_index(journals, ManifestFile, i);
                expectation.is_newest = i + 1 == journals->len;
                r = journal_read(loader->side->directory, &expectation, load_commit, loader,
                                 &findings->tail);
                backlog_apply(loader->backlog);
                if (r != 0)
                        return r == JOURNAL_E_NEWER ? RECOVERY_E_NEWER : r;

                findings->revision = MAX(findings->revision, findings->tail.revision);
                if (findings->tail.end == JOURNAL_DAMAGED) {
                        note_damage(loader, findings->tail.reason, LOADED_FROM_PREFIX);
                        return 0;
                }
                if (!expectation.is_newest)
                        findings->n_old_bytes += findings->tail.position.offset;
                expectation.has_predecessor = true;
                expectation.predecessor = findings->tail.position.previous;
        }

        return 0;
}

/* The journals since a generation's checkpoint, in the order they were written. */
static GArray *journals_since(const Manifest *manifest, guint age)
{
        GArray *journals = g_array_new(FALSE, FALSE, sizeof(ManifestFile));

        for (guint i = age + 1; i > 0; i--) {
                const GArray *some = manifest_generation(manifest, i - 1)->journals;

                g_array_append_vals(journals, some->data, some->len);
        }

        return journals;
}

static int load_generation(Loader *loader, guint age)
{
        const Manifest *manifest = loader->side->manifest;
        g_autoptr(GArray) journals = journals_since(manifest, age);
        int r;

        r = load_checkpoint(loader, &manifest_generation(manifest, age)->checkpoint);
        if (r != 0)
                return r;
        return load_journals(loader, journals);
}

static int load_newest_whole(Loader *loader)
{
        const Manifest *manifest = loader->side->manifest;

        for (guint age = 0; age < manifest->generations->len; age++) {
                int r = load_generation(loader, age);

                if (r != -EBADMSG)
                        return r;
                note_damage(loader, "a checkpoint is damaged",
                            age + 1 < manifest->generations->len ? LOADED_FROM_PREVIOUS_CHECKPOINT
                                                                 : LOADED_FROM_NOTHING);
        }

        return 0;
}

/* Ends in a manifest, made up when need be. */
static int load_manifest(Loader *loader)
{
        g_autofree char *text = NULL;
        size_t n_bytes;
        int r;

        r = directory_read(loader->side->directory, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text,
                           &n_bytes);
        if (r == 0)
                r = manifest_from_text(&loader->side->manifest, text, n_bytes);
        if (r == MANIFEST_E_NEWER)
                return RECOVERY_E_NEWER;
        if (r == 0) {
                loader->findings->has_manifest = true;
                return 0;
        }

        if (r == -EBADMSG || r == -EIO || r == -EFBIG)
                loader->findings->damage = "the manifest is damaged";
        else if (r != -ENOENT)
                return r;

        r = recovery_scan(loader->side->directory, &loader->side->manifest);
        return r == MANIFEST_E_NEWER ? RECOVERY_E_NEWER : r;
}

/*
 * What the runtime side holds counts within one boot, and beside the history it was written with.
 * A lost manifest leaves the boot to tell it by.
 */
static bool is_of_now(const Loader *loader)
{
        const RecoveryContext *context = loader->context;
        const Manifest *manifest = loader->side->manifest;

        return !context || (sd_id128_equal(manifest->boot_id, context->boot_id) &&
                            (sd_id128_is_null(context->epoch) || !loader->findings->has_manifest ||
                             sd_id128_equal(manifest->epoch, context->epoch)));
}

static void find_nothing(RecoveryFindings *findings)
{
        *findings = (RecoveryFindings){ .is_nothing = true, .loaded_from = LOADED_FROM_NOTHING };
}

/*
 * After damage the newest whole state counts, and that may be the last known good one. Where it is
 * all there is, something is missing.
 */
static int fall_back(Loader *loader)
{
        RecoveryFindings *findings = loader->findings;
        const ManifestFile *good = &loader->side->good;
        int r;

        if (findings->is_nothing && good->revision > 0) {
                *findings = (RecoveryFindings){ .loaded_from = LOADED_FROM_NOTHING };
                findings->damage = "everything but the last known good state is missing";
        }
        if (!findings->damage || good->revision <= findings->revision)
                return 0;

        empty_state(loader);
        r = last_good_load(loader->side->good_directory, good, loader->state);
        if (r < 0) {
                empty_state(loader);
                return r == -EBADMSG ? 0 : r;
        }
        state_set_revision(loader->state, MAX(state_revision(loader->state), good->revision));
        findings->revision = good->revision;
        findings->loaded_from = LOADED_FROM_LAST_KNOWN_GOOD;
        return 0;
}

/* Files without a manifest that were never used are what a first start left that was killed. */
static void judge_made_up(Loader *loader)
{
        RecoveryFindings *findings = loader->findings;

        if (findings->damage)
                return;
        if (loader->n_loaded == 0)
                find_nothing(findings);
        else
                findings->damage = "the manifest is missing";
}

/* A manifest brought back from a backup, say, leads to an old state that looks whole. */
static int look_for_newer(Loader *loader)
{
        bool is_outdated;
        int r;

        r = recovery_scan_is_outdated(loader->side->directory, loader->side->manifest,
                                      &is_outdated);
        if (r == MANIFEST_E_NEWER)
                return RECOVERY_E_NEWER;
        if (r == 0 && is_outdated)
                note_damage(loader, "the manifest is older than the journals", LOADED_FROM_PREFIX);
        return r;
}

static int load_side(Loader *loader)
{
        int r;

        r = load_manifest(loader);
        if (r != 0)
                return r;

        if (!is_of_now(loader)) {
                find_nothing(loader->findings);
                return 0;
        }
        if (loader->side->manifest->generations->len > 0) {
                r = load_newest_whole(loader);
                if (r != 0)
                        return r;
        }
        if (!loader->findings->has_manifest) {
                judge_made_up(loader);
                return 0;
        }
        return look_for_newer(loader);
}

int recovery_load(Side *side,
                  const RecoveryContext *context,
                  State *state,
                  RecoveryFindings *ret_findings)
{
        g_autoptr(Backlog) backlog = backlog_new(state);
        Loader loader = {
                .side = side,
                .context = context,
                .state = state,
                .findings = ret_findings,
                .backlog = backlog,
        };
        int r;

        *ret_findings = (RecoveryFindings){ .loaded_from = LOADED_FROM_JOURNAL };
        r = load_side(&loader);
        if (r != 0)
                return r;
        return fall_back(&loader);
}
