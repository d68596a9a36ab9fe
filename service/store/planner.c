/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planner
 */

#include "store/planner.h"

#include "util/log.h"

#include <errno.h>

#define RETRY_USEC    ((int64_t) 10 * G_USEC_PER_SEC)
#define RETRY_DOUBLES 6u
#define N_SIDES       2u

/* About what an entry takes in a checkpoint beside its key and value. */
#define ENTRY_OVERHEAD_BYTES UINT64_C(32)

static Side *persistent(Planner *planner)
{
        return &planner->sides[COMMIT_PERSISTENT];
}

static void end_marking(Planner *planner, int r)
{
        PlannerMarked on_marked = g_steal_pointer(&planner->on_marked);

        planner->is_marking = false;
        if (r == 0)
                planner->on_good(planner->userdata, persistent(planner)->good.revision);
        on_marked(planner->marked_userdata, r);
}

/* What is to be marked good must not be undone later. */
static bool has_pending(const Planner *planner)
{
        return pending_changes_all(state_pending(planner->state))->len > 0;
}

/* Begins the copy, or does what has to come before it. */
static void begin_marking(Planner *planner)
{
        if (has_pending(planner)) {
                end_marking(planner, -EBUSY);
        } else if (scribe_is_dirty(planner->scribe)) {
                /* There is nothing in the copy that a crash could take back. */
                scribe_want_sync(planner->scribe);
        } else {
                planner->is_marking = true;
                checkpointer_keep_last_good(planner->checkpointer, persistent(planner));
        }
}

void planner_begin(Planner *planner)
{
        if (planner->health->has_failed || checkpointer_is_active(planner->checkpointer))
                return;

        if (planner->on_marked) {
                begin_marking(planner);
                return;
        }
        if (backup_begin(&planner->backup, planner->checkpointer, persistent(planner)))
                return;

        for (size_t i = 0; i < N_SIDES; i++) {
                bool is_wanted = planner->is_wanted[i];

                planner->is_wanted[i] = false;
                if (is_wanted && side_is_dirty(&planner->sides[i])) {
                        checkpointer_begin(planner->checkpointer, &planner->sides[i]);
                        return;
                }
        }
}

int planner_want_all(Planner *planner)
{
        if (planner->health->has_failed)
                return -EROFS;

        for (size_t i = 0; i < N_SIDES; i++)
                planner->is_wanted[i] = true;
        planner_begin(planner);
        return 0;
}

int planner_mark_good(Planner *planner, PlannerMarked on_marked, void *userdata)
{
        if (planner->health->has_failed)
                return -EROFS;
        if (planner->on_marked || has_pending(planner))
                return -EBUSY;
        if (persistent(planner)->good.revision == state_revision(planner->state))
                return PLANNER_E_MARKED;

        planner->on_marked = on_marked;
        planner->marked_userdata = userdata;
        planner_begin(planner);
        return 0;
}

int planner_back_up(Planner *planner, BackupTaken on_taken, void *userdata)
{
        int r;

        if (planner->health->has_failed)
                return -EROFS;

        r = backup_want(&planner->backup, on_taken, userdata);
        if (r == 0)
                planner_begin(planner);
        return r;
}

/* A side's journals have outgrown the state, and what is configured. */
static bool is_outgrown(Planner *planner, Side *side)
{
        uint64_t state_bytes = state_usage(planner->state) +
                               ENTRY_OVERHEAD_BYTES * state_n_keys(planner->state) +
                               pending_changes_bytes(state_pending(planner->state));

        side->outgrown_bytes = MAX(state_bytes, planner->checkpoint_journal_bytes);
        return side_journal_bytes(side) > side->outgrown_bytes;
}

static void want_outgrown(Planner *planner)
{
        if (checkpointer_is_active(planner->checkpointer) ||
            g_get_monotonic_time() < planner->retry_usec)
                return;

        planner->is_wanted[COMMIT_PERSISTENT] |= planner->is_restored;
        planner->is_restored = false;
        for (size_t i = 0; i < N_SIDES; i++)
                planner->is_wanted[i] |= is_outgrown(planner, &planner->sides[i]) ||
                                         side_lacks_generation(&planner->sides[i]);
        planner_begin(planner);
}

void planner_note_applied(Planner *planner)
{
        planner_note_quiet(planner);
        want_outgrown(planner);
}

void planner_note_quiet(Planner *planner)
{
        if (planner->on_marked)
                planner_begin(planner);
}

void planner_note_restored(Planner *planner)
{
        planner->is_restored = true;
}

bool planner_copy_ended(Planner *planner, int r)
{
        if (r == -ECANCELED && planner->health->has_failed)
                r = -EROFS;
        if (backup_ended(&planner->backup, planner->checkpointer, r))
                return true;
        if (!planner->is_marking)
                return false;

        end_marking(planner, r);
        return true;
}

void planner_checkpoint_ended(Planner *planner, int r)
{
        if (r >= 0 || r == -ECANCELED) {
                planner->n_retries = 0;
                return;
        }

        log_record(LOG_WARNING,
                   LOG_FIELDS(LOG_ERRNO(r), LOG_FILE(persistent(planner)->directory->path)),
                   "a checkpoint failed and will be tried again: %s", g_strerror(-r));
        planner->retry_usec = g_get_monotonic_time() + (RETRY_USEC << planner->n_retries);
        planner->n_retries = MIN(planner->n_retries + 1, RETRY_DOUBLES);
}

void planner_refuse(Planner *planner)
{
        if (planner->on_marked && !planner->is_marking)
                end_marking(planner, -EROFS);
        backup_refuse(&planner->backup);
}
