/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mender
 *
 *     IDLE        begin: -> WAITING
 *     WAITING     the time is up: -> DUE
 *     DUE         all is quiet: -> PERSISTENT
 *     PERSISTENT  renewed: -> RUNTIME; failed: -> WAITING
 *     RUNTIME     renewed: -> IDLE, on_mended(); failed: -> WAITING
 *
 * Each attempt takes a revision of its own for the names of its files: which files one that failed
 * has left, and whether a manifest names them, is not known.
 *
 * Between the two sides the runtime side still has what it wrote of the batch that failed. The
 * persistent side's manifest says which revisions those are, so they are passed over at a start.
 */

#include "store/mender.h"

#define RETRY_USEC_MAX ((uint64_t) 60 * G_USEC_PER_SEC)

typedef enum MenderPhase {
        MENDER_IDLE,
        MENDER_WAITING,
        MENDER_DUE,
        MENDER_PERSISTENT,
        MENDER_RUNTIME,
} MenderPhase;

struct Mender {
        MenderOptions options;
        sd_event_source *timer;
        MenderPhase phase;
        uint64_t retry_usec; /* until the next attempt */
        uint64_t revision;   /* of the last attempt */
};

static void arm(Mender *mender)
{
        (void) sd_event_source_set_time_relative(mender->timer, mender->retry_usec);
        (void) sd_event_source_set_enabled(mender->timer, SD_EVENT_ONESHOT);
}

static void back_off(Mender *mender)
{
        mender->phase = MENDER_WAITING;
        arm(mender);
        mender->retry_usec = MIN(2 * mender->retry_usec, RETRY_USEC_MAX);
}

static void renew(Mender *mender, Side *side, MenderPhase phase)
{
        const CheckpointerRenewal renewal = {
                .revision = mender->revision,
                .void_first = state_revision(mender->options.state) + 1,
        };

        mender->phase = phase;
        checkpointer_renew(mender->options.checkpointer, side, &renewal);
}

/* Later than all that was given out, or stands in the name of a file. */
static uint64_t next_revision(const Mender *mender)
{
        uint64_t revision = MAX(mender->revision, state_revision(mender->options.state));

        revision = MAX(revision, mender->options.persistent->journal->revision);
        return MAX(revision, mender->options.runtime->journal->revision) + 1;
}

void mender_poke(Mender *mender)
{
        if (mender->phase != MENDER_DUE ||
            !mender->options.callbacks.is_quiet(mender->options.callbacks.userdata))
                return;

        (void) sd_event_source_set_enabled(mender->timer, SD_EVENT_OFF);
        mender->revision = next_revision(mender);
        renew(mender, mender->options.persistent, MENDER_PERSISTENT);
}

static int on_timer(sd_event_source *source G_GNUC_UNUSED,
                    uint64_t usec G_GNUC_UNUSED,
                    void *userdata)
{
        Mender *mender = userdata;

        mender->phase = MENDER_DUE;
        mender_poke(mender);
        /* Not everything that may be under way tells of its end. */
        if (mender->phase == MENDER_DUE)
                arm(mender);
        return 0;
}

void mender_begin(Mender *mender)
{
        g_assert(mender->phase == MENDER_IDLE);

        mender->retry_usec = mender->options.retry_usec;
        back_off(mender);
}

bool mender_checkpoint_ended(Mender *mender, int r)
{
        if (mender->phase != MENDER_PERSISTENT && mender->phase != MENDER_RUNTIME)
                return false;

        if (r < 0) {
                back_off(mender);
        } else if (mender->phase == MENDER_PERSISTENT) {
                renew(mender, mender->options.runtime, MENDER_RUNTIME);
        } else {
                mender->phase = MENDER_IDLE;
                mender->options.callbacks.on_mended(mender->options.callbacks.userdata,
                                                    mender->revision);
        }
        return true;
}

int mender_new(Mender **ret_mender, const MenderOptions *options)
{
        g_autoptr(Mender) mender = g_new(Mender, 1);
        int r;

        *mender = (Mender){ .options = *options };
        r = sd_event_add_time_relative(options->event, &mender->timer, CLOCK_MONOTONIC, 0, 0,
                                       on_timer, mender);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(mender->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_mender = g_steal_pointer(&mender);
        return 0;
}

Mender *mender_free(Mender *mender)
{
        if (!mender)
                return NULL;

        sd_event_source_unref(mender->timer);
        g_free(mender);
        return NULL;
}
