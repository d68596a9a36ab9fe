/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Session ender
 */

#include "session-ender.h"

#include "core/session.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define ACCURACY_USEC  1000u
#define RETRY_USEC     ((uint64_t) G_USEC_PER_SEC)
#define RETRY_USEC_MAX ((uint64_t) 60 * G_USEC_PER_SEC)

/* A session that has ended and may still have entries. */
typedef struct Ending {
        SessionEnder *ender;
        char *session;
        bool is_under_way; /* in the pipeline; else it waits for another try */
        GList in_queue;
} Ending;

struct SessionEnder {
        State *state;
        Origin *origin;
        sd_event_source *timer;
        GHashTable *endings; /* session (in the ending) -> owned Ending */
        GQueue queue;        /* all of them, as they ended */
        guint n_under_way;
        bool is_failing;          /* and that has been said */
        uint64_t retry_usec;      /* how long to wait after the next failure */
        SessionEnderDone on_done; /* NULL: nobody waits */
        void *userdata;
};

static void ending_free(gpointer userdata)
{
        Ending *ending = userdata;

        g_queue_unlink(&ending->ender->queue, &ending->in_queue);
        g_free(ending->session);
        g_free(ending);
}

static void tell_done(SessionEnder *ender)
{
        SessionEnderDone on_done = ender->on_done;

        if (!on_done || ender->n_under_way > 0)
                return;

        ender->on_done = NULL;
        on_done(ender->userdata);
}

static void note_failure(SessionEnder *ender, const Ending *ending, const Settlement *settlement)
{
        if (!ender->is_failing)
                log_warning("What %s had of class session cannot be deleted yet: %s",
                            session_connection(ending->session),
                            settlement->outcome < 0 ? g_strerror(-settlement->outcome)
                                                    : settlement->text);
        ender->is_failing = true;
}

/* Has one wait for all that were tried together. */
static void try_later(SessionEnder *ender)
{
        if (ender->n_under_way > 0 || ender->queue.length == 0)
                return;

        (void) sd_event_source_set_time_relative(ender->timer, ender->retry_usec);
        (void) sd_event_source_set_enabled(ender->timer, SD_EVENT_ONESHOT);
        ender->retry_usec = MIN(2 * ender->retry_usec, RETRY_USEC_MAX);
}

static void on_settled(void *userdata, const Settlement *settlement)
{
        Ending *ending = userdata;
        SessionEnder *ender = ending->ender;

        ending->is_under_way = false;
        ender->n_under_way--;
        if (settlement->outcome == -ECANCELED)
                return;

        /* A way back that was laid in the meantime may name it only now. */
        sessions_mark_gone(state_sessions(ender->state), ending->session);
        if (settlement->outcome == 0) {
                ender->is_failing = false;
                ender->retry_usec = RETRY_USEC;
                g_hash_table_remove(ender->endings, ending->session);
        } else
                note_failure(ender, ending, settlement);
        try_later(ender);
        tell_done(ender);
}

static void submit(SessionEnder *ender, Ending *ending)
{
        ChangeSet *set = change_set_new(CHANGE_SET_END_SESSION);

        change_set_set_session(set, ending->session);
        set->n_changes = sessions_n_keys(state_sessions(ender->state), ending->session);
        ending->is_under_way = true;
        ender->n_under_way++;
        pipeline_submit(ender->origin, NULL, set, on_settled, ending);
}

void session_ender_end(SessionEnder *ender, const char *session)
{
        Ending *ending;

        sessions_mark_gone(state_sessions(ender->state), session);
        if (g_hash_table_contains(ender->endings, session))
                return;

        ending = g_new(Ending, 1);
        *ending = (Ending){ .ender = ender, .session = g_strdup(session) };
        ending->in_queue.data = ending;
        g_queue_push_tail_link(&ender->queue, &ending->in_queue);
        g_hash_table_insert(ender->endings, ending->session, ending);
        submit(ender, ending);
}

void session_ender_when_done(SessionEnder *ender, SessionEnderDone on_done, void *userdata)
{
        ender->on_done = on_done;
        ender->userdata = userdata;
        tell_done(ender);
}

void session_ender_retry(SessionEnder *ender)
{
        (void) sd_event_source_set_enabled(ender->timer, SD_EVENT_OFF);
        for (GList *l = ender->queue.head; l; l = l->next) {
                Ending *ending = l->data;

                if (!ending->is_under_way)
                        submit(ender, ending);
        }
}

static int on_timer(sd_event_source *source G_GNUC_UNUSED,
                    uint64_t usec G_GNUC_UNUSED,
                    void *userdata)
{
        session_ender_retry(userdata);
        return 0;
}

int session_ender_new(SessionEnder **ret_ender, sd_event *event, State *state, Pipeline *pipeline)
{
        g_autoptr(SessionEnder) ender = g_new(SessionEnder, 1);
        int r;

        *ender = (SessionEnder){
                .state = state,
                .origin = pipeline_origin_new(pipeline),
                .endings = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, ending_free),
                .retry_usec = RETRY_USEC,
        };
        r = sd_event_add_time(event, &ender->timer, CLOCK_MONOTONIC, UINT64_MAX, ACCURACY_USEC,
                              on_timer, ender);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(ender->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_ender = g_steal_pointer(&ender);
        return 0;
}

SessionEnder *session_ender_free(SessionEnder *ender)
{
        if (!ender)
                return NULL;

        pipeline_origin_free(ender->origin);
        sd_event_source_disable_unref(ender->timer);
        g_hash_table_unref(ender->endings);
        g_free(ender);
        return NULL;
}
