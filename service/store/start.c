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

#include "core/history.h"
#include "store/aside.h"
#include "store/checkpoint.h"
#include "store/doubt.h"
#include "store/last-good.h"
#include "store/sides-loader.h"
#include "store/upgrade.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

/* Beyond what could have been reserved when it is not known what was. */
#define REVISIONS_IN_DOUBT (UINT64_C(1) << 32)

typedef struct Start {
        Side *persistent, *runtime;
        State *state;
        ServiceStatus *status;
        sd_id128_t boot_id;
        uint64_t now_usec;
        SidesLoader loader;
        GPtrArray *bad_copies; /* names of last known good copies that are damaged */
        bool is_anew;          /* both sides begin anew, in a history of its own */
        sd_id128_t epoch;      /* of that */
        uint64_t reserved;     /* in that */
} Start;

static RecoveryFindings *findings_of(Start *start, const Side *side)
{
        return &start->loader.findings[side->part];
}

/* The last known good copy, which may be needed. */
static int find_good(Start *start)
{
        Side *side = start->persistent;
        int r;

        r = last_good_find(side->good_directory, &side->good, start->bad_copies);
        start->status->last_good_revision = side->good.revision;
        start->status->is_good_damaged = side->good.revision == 0 && start->bad_copies->len > 0;
        return r;
}

static bool is_damaged(Start *start)
{
        return findings_of(start, start->persistent)->damage ||
               findings_of(start, start->runtime)->damage;
}

static void log_damage(Start *start)
{
        const RecoveryFindings *persistent = findings_of(start, start->persistent);
        Side *sides[] = { start->persistent, start->runtime };

        for (size_t i = 0; i < G_N_ELEMENTS(sides); i++) {
                const RecoveryFindings *findings = findings_of(start, sides[i]);

                if (findings->damage)
                        aside_log(sides[i], findings);
                if (is_damaged(start) && !findings->is_nothing)
                        aside_log_others(sides[i], findings);
        }
        aside_log_copies(start->persistent, start->bad_copies, persistent->file);
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
        r = aside_put_strangers(side, start->now_usec);
        if (r < 0)
                return r;
        return side_remove_others(side, side->manifest);
}

/*
 * A side of its own, with what the state has of it. What an earlier attempt has left goes first: two
 * journals that no manifest names would be taken for parts of one history.
 */
static int begin_side(Start *start, Side *side, sd_id128_t epoch, uint64_t reserved)
{
        int r;

        if (findings_of(start, side)->is_nothing) {
                g_clear_pointer(&side->manifest, manifest_free);
                r = aside_put_strangers(side, start->now_usec);
                if (r < 0)
                        return r;
                r = side_remove_others(side, NULL);
                if (r < 0)
                        return r;
        }
        manifest_free(side->manifest);
        side->manifest = manifest_new(epoch, start->boot_id);
        side->manifest->reserved = reserved;
        if (side == start->persistent)
                side->manifest->floor = state_revision(start->state);
        manifest_add_generation(side->manifest, (ManifestFile){ 0 });
        r = side_begin_journal(side, state_revision(start->state), start->now_usec);
        if (r < 0)
                return r;

        if (findings_of(start, side)->is_nothing) {
                r = side_put_manifest(side, manifest_copy(side->manifest));
                return r > 0 ? -EIO : r;
        }
        return checkpoint_take(side, start->state, start->now_usec);
}

/* With what is damaged on one side the other is begun anew, too, and may be needed to make more of it. */
static char *label_of(Start *start, const Side *side)
{
        const RecoveryFindings *findings = findings_of(start, side);

        if (!is_damaged(start) || findings->is_nothing)
                return NULL;
        return aside_label(start->now_usec,
                           findings->damage ? findings->damage : "the other side is damaged");
}

static int set_aside(Start *start, Side *side)
{
        g_autofree char *label = label_of(start, side);

        return label ? side_set_aside(side, label) : 0;
}

static int begin_both(Start *start)
{
        int r;

        r = set_aside(start, start->persistent);
        if (r < 0)
                return r;
        r = set_aside(start, start->runtime);
        if (r < 0)
                return r;
        r = begin_side(start, start->persistent, start->epoch, start->reserved);
        if (r < 0)
                return r;
        r = begin_side(start, start->runtime, start->epoch, 0);
        start->persistent->is_set_aside = start->runtime->is_set_aside = false;
        return r < 0 ? r : doubt_clear(start->runtime->directory);
}

/* Whether, and where, a history of its own begins. */
static int decide(Start *start)
{
        const RecoveryFindings *persistent = findings_of(start, start->persistent);
        uint64_t revision = state_revision(start->state);

        start->status->state = is_damaged(start) ? SERVICE_DEGRADED : SERVICE_RUNNING;
        start->is_anew = is_damaged(start) || persistent->is_nothing;
        if (!start->is_anew)
                return 0;

        if (is_damaged(start)) {
                if (persistent->has_manifest)
                        revision = MAX(revision, start->persistent->manifest->reserved);
                else
                        revision += REVISIONS_IN_DOUBT;
                state_set_revision(start->state, revision);
        }
        start->reserved = revision + START_REVISIONS_RESERVED;
        start->status->is_new_history = true;
        return sd_id128_randomize(&start->epoch);
}

/* Begins at the reserve, and reserves anew. */
static int skip_revisions(Start *start)
{
        Manifest *manifest = manifest_copy(start->persistent->manifest);
        int r;

        state_set_revision(start->state, MAX(manifest->reserved, state_revision(start->state)));
        start->status->is_new_history = true;
        manifest->floor = state_revision(start->state);
        manifest->reserved = manifest->floor + START_REVISIONS_RESERVED;
        manifest->boot_id = start->boot_id;
        r = side_put_manifest(start->persistent, manifest);
        return r > 0 ? -EIO : r;
}

/* What an older version wrote. */
static int upgrade(Start *start)
{
        int r;

        r = upgrade_side(start->persistent, start->state, findings_of(start, start->persistent),
                         start->now_usec);
        if (r < 0)
                return r;
        return upgrade_side(start->runtime, start->state, findings_of(start, start->runtime),
                            start->now_usec);
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

/* All that is written. Can be killed anywhere and done again. */
static int write_down(Start *start)
{
        int r;

        if (!side_is_ready(start->persistent) || !side_is_ready(start->runtime))
                return MIN(start->persistent->directory->failure,
                           start->runtime->directory->failure);

        r = aside_put_copies(start->persistent, start->bad_copies, start->now_usec);
        if (r < 0)
                return r;
        return start->is_anew ? begin_both(start) : go_on(start);
}

/* What cannot be written now the mender is to write anew, once it can. */
static void leave_for_later(Start *start, Side *side)
{
        bool is_persistent = side == start->persistent;

        if (!side->is_set_aside)
                side->aside_label = label_of(start, side);
        if (start->is_anew || !side->manifest) {
                manifest_free(side->manifest);
                side->manifest = manifest_new(start->is_anew ? start->epoch
                                                             : start->persistent->manifest->epoch,
                                              start->boot_id);
                side->manifest->reserved = is_persistent ? start->reserved : 0;
        }
        side->manifest->boot_id = start->boot_id;
        side->manifest->floor = is_persistent ? state_revision(start->state) : 0;
        if (!side->journal)
                side->journal = journal_new_closed(side->directory, state_revision(start->state));
}

/* Which revisions may have been used by whoever was here before is not known for certain. */
static void begin_read_only(Start *start)
{
        if (!start->is_anew) {
                const Manifest *manifest = start->persistent->manifest;

                g_assert(manifest);
                state_set_revision(start->state,
                                   MAX(manifest->reserved, state_revision(start->state)));
        }
        start->status->is_new_history = true;
        leave_for_later(start, start->persistent);
        leave_for_later(start, start->runtime);
}

/* What is told of all that was damaged, as what was loaded comes of it. */
static const char *reason(Start *start)
{
        const char *persistent = findings_of(start, start->persistent)->damage;
        const char *runtime = findings_of(start, start->runtime)->damage;

        if (persistent || runtime)
                return persistent ? persistent : runtime;
        return start->bad_copies->len > 0 ? ASIDE_REASON_COPIES : NULL;
}

static int run(Start *start, int *ret_failure)
{
        const RecoveryFindings *persistent = findings_of(start, start->persistent);
        int r;

        r = find_good(start);
        if (r != 0)
                return r == LAST_GOOD_E_NEWER ? START_E_NEWER : r;
        r = sides_loader_run(&start->loader);
        if (r != 0)
                return r == RECOVERY_E_NEWER ? START_E_NEWER : r;

        start->status->loaded_from = persistent->loaded_from;
        start->status->loaded_reason = reason(start);
        r = decide(start);
        if (r < 0)
                return r;
        log_damage(start);
        r = write_down(start);
        /* Where there is nothing to read either, there is nothing to start for. */
        if (r < 0 && persistent->is_nothing)
                return r;
        if (r < 0)
                begin_read_only(start);

        /* What is before the floor was read by those who may have seen more, or is another history's. */
        history_begin(start->state, start->persistent->manifest->floor);
        start->status->durable_revision = state_revision(start->state);
        sd_id128_to_string(start->persistent->manifest->epoch, start->status->epoch);
        *ret_failure = r;
        return r < 0 ? START_E_READ_ONLY : 0;
}

int start_sides(Side *persistent,
                Side *runtime,
                State *state,
                ServiceStatus *status,
                const StartTime *time,
                int *ret_failure)
{
        g_autoptr(GPtrArray) bad_copies = g_ptr_array_new_with_free_func(g_free);
        Start start = {
                .persistent = persistent,
                .runtime = runtime,
                .state = state,
                .status = status,
                .boot_id = time->boot_id,
                .now_usec = time->now_usec,
                .bad_copies = bad_copies,
                .loader = { persistent, runtime, state, time->boot_id },
        };

        return run(&start, ret_failure);
}
