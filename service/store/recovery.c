/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery
 *
 * A read error counts as damage, for the file cannot be used either way.
 */

#include "store/recovery.h"

#include "core/restore.h"
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
        uint64_t n_loaded;
        uint64_t loaded_revision; /* of the checkpoint, or 0 */
        bool is_made_up;          /* the manifest is */
        bool is_second_look;
        bool has_gap;             /* the journal behind it is not the one that was read */
        bool has_widow;           /* a record whose other half is missing */
} Loader;

static gboolean add_removal(gpointer name, gpointer ns G_GNUC_UNUSED, gpointer commit)
{
        commit_add(commit, NAMESPACE_CHANGE_REMOVE, name);
        return FALSE;
}

static gboolean add_deletions(gpointer name, gpointer ns, gpointer commit)
{
        NamespaceChange *change = NULL;

        for (GTreeNode *node = namespace_first(ns, "", ""); node; node = namespace_next(node, "")) {
                const Entry *entry = namespace_node_entry(node);

                if (entry_is_persistent(entry))
                        continue;
                if (!change)
                        change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, name);
                commit_add_entry(commit, change,
                                 entry_new_tombstone(entry_key(entry), entry->class));
        }
        return FALSE;
}

/* Takes out again what turned out unusable. */
static void empty_state(Loader *loader)
{
        g_autoptr(Commit) commit = commit_new(state_revision(loader->state), 0, 0, NULL);

        g_tree_foreach(state_namespaces(loader->state),
                       loader->side->part == COMMIT_RUNTIME ? add_deletions : add_removal, commit);
        state_apply(loader->state, commit);
}

/* Only the first damage is told of: what comes after it may be its consequence. */
static void note_damage(Loader *loader,
                        const char *file,
                        const char *damage,
                        LoadedFrom loaded_from)
{
        RecoveryFindings *findings = loader->findings;

        if (!findings->damage) {
                findings->damage = damage;
                (void) g_strlcpy(findings->file, file, sizeof findings->file);
        }
        findings->loaded_from = loaded_from;
}

static void note_bad_checkpoint(Loader *loader, uint64_t revision, LoadedFrom loaded_from)
{
        g_autofree char *name = manifest_checkpoint_name(revision);

        note_damage(loader, name, "a checkpoint is damaged", loaded_from);
}

static void note_bad_journal(Loader *loader, uint64_t revision, const char *damage)
{
        g_autofree char *name = manifest_journal_name(revision);

        note_damage(loader, name, damage, LOADED_FROM_PREFIX);
}

/* 0 when it is loaded, RECOVERY_E_NEWER, -EBADMSG when it cannot be used, or an errno. */
static int load_checkpoint(Loader *loader, const ManifestFile *checkpoint)
{
        int r;

        loader->loaded_revision = 0;
        if (sd_id128_is_null(checkpoint->uuid))
                return 0;

        r = checkpoint_load(loader->side->directory, checkpoint, loader->side->part, loader->state);
        if (r == CHECKPOINT_E_NEWER)
                return RECOVERY_E_NEWER;
        if (r < 0) {
                empty_state(loader);
                return r;
        }

        if (state_revision(loader->state) < checkpoint->revision)
                state_set_revision(loader->state, checkpoint->revision);
        loader->findings->revision = loader->loaded_revision = checkpoint->revision;
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
        if (r == -EBADMSG) {
                g_autofree char *name = manifest_checkpoint_name(file.revision);
                g_autofree char *path = g_build_filename(LAST_GOOD_NAME, name, NULL);

                note_damage(loader, path, "a copy that was restored is damaged",
                            LOADED_FROM_PREFIX);
        }
        if (r < 0)
                return r;

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

        if (record->header.revision <= loader->loaded_revision) {
                loader->has_gap = true;
                return -EBADMSG;
        }
        if (is_void(loader, record))
                return 0;
        if (record->header.kind == RECORD_RESTORE)
                return load_restoration(loader, record);

        /*
         * It belongs to the last batch, which was never acknowledged, and so does all that follows:
         * unless the persistent side has lost what was acknowledged.
         */
        if (is_widowed(loader, record)) {
                loader->has_widow = true;
                return loader->context->is_whole ? JOURNAL_E_END : 0;
        }

        r = commit_codec_get(&commit, record->payload, record->header.payload_bytes,
                             record->header.flags & RECORD_PAIRED, record->header.revision,
                             record->header.time_usec);
        if (r == COMMIT_CODEC_E_NEWER)
                return JOURNAL_E_NEWER;
        if (r < 0)
                return r;

        state_apply(loader->state, commit);
        loader->n_loaded++;
        return 0;
}

/* Reads one journal. Whether those behind it count. */
static int load_journal(Loader *loader, JournalExpectation *expectation, bool *ret_goes_on)
{
        RecoveryFindings *findings = loader->findings;
        uint64_t before = expectation->predecessor_revision;
        uint64_t revision = expectation->file.revision;
        int r;

        *ret_goes_on = false;
        loader->has_gap = !expectation->has_predecessor && loader->is_made_up &&
                          revision > loader->loaded_revision;
        /* A runtime side may have begun at any revision. */
        if (loader->has_gap && loader->context && !loader->is_second_look) {
                expectation->has_predecessor = true;
                loader->has_gap = false;
        }
        if (!loader->has_gap) {
                r = journal_read(loader->side->directory, expectation, load_commit, loader,
                                 &findings->tail);
                if (r != 0)
                        return r == JOURNAL_E_NEWER ? RECOVERY_E_NEWER : r;
        }
        if (loader->has_gap) {
                note_bad_journal(loader, loader->loaded_revision, "a journal is missing");
                return 0;
        }

        findings->revision = MAX(findings->revision, findings->tail.revision);
        if (findings->tail.end == JOURNAL_DAMAGED) {
                findings->is_witness = loader->has_widow && loader->context->is_whole;
                note_bad_journal(loader, findings->tail.is_predecessor ? before : revision,
                                 findings->tail.reason);
                return 0;
        }
        if (findings->tail.end == JOURNAL_UNCLEAN)
                note_bad_journal(loader, revision, "an older journal does not end cleanly");
        if (!expectation->is_newest)
                findings->n_old_bytes += findings->tail.position.offset;
        expectation->has_predecessor = true;
        expectation->predecessor = findings->tail.position.previous;
        expectation->predecessor_revision = revision;
        *ret_goes_on = true;
        return 0;
}

/* Reads journals in the order they were written, and stops where something is missing. */
static int load_journals(Loader *loader, const GArray *journals)
{
        JournalExpectation expectation = {
                .committed = loader->side->manifest->committed,
                .least_bytes = side_fill_bytes(loader->side),
        };
        bool goes_on = true;

        if (journals->len == 0)
                note_bad_journal(loader, loader->loaded_revision, "a journal is missing");

        for (guint i = 0; i < journals->len && goes_on; i++) {
                int r;

                expectation.file = g_array_index(journals, ManifestFile, i);
                expectation.is_newest = i + 1 == journals->len;
                r = load_journal(loader, &expectation, &goes_on);
                if (r != 0)
                        return r;
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
                note_bad_checkpoint(loader, manifest_generation(manifest, age)->checkpoint.revision,
                                    age + 1 < manifest->generations->len
                                            ? LOADED_FROM_PREVIOUS_CHECKPOINT
                                            : LOADED_FROM_NOTHING);
        }

        return 0;
}

/* Only the persistent side reserves revisions, and always does. */
static bool is_of_side(const Manifest *manifest, CommitPart part)
{
        return (manifest->reserved > 0) == (part == COMMIT_PERSISTENT);
}

/* Ends in a manifest, made up when need be. */
static int load_manifest(Loader *loader)
{
        g_autoptr(GPtrArray) strangers = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *text = NULL;
        size_t n_bytes;
        int r;

        r = directory_read(loader->side->directory, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text,
                           &n_bytes);
        if (r == 0)
                r = manifest_from_text(&loader->side->manifest, text, n_bytes);
        if (r == MANIFEST_E_NEWER)
                return RECOVERY_E_NEWER;
        if (r == 0 && is_of_side(loader->side->manifest, loader->side->part)) {
                loader->findings->has_manifest = true;
                return 0;
        }
        g_clear_pointer(&loader->side->manifest, manifest_free);

        if (r != -ENOENT && io_is_refusal(r))
                return r;
        if (r != -ENOENT)
                note_damage(loader, MANIFEST_NAME, "the manifest is damaged", LOADED_FROM_JOURNAL);

        loader->is_made_up = true;
        r = recovery_scan(loader->side->directory, &loader->side->manifest, strangers);
        if (r == 0 && strangers->len > 0)
                note_damage(loader, strangers->pdata[0],
                            "the manifest is missing, and a file is not what it is called",
                            LOADED_FROM_PREFIX);
        return r == MANIFEST_E_NEWER ? RECOVERY_E_NEWER : r;
}

/*
 * What the runtime side holds counts within one boot, and beside the history it was written with.
 * A lost manifest leaves the boot to tell it by. Files that do not tell their boot are of this one.
 */
static bool is_of_now(const Loader *loader)
{
        const RecoveryContext *context = loader->context;
        const Manifest *manifest = loader->side->manifest;

        return !context || sd_id128_equal(manifest->boot_id, context->boot_id) ||
               (loader->findings->damage && sd_id128_is_null(manifest->boot_id));
}

static bool is_of_this_history(const Loader *loader)
{
        const RecoveryContext *context = loader->context;

        return !context || sd_id128_is_null(context->epoch) || !loader->findings->has_manifest ||
               sd_id128_equal(loader->side->manifest->epoch, context->epoch);
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
                note_damage(loader, MANIFEST_NAME,
                            "everything but the last known good state is missing",
                            LOADED_FROM_NOTHING);
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
static void judge_made_up(Loader *loader, bool is_missing)
{
        RecoveryFindings *findings = loader->findings;

        if (loader->n_loaded == 0)
                findings->loaded_from = LOADED_FROM_NOTHING;
        if (!is_missing)
                return;
        if (loader->n_loaded == 0 && !findings->damage) {
                find_nothing(findings);
                return;
        }
        findings->damage = NULL;
        note_damage(loader, MANIFEST_NAME, "the manifest is missing", findings->loaded_from);
}

/* A manifest brought back from a backup, say, leads to an old state that looks whole. */
static int look_for_newer(Loader *loader)
{
        const Manifest *manifest = loader->side->manifest;
        bool is_outdated;
        int r;

        r = recovery_scan_is_outdated(loader->side->directory, manifest, &is_outdated);
        if (r == MANIFEST_E_NEWER)
                return RECOVERY_E_NEWER;
        if (r < 0)
                return r;

        if (manifest->reserved > 0 && loader->findings->revision >= manifest->reserved)
                is_outdated = true;
        if (is_outdated)
                note_damage(loader, MANIFEST_NAME, "the manifest is older than the journals",
                            LOADED_FROM_PREFIX);
        return 0;
}

/* The other side knows whose history the manifest's is. */
static bool is_ours(const Loader *loader, const Manifest *manifest)
{
        const Side *side = loader->side;

        return loader->context || (!sd_id128_is_null(side->peer_epoch) &&
                                   sd_id128_equal(side->peer_epoch, manifest->epoch));
}

/*
 * What the headers of the files say, with what only the manifest knew of the time. Of files that are
 * not those it names, one is out of place; where all are, it is the manifest.
 */
static int make_up_manifest(Loader *loader, const Manifest *named)
{
        unsigned n_same, n_others;
        int r;

        r = recovery_scan(loader->side->directory, &loader->side->manifest, NULL);
        if (r != 0)
                return r == MANIFEST_E_NEWER ? RECOVERY_E_NEWER : r;

        manifest_compare(loader->side->manifest, named, &n_same, &n_others);
        if (n_same > 0 || n_others == 1 || is_ours(loader, named))
                manifest_leave_out_others(loader->side->manifest, named);
        loader->side->manifest->reserved = named->reserved;
        return 0;
}

/*
 * What the manifest names is not whole. It may be the manifest that is wrong, so the other files are
 * asked where they lead, and the newer state counts.
 */
static int look_further(Loader *loader)
{
        RecoveryFindings *findings = loader->findings;
        RecoveryFindings first = *findings;
        g_autoptr(Manifest) named = g_steal_pointer(&loader->side->manifest);
        int r;

        r = make_up_manifest(loader, named);
        if (r != 0)
                return r;
        loader->is_made_up = loader->is_second_look = true;
        empty_state(loader);
        *findings = (RecoveryFindings){ .loaded_from = LOADED_FROM_JOURNAL };
        r = load_newest_whole(loader);
        if (r != 0)
                return r;
        if (findings->revision > first.revision) {
                note_damage(loader, MANIFEST_NAME, "the manifest does not fit the other files",
                            findings->loaded_from);
                return 0;
        }

        loader->is_made_up = false;
        empty_state(loader);
        manifest_free(loader->side->manifest);
        loader->side->manifest = g_steal_pointer(&named);
        r = load_newest_whole(loader);
        *findings = first;
        return r;
}

static int load_side(Loader *loader)
{
        bool is_missing;
        int r;

        r = load_manifest(loader);
        if (r != 0)
                return r;

        is_missing = !loader->findings->damage;
        if (!is_of_now(loader)) {
                find_nothing(loader->findings);
                return 0;
        }
        if (!is_of_this_history(loader)) {
                note_damage(loader, MANIFEST_NAME, "it belongs to another history",
                            LOADED_FROM_NOTHING);
                return 0;
        }
        if (loader->side->manifest->generations->len > 0) {
                r = load_newest_whole(loader);
                if (r != 0)
                        return r;
        }
        if (!loader->findings->has_manifest) {
                judge_made_up(loader, is_missing);
                return 0;
        }
        r = look_for_newer(loader);
        return r == 0 && loader->findings->damage ? look_further(loader) : r;
}

int recovery_load(Side *side,
                  const RecoveryContext *context,
                  State *state,
                  RecoveryFindings *ret_findings)
{
        Loader loader = {
                .side = side,
                .context = context,
                .state = state,
                .findings = ret_findings,
        };
        int r;

        *ret_findings = (RecoveryFindings){ .loaded_from = LOADED_FROM_JOURNAL };
        g_clear_pointer(&side->manifest, manifest_free);
        empty_state(&loader);
        r = load_side(&loader);
        if (r != 0)
                return r;
        return fall_back(&loader);
}

sd_id128_t recovery_peek_epoch(const Side *side, sd_id128_t boot_id)
{
        g_autoptr(Manifest) manifest = NULL;
        g_autofree char *text = NULL;
        size_t n_bytes;
        int r;

        r = directory_read(side->directory, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text, &n_bytes);
        if (r < 0 || manifest_from_text(&manifest, text, n_bytes) != 0 ||
            !is_of_side(manifest, side->part) ||
            !sd_id128_equal(manifest->boot_id, boot_id))
                return SD_ID128_NULL;
        return manifest->epoch;
}
