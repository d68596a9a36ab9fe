/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Expirer
 */

#include "expirer.h"

#include "core/outcome.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <time.h>

#define ACCURACY_USEC  1000u
#define RETRY_USEC     ((uint64_t) G_USEC_PER_SEC)
#define RETRY_USEC_MAX ((uint64_t) 60 * G_USEC_PER_SEC)

struct Expirer {
        State *state;
        Pipeline *pipeline;
        Origin *origin;
        sd_event_source *timer; /* of CLOCK_BOOTTIME */
        sd_id128_t boot_id;
        bool is_failing;     /* and that has been said */
        uint64_t retry_usec; /* how long to wait after the next failure */
        uint64_t not_before_usec;
        GHashTable *under_way; /* owned Undoing -> itself, hashed by revision */
        ExpirerDone on_done;   /* NULL: nobody waits */
        void *userdata;
};

/* A change that the pipeline is to undo. */
typedef struct Undoing {
        guint64 revision; /* first, for g_int64_hash() */
        Expirer *expirer;
} Undoing;

static uint64_t now_usec(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static bool is_of_other_boot(const Expirer *expirer, const PendingChange *change)
{
        return memcmp(change->boot_id, &expirer->boot_id, sizeof change->boot_id) != 0;
}

/* When it is to be undone. */
static uint64_t due_usec(const Expirer *expirer, const PendingChange *change)
{
        return is_of_other_boot(expirer, change) ? 0 : change->deadline_usec;
}

static void tell_done(Expirer *expirer)
{
        ExpirerDone on_done = expirer->on_done;

        if (!on_done || g_hash_table_size(expirer->under_way) > 0)
                return;

        expirer->on_done = NULL;
        on_done(expirer->userdata);
}

static void go_on(Expirer *expirer);

static void note_failure(Expirer *expirer, uint64_t revision, const Settlement *settlement)
{
        const char *why =
                settlement->outcome < 0 ? g_strerror(-settlement->outcome) : settlement->text;

        if (!expirer->is_failing)
                log_record(LOG_WARNING, LOG_FIELDS(LOG_REVISION(revision)),
                           "The change of revision %" PRIu64 " was not confirmed and cannot be "
                           "undone yet: %s",
                           revision, why);
        expirer->is_failing = true;

        /* Once for all that were tried together. */
        if (now_usec() < expirer->not_before_usec)
                return;
        expirer->not_before_usec = now_usec() + expirer->retry_usec;
        expirer->retry_usec = MIN(2 * expirer->retry_usec, RETRY_USEC_MAX);
}

static void on_settled(void *userdata, const Settlement *settlement)
{
        Undoing *undoing = userdata;
        Expirer *expirer = undoing->expirer;
        uint64_t revision = undoing->revision;

        g_hash_table_remove(expirer->under_way, undoing);
        if (settlement->outcome == -ECANCELED)
                return;

        if (settlement->outcome == 0 || settlement->outcome == CORE_E_NOT_CONFIRMED) {
                expirer->is_failing = false;
                expirer->retry_usec = RETRY_USEC;
        } else {
                note_failure(expirer, revision, settlement);
        }
        go_on(expirer);
        tell_done(expirer);
}

static void undo(Expirer *expirer, const PendingChange *change)
{
        ChangeSet *set = change_set_new(CHANGE_SET_SETTLE);
        Undoing *undoing = g_new(Undoing, 1);

        set->settlement = COMMIT_UNDOES;
        set->settles = change->revision;
        set->is_other_boot = is_of_other_boot(expirer, change);
        set->writer_uid = change->writer_uid;
        set->reason = g_strdup("not confirmed in time");

        *undoing = (Undoing){ change->revision, expirer };
        g_hash_table_add(expirer->under_way, undoing);
        pipeline_submit(expirer->origin, NULL, set, on_settled, undoing);
}

static void arm(Expirer *expirer, uint64_t usec)
{
        (void) sd_event_source_set_time(expirer->timer, usec);
        (void) sd_event_source_set_enabled(expirer->timer,
                                           usec == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* Undoes what is due, and waits for what will be next. */
static void go_on(Expirer *expirer)
{
        const GPtrArray *all = pending_changes_all(state_pending(expirer->state));
        uint64_t now = now_usec(), next = UINT64_MAX;

        for (guint i = 0; i < all->len; i++) {
                const PendingChange *change = all->pdata[i];
                uint64_t due = MAX(due_usec(expirer, change), expirer->not_before_usec);

                if (g_hash_table_contains(expirer->under_way, &change->revision))
                        continue;
                if (due <= now)
                        undo(expirer, change);
                else
                        next = MIN(next, due);
        }

        arm(expirer, next);
}

static int on_timer(sd_event_source *source G_GNUC_UNUSED,
                    uint64_t usec G_GNUC_UNUSED,
                    void *userdata)
{
        go_on(userdata);
        return 0;
}

int expirer_new(Expirer **ret_expirer, sd_event *event, State *state, Pipeline *pipeline)
{
        g_autoptr(Expirer) expirer = g_new(Expirer, 1);
        int r;

        *expirer = (Expirer){
                .state = state,
                .pipeline = pipeline,
                .origin = pipeline_origin_new(pipeline),
                .retry_usec = RETRY_USEC,
                .under_way = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
        };
        r = sd_id128_get_boot(&expirer->boot_id);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &expirer->timer, CLOCK_BOOTTIME, UINT64_MAX, ACCURACY_USEC,
                              on_timer, expirer);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(expirer->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_expirer = g_steal_pointer(&expirer);
        return 0;
}

Expirer *expirer_free(Expirer *expirer)
{
        if (!expirer)
                return NULL;

        pipeline_origin_free(expirer->origin);
        sd_event_source_disable_unref(expirer->timer);
        g_hash_table_unref(expirer->under_way);
        g_free(expirer);
        return NULL;
}

void expirer_start(Expirer *expirer, ExpirerDone on_done, void *userdata)
{
        expirer->on_done = on_done;
        expirer->userdata = userdata;
        go_on(expirer);
        tell_done(expirer);
}

void expirer_note(Expirer *expirer, const GPtrArray *commits)
{
        for (guint i = 0; i < commits->len; i++) {
                const Commit *commit = commits->pdata[i];

                if (commit->pending || commit->settles > 0) {
                        go_on(expirer);
                        return;
                }
        }
}

void expirer_retry(Expirer *expirer)
{
        expirer->not_before_usec = 0;
        if (expirer->is_failing)
                go_on(expirer);
}
