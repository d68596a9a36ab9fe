/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery
 *
 * A read error counts as damage, for the file cannot be used either way.
 */

#include "store/recovery.h"

#include "store/last-good.h"
#include "store/recovery-scan.h"
#include "store/replay.h"

#include <errno.h>
#include <string.h>

/* Only the persistent side reserves revisions, and always does. */
static bool is_of_side(const Manifest *manifest, CommitPart part)
{
        return (manifest->reserved > 0) == (part == COMMIT_PERSISTENT);
}

/* Ends in a manifest, made up when need be. */
static int load_manifest(Replay *replay)
{
        g_autoptr(GPtrArray) strangers = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *text = NULL;
        size_t n_bytes;
        int r;

        r = directory_read(replay->side->directory, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text,
                           &n_bytes);
        if (r == 0)
                r = manifest_from_text(&replay->side->manifest, text, n_bytes);
        if (r == MANIFEST_E_NEWER)
                return RECOVERY_E_NEWER;
        if (r == 0 && is_of_side(replay->side->manifest, replay->side->part)) {
                replay->findings->has_manifest = true;
                return 0;
        }
        g_clear_pointer(&replay->side->manifest, manifest_free);

        if (r != -ENOENT && io_is_refusal(r))
                return r;
        if (r != -ENOENT)
                replay_note_damage(replay, MANIFEST_NAME, "the manifest is damaged",
                                   LOADED_FROM_JOURNAL);

        replay->is_made_up = true;
        r = recovery_scan(replay->side->directory, &replay->side->manifest, strangers);
        if (r == 0 && strangers->len > 0)
                replay_note_damage(replay, strangers->pdata[0],
                                   "the manifest is missing, and a file is not what it is called",
                                   LOADED_FROM_PREFIX);
        return r == MANIFEST_E_NEWER ? RECOVERY_E_NEWER : r;
}

/*
 * What the runtime side holds counts within one boot, and beside the history it was written with.
 * A lost manifest leaves the boot to tell it by.
 */
static bool is_of_now(const Replay *replay)
{
        const RecoveryContext *context = replay->context;
        const Manifest *manifest = replay->side->manifest;

        return !context || sd_id128_equal(manifest->boot_id, context->boot_id);
}

static bool is_of_this_history(const Replay *replay)
{
        const RecoveryContext *context = replay->context;

        return !context || sd_id128_is_null(context->epoch) || !replay->findings->has_manifest ||
               sd_id128_equal(replay->side->manifest->epoch, context->epoch);
}

static void find_nothing(RecoveryFindings *findings)
{
        *findings = (RecoveryFindings){ .is_nothing = true, .loaded_from = LOADED_FROM_NOTHING };
}

/*
 * After damage the newest whole state counts, and that may be the last known good one. Where it is
 * all there is, something is missing.
 */
static int fall_back(Replay *replay)
{
        RecoveryFindings *findings = replay->findings;
        const ManifestFile *good = &replay->side->good;
        int r;

        if (findings->is_nothing && good->revision > 0) {
                *findings = (RecoveryFindings){ .loaded_from = LOADED_FROM_NOTHING };
                replay_note_damage(replay, MANIFEST_NAME,
                                   "everything but the last known good state is missing",
                                   LOADED_FROM_NOTHING);
        }
        if (!findings->damage || good->revision <= findings->revision)
                return 0;

        replay_empty(replay);
        r = last_good_load(replay->side->good_directory, good, replay->state);
        if (r < 0) {
                replay_empty(replay);
                return r == -EBADMSG ? 0 : r;
        }
        state_set_revision(replay->state, MAX(state_revision(replay->state), good->revision));
        findings->revision = good->revision;
        findings->loaded_from = LOADED_FROM_LAST_KNOWN_GOOD;
        return 0;
}

/* Files without a manifest that were never used are what a first start left that was killed. */
static void judge_made_up(Replay *replay, bool is_missing)
{
        RecoveryFindings *findings = replay->findings;

        if (replay->n_loaded == 0)
                findings->loaded_from = LOADED_FROM_NOTHING;
        if (!is_missing)
                return;
        if (replay->n_loaded == 0 && !findings->damage) {
                find_nothing(findings);
                return;
        }
        findings->damage = NULL;
        replay_note_damage(replay, MANIFEST_NAME, "the manifest is missing", findings->loaded_from);
}

/* A manifest brought back from a backup, say, leads to an old state that looks whole. */
static int look_for_newer(Replay *replay)
{
        const Manifest *manifest = replay->side->manifest;
        bool is_outdated;
        int r;

        r = recovery_scan_is_outdated(replay->side->directory, manifest, &is_outdated);
        if (r == MANIFEST_E_NEWER)
                return RECOVERY_E_NEWER;
        if (r < 0)
                return r;

        if (manifest->reserved > 0 && replay->findings->revision >= manifest->reserved)
                is_outdated = true;
        if (is_outdated)
                replay_note_damage(replay, MANIFEST_NAME, "the manifest is older than the journals",
                                   LOADED_FROM_PREFIX);
        return 0;
}

/* Whether, of a manifest and files that do not fit, it is the manifest that belongs here. */
static bool is_ours(const Replay *replay, const Manifest *manifest)
{
        const Side *side = replay->side;
        unsigned n_same, n_others;

        manifest_compare(side->manifest, manifest, &n_same, &n_others);
        if (replay->context || n_same > 0)
                return true;
        /* The other side knows whose history it is. */
        return sd_id128_is_null(side->peer_epoch)
                       ? n_others == 1
                       : sd_id128_equal(side->peer_epoch, manifest->epoch);
}

/*
 * What the headers of the files say, with what only the manifest knew of the time. Of files that are
 * not those it names, one is out of place; where all are, it is the manifest.
 */
static int make_up_manifest(Replay *replay, const Manifest *named)
{
        int r;

        r = recovery_scan(replay->side->directory, &replay->side->manifest, NULL);
        if (r != 0)
                return r == MANIFEST_E_NEWER ? RECOVERY_E_NEWER : r;

        if (is_ours(replay, named))
                manifest_leave_out_others(replay->side->manifest, named);
        replay->side->manifest->reserved = named->reserved;
        return 0;
}

/* A copy that a journal needs is named by that, and says nothing against the manifest. */
static bool is_of_copy(const RecoveryFindings *findings)
{
        return g_str_has_prefix(findings->file, LAST_GOOD_NAME "/");
}

/*
 * What the manifest names is not whole. It may be the manifest that is wrong, so the other files are
 * asked where they lead, and the newer state counts.
 */
static int look_further(Replay *replay)
{
        RecoveryFindings *findings = replay->findings;
        RecoveryFindings first = *findings;
        g_autoptr(Manifest) named = g_steal_pointer(&replay->side->manifest);
        int r;

        r = make_up_manifest(replay, named);
        if (r != 0)
                return r;
        replay->is_made_up = replay->is_second_look = true;
        replay_empty(replay);
        *findings = (RecoveryFindings){ .loaded_from = LOADED_FROM_JOURNAL };
        r = replay_newest_whole(replay);
        if (r != 0)
                return r;
        if (findings->revision > first.revision && is_of_copy(&first)) {
                /* What seems to be missing behind a checkpoint that was just being made never was. */
                findings->damage = NULL;
                replay_note_damage(replay, first.file, first.damage, findings->loaded_from);
                return 0;
        }
        if (findings->revision > first.revision) {
                replay_note_damage(replay, MANIFEST_NAME,
                                   strcmp(first.file, MANIFEST_NAME) == 0
                                           ? first.damage
                                           : "the manifest does not fit the other files",
                                   findings->loaded_from);
                return 0;
        }

        replay->is_made_up = false;
        replay_empty(replay);
        manifest_free(replay->side->manifest);
        replay->side->manifest = g_steal_pointer(&named);
        r = replay_newest_whole(replay);
        *findings = first;
        return r;
}

static int load_side(Replay *replay)
{
        bool is_missing;
        int r;

        r = load_manifest(replay);
        if (r != 0)
                return r;

        g_assert(replay->side->manifest);
        is_missing = !replay->findings->damage;
        if (!is_of_now(replay)) {
                /* In the boot that the other side is of, files that do not tell theirs are damaged, not old. */
                if (!replay->findings->damage || !replay->context->is_same_boot ||
                    !sd_id128_is_null(replay->side->manifest->boot_id))
                        find_nothing(replay->findings);
                return 0;
        }
        if (!is_of_this_history(replay)) {
                replay_note_damage(replay, MANIFEST_NAME, "it belongs to another history",
                                   LOADED_FROM_NOTHING);
                return 0;
        }
        if (replay->side->manifest->generations->len > 0) {
                r = replay_newest_whole(replay);
                if (r != 0)
                        return r;
        }
        if (!replay->findings->has_manifest) {
                judge_made_up(replay, is_missing);
                return 0;
        }
        r = look_for_newer(replay);
        return r == 0 && replay->findings->damage ? look_further(replay) : r;
}

int recovery_load(Side *side,
                  const RecoveryContext *context,
                  State *state,
                  RecoveryFindings *ret_findings)
{
        Replay replay = {
                .side = side,
                .context = context,
                .state = state,
                .findings = ret_findings,
        };
        int r;

        *ret_findings = (RecoveryFindings){ .loaded_from = LOADED_FROM_JOURNAL };
        entries_replay_init(&replay.entries, state);
        /* To find that the state has nothing of a runtime side that was not read yet takes long. */
        if (side->part == COMMIT_PERSISTENT || side->manifest)
                replay_empty(&replay);
        g_clear_pointer(&side->manifest, manifest_free);
        r = load_side(&replay);
        if (r == 0)
                r = fall_back(&replay);
        entries_replay_clear(&replay.entries);
        return r;
}

sd_id128_t recovery_peek_epoch(const Side *side, sd_id128_t boot_id)
{
        g_autoptr(Manifest) manifest = NULL;
        g_autofree char *text = NULL;
        size_t n_bytes;
        int r;

        r = directory_read(side->directory, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text, &n_bytes);
        if (r < 0 || manifest_from_text(&manifest, text, n_bytes) != 0 ||
            !is_of_side(manifest, side->part) || !sd_id128_equal(manifest->boot_id, boot_id))
                return SD_ID128_NULL;
        return manifest->epoch;
}
