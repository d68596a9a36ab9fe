/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Start
 *
 * The revision that comes next:
 *
 *     first start                                          1
 *     same boot, and both sides hold all that was visible  behind the last one loaded
 *     else                                                 behind those that had been reserved
 */

#include "store/start.h"

#include "store/recovery.h"
#include "util/log.h"

#include <errno.h>

typedef struct Start {
        Side *persistent, *runtime;
        State *state;
        ServiceStatus *status;
        sd_id128_t boot_id;
        uint64_t now_usec;
        RecoveryFindings findings[2]; /* by CommitPart */
} Start;

static int load(Start *start)
{
        RecoveryContext context;
        int r;

        r = recovery_load(start->persistent, NULL, start->state,
                          &start->findings[COMMIT_PERSISTENT]);
        if (r != 0 || start->findings[COMMIT_PERSISTENT].is_nothing)
                return r;

        context = (RecoveryContext){
                .boot_id = start->boot_id,
                .reached = start->findings[COMMIT_PERSISTENT].revision,
                .is_whole = !start->findings[COMMIT_PERSISTENT].damage,
                .manifest = start->persistent->manifest,
        };
        return recovery_load(start->runtime, &context, start->state,
                             &start->findings[COMMIT_RUNTIME]);
}

static void log_torn(const Side *side, const JournalFindings *tail)
{
        g_autofree char *path = g_strdup_printf(
                "%s/journal-%" G_GUINT64_FORMAT, side->directory->path,
                g_array_index(manifest_generation(side->manifest, 0)->journals, ManifestFile,
                              manifest_generation(side->manifest, 0)->journals->len - 1)
                        .revision);

        log_record(LOG_NOTICE,
                   LOG_FIELDS(LOG_FILE(path), LOG_OFFSET(tail->position.offset),
                              LOG_REVISION(tail->revision)),
                   "%s: cut a torn tail of %" G_GUINT64_FORMAT " bytes at offset %" G_GUINT64_FORMAT
                   ", after revision %" G_GUINT64_FORMAT "; nothing of it was acknowledged",
                   path, tail->dirty_end - tail->position.offset, tail->position.offset,
                   tail->revision);
}

/* Goes on with the newest journal. */
static int reopen(Start *start, Side *side)
{
        const JournalFindings *tail = &start->findings[side->part].tail;
        const GArray *journals = manifest_generation(side->manifest, 0)->journals;

        if (tail->end == JOURNAL_TORN)
                log_torn(side, tail);
        return journal_reopen(&side->journal, side->directory,
                              &g_array_index(journals, ManifestFile, journals->len - 1), tail);
}

static int begin_side(Start *start, Side *side, sd_id128_t epoch, uint64_t reserved)
{
        int r;

        r = side_remove_files(side, true);
        if (r < 0)
                return r;

        side->manifest = manifest_new(epoch, start->boot_id);
        side->manifest->reserved = reserved;
        side->manifest->committed = state_revision(start->state);
        manifest_add_generation(side->manifest, (ManifestFile){ 0 });
        r = side_begin_journal(side, state_revision(start->state), start->now_usec);
        if (r != 0)
                return r < 0 ? r : -EIO;
        r = side_write_manifest(side);
        return r > 0 ? -EIO : r;
}

static int begin_persistent(Start *start)
{
        sd_id128_t epoch;
        int r;

        r = sd_id128_randomize(&epoch);
        if (r < 0)
                return r;
        return begin_side(start, start->persistent, epoch, START_REVISIONS_RESERVED);
}

/* Begins at the reserve, and reserves anew. */
static int skip_revisions(Start *start)
{
        Manifest *manifest = start->persistent->manifest;
        int r;

        state_set_revision(start->state, MAX(manifest->reserved, state_revision(start->state)));
        manifest->reserved = state_revision(start->state) + START_REVISIONS_RESERVED;
        manifest->boot_id = start->boot_id;
        r = side_write_manifest(start->persistent);
        return r > 0 ? -EIO : r;
}

static int go_on(Start *start)
{
        const RecoveryFindings *runtime = &start->findings[COMMIT_RUNTIME];
        bool is_all_here;
        int r;

        r = reopen(start, start->persistent);
        if (r < 0)
                return r;

        is_all_here = sd_id128_equal(start->persistent->manifest->boot_id, start->boot_id) &&
                      !runtime->is_nothing;
        if (!is_all_here) {
                r = skip_revisions(start);
                if (r < 0)
                        return r;
        }

        if (runtime->is_nothing)
                return begin_side(start, start->runtime, start->persistent->manifest->epoch, 0);
        return reopen(start, start->runtime);
}

int start_sides(Side *persistent,
                Side *runtime,
                State *state,
                ServiceStatus *status,
                sd_id128_t boot_id,
                uint64_t now_usec)
{
        Start start = { persistent, runtime, state, status, boot_id, now_usec, { { 0 } } };
        int r;

        r = load(&start);
        if (r != 0)
                return r == RECOVERY_E_NEWER ? START_E_NEWER : r;
        if (start.findings[COMMIT_PERSISTENT].damage || start.findings[COMMIT_RUNTIME].damage)
                return -EBADMSG;

        if (start.findings[COMMIT_PERSISTENT].is_nothing) {
                r = begin_persistent(&start);
                if (r < 0)
                        return r;
                r = begin_side(&start, runtime, persistent->manifest->epoch, 0);
        } else
                r = go_on(&start);
        if (r < 0)
                return r;

        status->state = SERVICE_RUNNING;
        status->loaded_from = start.findings[COMMIT_PERSISTENT].loaded_from;
        status->durable_revision = state_revision(state);
        sd_id128_to_string(persistent->manifest->epoch, status->epoch);
        return 0;
}
