/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Start
 *
 * The revision that comes next:
 *
 *     first start                                          1
 *     same boot, and both sides hold all that was visible  behind the last one loaded, or the floor
 *     else, and after an older version                     behind those that had been reserved,
 *                                                          which is the floor from then on
 *
 * After damage the state that could be loaded becomes a generation of its own, the only one: what
 * is older is set aside whole, and no later start can mistake it for what followed.
 */

#include "store/start.h"

#include "store/checkpoint.h"
#include "store/doubt.h"
#include "store/last-good.h"
#include "store/recovery.h"
#include "store/upgrade.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

/* Beyond what could have been reserved when it is not known what was. */
#define REVISIONS_IN_DOUBT (UINT64_C(1) << 32)

#define MESSAGE_DAMAGED "43e8786dc25347a5a6e16a0c3f198aca"

typedef struct Start {
        Side *persistent, *runtime;
        State *state;
        ServiceStatus *status;
        sd_id128_t boot_id;
        uint64_t now_usec;
        RecoveryFindings findings[2]; /* by CommitPart */
        bool is_full;
} Start;

static RecoveryFindings *findings_of(Start *start, const Side *side)
{
        return &start->findings[side->part];
}

/* A name for what is set aside. */
static char *label_for(const Start *start, const char *reason)
{
        g_autoptr(GDateTime) now =
                g_date_time_new_from_unix_utc((gint64) (start->now_usec / G_USEC_PER_SEC));
        g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
        char *label = g_strdup_printf("%s.%06uZ %s", time,
                                      (unsigned) (start->now_usec % G_USEC_PER_SEC), reason);

        return g_strdelimit(label, " '", '-');
}

static int load(Start *start)
{
        RecoveryFindings *persistent = findings_of(start, start->persistent);
        RecoveryContext context;
        int r;

        r = recovery_load(start->persistent, NULL, start->state, persistent);
        if (r != 0)
                return r;
        if (persistent->is_nothing) {
                findings_of(start, start->runtime)->is_nothing = true;
                return 0;
        }

        context = (RecoveryContext){
                .boot_id = start->boot_id,
                .epoch = start->persistent->manifest->epoch,
                .reached = persistent->revision,
                .is_whole = !persistent->damage,
                .void_first = start->persistent->manifest->void_first,
                .void_last = start->persistent->manifest->void_last,
        };
        return recovery_load(start->runtime, &context, start->state,
                             findings_of(start, start->runtime));
}

/* Copies of the last known good state that are damaged. */
static int set_good_aside(Start *start, GPtrArray *damaged)
{
        const Side *side = start->persistent;
        const StoreDirectory *directory = side->good_directory;
        g_autofree char *label = NULL;
        int r;

        if (damaged->len == 0)
                return 0;

        log_record(LOG_ERR, LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_DAMAGED), LOG_FILE(directory->path)),
                   "%s: the last known good copy is damaged; it is kept in %s/damaged",
                   directory->path, side->directory->path);
        label = label_for(start, "the last known good copy is damaged");
        r = directory_set_aside(side->directory, directory, label, damaged);
        for (guint i = 0; i < damaged->len && r >= 0; i++)
                r = io_unlinkat(directory->io, directory->fd, damaged->pdata[i]);
        return r < 0 ? r : 0;
}

static void log_torn(Start *start, const Side *side)
{
        const JournalFindings *tail = &findings_of(start, side)->tail;
        g_autofree char *path =
                g_strdup_printf("%s/%s", side->directory->path, side->journal->name);

        log_record(LOG_NOTICE,
                   LOG_FIELDS(LOG_FILE(path), LOG_OFFSET(tail->position.offset),
                              LOG_REVISION(tail->revision)),
                   "%s: cut a torn tail of %" G_GUINT64_FORMAT " bytes at offset %" G_GUINT64_FORMAT
                   ", after revision %" G_GUINT64_FORMAT "; nobody was told that it was on disk",
                   path, tail->dirty_end - tail->position.offset, tail->position.offset,
                   tail->revision);
}

/* Goes on with the newest journal. */
static int reopen(Start *start, Side *side)
{
        const JournalFindings *tail = &findings_of(start, side)->tail;
        int r;

        r = journal_reopen(&side->journal, side->directory, manifest_newest_journal(side->manifest),
                           tail);
        if (r < 0)
                return r;
        if (tail->end == JOURNAL_TORN)
                log_torn(start, side);
        side->n_old_bytes = findings_of(start, side)->n_old_bytes;
        return side_remove_others(side, side->manifest);
}

static int begin_journal(Side *side, uint64_t revision, uint64_t now_usec)
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

/*
 * A side of its own, with what the state has of it. What an earlier attempt has left goes first: two
 * journals that no manifest names would be taken for parts of one history.
 */
static int begin_side(Start *start, Side *side, sd_id128_t epoch, uint64_t reserved)
{
        int r;

        if (findings_of(start, side)->is_nothing) {
                r = side_remove_others(side, NULL);
                if (r < 0)
                        return r;
        }
        manifest_free(side->manifest);
        side->manifest = manifest_new(epoch, start->boot_id);
        side->manifest->reserved = reserved;
        manifest_add_generation(side->manifest, (ManifestFile){ 0 });
        r = begin_journal(side, state_revision(start->state), start->now_usec);
        if (r < 0)
                return r;

        if (findings_of(start, side)->is_nothing) {
                r = side_put_manifest(side, manifest_copy(side->manifest));
                return r > 0 ? -EIO : r;
        }
        return checkpoint_take(side, start->state, start->now_usec);
}

static int begin_both(Start *start, uint64_t reserved)
{
        sd_id128_t epoch;
        int r;

        r = sd_id128_randomize(&epoch);
        if (r < 0)
                return r;
        r = begin_side(start, start->persistent, epoch, reserved);
        if (r < 0)
                return r;
        return begin_side(start, start->runtime, epoch, 0);
}

/* All of a side's files, under a name that tells when and why. */
static int set_aside(Start *start, const Side *side)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_autofree char *label = label_for(start, findings_of(start, side)->damage);
        int r;

        r = io_list(side->directory->io, side->directory->fd, all);
        if (r < 0)
                return r;
        for (guint i = 0; i < all->len; i++)
                if (g_str_has_prefix(all->pdata[i], "checkpoint-") ||
                    g_str_has_prefix(all->pdata[i], "journal-") ||
                    strcmp(all->pdata[i], MANIFEST_NAME) == 0)
                        g_ptr_array_add(names, all->pdata[i]);

        return directory_set_aside(side->directory, side->directory, label, names);
}

static void log_damage(Start *start, const Side *side)
{
        const RecoveryFindings *findings = findings_of(start, side);

        log_record(LOG_ERR,
                   LOG_FIELDS(LOG_MESSAGE_ID(MESSAGE_DAMAGED), LOG_FILE(side->directory->path),
                              LOG_REVISION(findings->revision)),
                   "%s: %s; loaded from %s as of revision %" G_GUINT64_FORMAT
                   ", commits after that may be lost; the files are kept in %s/damaged",
                   side->directory->path, findings->damage, loaded_from_name(findings->loaded_from),
                   findings->revision, side->directory->path);
}

static int go_on_after_damage(Start *start)
{
        const RecoveryFindings *persistent = findings_of(start, start->persistent);
        uint64_t revision = state_revision(start->state);
        Side *sides[] = { start->persistent, start->runtime };
        int r;

        for (size_t i = 0; i < G_N_ELEMENTS(sides); i++) {
                if (!findings_of(start, sides[i])->damage)
                        continue;
                log_damage(start, sides[i]);
                r = set_aside(start, sides[i]);
                if (r < 0)
                        return r;
        }

        if (persistent->has_manifest)
                revision = MAX(revision, start->persistent->manifest->reserved);
        else
                revision += REVISIONS_IN_DOUBT;
        state_set_revision(start->state, revision);
        start->status->state = SERVICE_DEGRADED;
        r = begin_both(start, revision + START_REVISIONS_RESERVED);
        return r < 0 ? r : doubt_clear(start->runtime->directory);
}

/* Begins at the reserve, and reserves anew. */
static int skip_revisions(Start *start)
{
        Manifest *manifest = manifest_copy(start->persistent->manifest);
        int r;

        state_set_revision(start->state, MAX(manifest->reserved, state_revision(start->state)));
        manifest->floor = state_revision(start->state);
        manifest->reserved = manifest->floor + START_REVISIONS_RESERVED;
        manifest->boot_id = start->boot_id;
        r = side_put_manifest(start->persistent, manifest);
        if (io_is_full(r)) {
                start->persistent->manifest->boot_id = start->boot_id;
                start->is_full = true;
                return 0;
        }
        return r > 0 ? -EIO : r;
}

/* What an older version wrote. */
static int upgrade(Start *start)
{
        Side *sides[] = { start->persistent, start->runtime };

        for (size_t i = 0; i < G_N_ELEMENTS(sides) && !start->is_full; i++) {
                int r = upgrade_side(sides[i], start->state, findings_of(start, sides[i]),
                                     start->now_usec);

                start->is_full = io_is_full(r);
                if (r < 0 && !start->is_full)
                        return r;
        }
        return 0;
}

static int go_on(Start *start)
{
        Side *persistent = start->persistent, *runtime = start->runtime;
        bool is_new_boot = !sd_id128_equal(persistent->manifest->boot_id, start->boot_id);
        bool is_runtime_lost = findings_of(start, runtime)->is_nothing;
        bool was_in_doubt = doubt_is_there(runtime->directory);
        bool is_older = upgrade_is_due(findings_of(start, persistent)) ||
                        upgrade_is_due(findings_of(start, runtime));
        int r;

        r = reopen(start, persistent);
        if (r < 0)
                return r;
        if (state_revision(start->state) < persistent->manifest->floor)
                state_set_revision(start->state, persistent->manifest->floor);
        if (is_new_boot || is_runtime_lost || was_in_doubt || is_older) {
                r = skip_revisions(start);
                if (r < 0)
                        return r;
        }

        if (is_runtime_lost)
                r = begin_side(start, runtime, persistent->manifest->epoch, 0);
        else
                r = reopen(start, runtime);
        if (r < 0)
                return r;
        r = upgrade(start);
        if (r < 0)
                return r;

        return was_in_doubt ? doubt_clear(runtime->directory) : r;
}

int start_sides(Side *persistent,
                Side *runtime,
                State *state,
                ServiceStatus *status,
                sd_id128_t boot_id,
                uint64_t now_usec)
{
        Start start = {
                .persistent = persistent,
                .runtime = runtime,
                .state = state,
                .status = status,
                .boot_id = boot_id,
                .now_usec = now_usec,
        };
        g_autoptr(GPtrArray) damaged = g_ptr_array_new_with_free_func(g_free);
        int r;

        r = last_good_find(persistent->good_directory, &persistent->good, damaged);
        if (r != 0)
                return r == LAST_GOOD_E_NEWER ? START_E_NEWER : r;
        r = load(&start);
        if (r != 0)
                return r == RECOVERY_E_NEWER ? START_E_NEWER : r;
        status->last_good_revision = persistent->good.revision;
        r = set_good_aside(&start, damaged);
        if (r < 0)
                return r;

        status->state = SERVICE_RUNNING;
        status->loaded_from = start.findings[COMMIT_PERSISTENT].loaded_from;
        status->loaded_reason = start.findings[COMMIT_PERSISTENT].damage;
        if (start.findings[COMMIT_PERSISTENT].damage || start.findings[COMMIT_RUNTIME].damage)
                r = go_on_after_damage(&start);
        else if (start.findings[COMMIT_PERSISTENT].is_nothing)
                r = begin_both(&start, START_REVISIONS_RESERVED);
        else
                r = go_on(&start);
        if (r < 0)
                return r;

        status->durable_revision = state_revision(state);
        sd_id128_to_string(persistent->manifest->epoch, status->epoch);
        return start.is_full ? START_E_FULL : 0;
}
