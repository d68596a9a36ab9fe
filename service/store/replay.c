/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replay
 */

#include "store/replay.h"

#include "core/namespace-places.h"
#include "core/restore.h"
#include "store/checkpoint-file.h"
#include "store/checkpoint-load.h"
#include "store/commit-record.h"
#include "store/last-good.h"

#include <errno.h>
#include <string.h>

static gboolean add_removal(gpointer name, gpointer ns G_GNUC_UNUSED, gpointer commit)
{
        commit_add(commit, NAMESPACE_CHANGE_REMOVE, name);
        return FALSE;
}

static gboolean add_deletions(gpointer name, gpointer ns, gpointer commit)
{
        NamespaceChange *change = NULL;
        NamespacePlaces places;
        const Entry *entry;

        namespace_places_begin(&places, ns, NULL);
        while ((entry = namespace_places_next(&places))) {
                if (entry_is_persistent(entry))
                        continue;
                if (!change)
                        change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, name);
                commit_add_entry(commit, change, entry_new_tombstone_of(entry));
        }
        return FALSE;
}

/* From now on the entries can be walked; what is loaded into other namespaces, still comes in fast. */
static void put_in_order(Replay *replay)
{
        entries_replay_flush(&replay->entries);
        state_end_loading(replay->state);
        state_begin_loading(replay->state);
}

void replay_empty(Replay *replay)
{
        g_autoptr(Commit) commit = commit_new(state_revision(replay->state), 0, 0, NULL);

        if (replay->side->part == COMMIT_RUNTIME)
                put_in_order(replay);
        g_tree_foreach(state_namespaces(replay->state),
                       replay->side->part == COMMIT_RUNTIME ? add_deletions : add_removal, commit);
        state_apply(replay->state, commit);
        if (replay->side->part == COMMIT_PERSISTENT)
                state_forget_pending(replay->state);
}

void replay_note_damage(Replay *replay,
                        const char *file,
                        const char *damage,
                        LoadedFrom loaded_from)
{
        RecoveryFindings *findings = replay->findings;

        if (!findings->damage) {
                findings->damage = damage;
                (void) g_strlcpy(findings->file, file, sizeof findings->file);
        }
        findings->loaded_from = loaded_from;
}

static void note_bad_checkpoint(Replay *replay, uint64_t revision, LoadedFrom loaded_from)
{
        g_autofree char *name = manifest_checkpoint_name(revision);

        replay_note_damage(replay, name, "a checkpoint is damaged", loaded_from);
}

static void note_bad_journal(Replay *replay, uint64_t revision, const char *damage)
{
        g_autofree char *name = manifest_journal_name(revision);

        replay_note_damage(replay, name, damage, LOADED_FROM_PREFIX);
}

/* 0 when it is loaded, RECOVERY_E_NEWER, -EBADMSG when it cannot be used, or an errno. */
static int load_checkpoint(Replay *replay, const ManifestFile *checkpoint)
{
        int r;

        replay->loaded_revision = 0;
        if (sd_id128_is_null(checkpoint->uuid))
                return 0;

        r = checkpoint_load(replay->side->directory, checkpoint, replay->side->part, replay->state);
        if (r == CHECKPOINT_E_NEWER)
                return RECOVERY_E_NEWER;
        if (r < 0) {
                replay_empty(replay);
                return r;
        }

        if (state_revision(replay->state) < checkpoint->revision)
                state_set_revision(replay->state, checkpoint->revision);
        replay->findings->revision = replay->loaded_revision = checkpoint->revision;
        replay->n_loaded++;
        return 0;
}

/* Whether a paired record's other half, or what it followed in its batch, is missing. */
static bool is_widowed(const Replay *replay, const Record *record)
{
        if (!replay->context || !(record->header.flags & RECORD_PAIRED))
                return false;
        return commit_codec_pair_revision(record->payload, record->header.payload_bytes) >
               replay->context->reached;
}

/* Whether a batch that it was part of failed, and the service went on without that. */
static bool is_void(const Replay *replay, const Record *record)
{
        const RecoveryContext *context = replay->context;

        return context && record->header.revision >= context->void_first &&
               record->header.revision <= context->void_last;
}

/* Finds out again what the commit changed, and applies it. */
static int load_restoration(Replay *replay, const Record *record)
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
        if (!replay->side->good_directory)
                return -EBADMSG;

        file.revision = commit->source.revision;
        memcpy(&file.uuid, commit->source.id, sizeof file.uuid);
        r = last_good_load(replay->side->good_directory, &file, source);
        if (r == -EBADMSG) {
                g_autofree char *name = manifest_checkpoint_name(file.revision);
                g_autofree char *path = g_build_filename(LAST_GOOD_NAME, name, NULL);

                replay_note_damage(replay, path, "a copy that was restored is damaged",
                                   LOADED_FROM_PREFIX);
        }
        if (r < 0)
                return r;

        put_in_order(replay);
        restore_fill(commit, replay->state, source);
        state_apply(replay->state, commit);
        replay->n_loaded++;
        return 0;
}

static int apply_commit(Replay *replay, const Record *record)
{
        g_autoptr(Commit) commit = NULL;
        int r;

        entries_replay_flush(&replay->entries);
        r = commit_record_get(&commit, record);
        if (r == 0)
                state_apply(replay->state, commit);
        return r;
}

static int load_commit(void *userdata, const Record *record)
{
        Replay *replay = userdata;
        int r;

        if (record->header.revision <= replay->loaded_revision) {
                replay->has_gap = true;
                return -EBADMSG;
        }
        if (is_void(replay, record))
                return 0;
        if (record->header.kind == RECORD_RESTORE)
                return load_restoration(replay, record);

        /*
         * It belongs to the last batch, which was never acknowledged, and so does all that follows:
         * unless the persistent side has lost what was acknowledged.
         */
        if (is_widowed(replay, record)) {
                replay->has_widow = true;
                return replay->context->is_whole ? JOURNAL_E_END : 0;
        }

        r = record->header.kind == RECORD_COMMIT ? entries_replay_take(&replay->entries, record)
                                                 : ENTRIES_REPLAY_E_OTHER;
        if (r == ENTRIES_REPLAY_E_OTHER)
                r = apply_commit(replay, record);
        replay->n_loaded += r == 0;
        return r == COMMIT_CODEC_E_NEWER ? JOURNAL_E_NEWER : r;
}

/* Reads one journal. Whether those behind it count. */
static int load_journal(Replay *replay, JournalExpectation *expectation, bool *ret_goes_on)
{
        RecoveryFindings *findings = replay->findings;
        uint64_t before = expectation->predecessor_revision;
        uint64_t revision = expectation->file.revision;
        int r;

        *ret_goes_on = false;
        replay->has_gap = !expectation->has_predecessor && replay->is_made_up &&
                          revision > replay->loaded_revision;
        /* A runtime side may have begun at any revision. */
        if (replay->has_gap && replay->context && !replay->is_second_look) {
                expectation->has_predecessor = true;
                replay->has_gap = false;
        }
        if (!replay->has_gap) {
                r = journal_read(replay->side->directory, expectation, load_commit, replay,
                                 &findings->tail);
                entries_replay_flush(&replay->entries);
                if (r != 0)
                        return r == JOURNAL_E_NEWER ? RECOVERY_E_NEWER : r;
        }
        if (replay->has_gap) {
                note_bad_journal(replay, replay->loaded_revision, "a journal is missing");
                return 0;
        }

        findings->revision = MAX(findings->revision, findings->tail.revision);
        if (findings->tail.end == JOURNAL_DAMAGED) {
                findings->is_witness = replay->has_widow && replay->context->is_whole;
                note_bad_journal(replay, findings->tail.is_predecessor ? before : revision,
                                 findings->tail.reason);
                return 0;
        }
        if (findings->tail.end == JOURNAL_UNCLEAN)
                note_bad_journal(replay, revision, "an older journal does not end cleanly");
        if (!expectation->is_newest)
                findings->n_old_bytes += findings->tail.position.offset;
        expectation->has_predecessor = true;
        expectation->predecessor = findings->tail.position.previous;
        expectation->predecessor_revision = revision;
        *ret_goes_on = true;
        return 0;
}

/* Reads journals in the order they were written, and stops where something is missing. */
static int load_journals(Replay *replay, const GArray *journals)
{
        JournalExpectation expectation = {
                .committed = replay->side->manifest->committed,
                .least_bytes = side_fill_bytes(replay->side),
        };
        bool goes_on = true;

        if (journals->len == 0)
                note_bad_journal(replay, replay->loaded_revision, "a journal is missing");

        for (guint i = 0; i < journals->len && goes_on; i++) {
                int r;

                expectation.file = g_array_index(journals, ManifestFile, i);
                expectation.is_newest = i + 1 == journals->len;
                r = load_journal(replay, &expectation, &goes_on);
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

static int load_generation(Replay *replay, guint age)
{
        const Manifest *manifest = replay->side->manifest;
        g_autoptr(GArray) journals = journals_since(manifest, age);
        int r;

        r = load_checkpoint(replay, &manifest_generation(manifest, age)->checkpoint);
        if (r != 0)
                return r;
        return load_journals(replay, journals);
}

int replay_newest_whole(Replay *replay)
{
        const Manifest *manifest = replay->side->manifest;

        for (guint age = 0; age < manifest->generations->len; age++) {
                int r = load_generation(replay, age);

                if (r != -EBADMSG)
                        return r;
                note_bad_checkpoint(replay, manifest_generation(manifest, age)->checkpoint.revision,
                                    age + 1 < manifest->generations->len
                                            ? LOADED_FROM_PREVIOUS_CHECKPOINT
                                            : LOADED_FROM_NOTHING);
        }

        return 0;
}
