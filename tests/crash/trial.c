/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trial
 */

#include "trial.h"

#include "support/store-check.h"

#include <errno.h>

/* No checkpoint comes by itself. */
#define JOURNAL_BYTES UINT64_MAX

static void on_written(void *userdata, int r)
{
        Trial *trial = userdata;

        trial->is_settled = true;
        trial->result = r;
}

static void on_nothing(void *unused G_GNUC_UNUSED)
{
}

void trial_init(Trial *trial)
{
        *trial = (Trial){ 0 };
        memory_io_init(&trial->memory);
        g_assert_cmpint(sd_event_new(&trial->event), >=, 0);
}

void trial_clear(Trial *trial)
{
        sd_event_unref(trial->event);
        memory_io_clear(&trial->memory);
}

Finding trial_begin(Trial *trial, Disk *disk, sd_id128_t boot_id)
{
        StoreOptions options = {
                .state_directory = TRIAL_STATE_DIRECTORY,
                .runtime_directory = TRIAL_RUNTIME_DIRECTORY,
                .checkpoint_journal_bytes = JOURNAL_BYTES,
                .boot_id = boot_id,
        };
        StoreCallbacks callbacks = { on_written, on_nothing, on_nothing, trial };
        Finding finding = { 0 };

        memory_io_set_disk(&trial->memory, disk);
        finding.is_incomplete = !store_check_is_complete(&trial->memory.io, TRIAL_STATE_DIRECTORY);
        trial->state = state_new();
        trial->status = (ServiceStatus){ 0 };
        finding.result = store_open(&trial->store, &trial->memory.io, &options, trial->event,
                                    trial->state, &trial->status, &callbacks);
        if (finding.result > 0)
                finding.result = -EBADMSG;
        finding.state = trial->status.state;
        finding.loaded_from = trial->status.loaded_from;
        finding.last_good_revision = trial->status.last_good_revision;
        finding_read_state(&finding, trial->state);
        return finding;
}

void trial_write(Trial *trial, const GPtrArray *commits)
{
        const Commit *last = commits->pdata[commits->len - 1];
        int r;

        g_assert_cmpuint(last->revision, <, store_revision_limit(trial->store));
        trial->is_settled = false;
        r = store_write(trial->store, commits);
        while (r == 0 && !trial->is_settled)
                g_assert_cmpint(sd_event_run(trial->event, UINT64_MAX), >=, 0);
        g_assert_cmpint(r == 0 ? trial->result : r, ==, r == 0 ? 0 : STORE_E_WRITTEN);
}

void trial_end(Trial *trial)
{
        g_clear_pointer(&trial->store, store_free);
        g_clear_pointer(&trial->state, state_free);
}

Finding trial_recover(Trial *trial, Disk *disk, sd_id128_t boot_id)
{
        Finding finding = trial_begin(trial, disk, boot_id);

        trial_end(trial);
        return finding;
}
