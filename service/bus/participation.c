/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Participation
 */

#include "bus/participation.h"

#include "bus/authorizer.h"
#include "bus/caller.h"
#include "bus/participant-calls.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <systemd/sd-id128.h>

struct Participation {
        BusService *service;
        Participants *participants;
        ParticipantCalls *calls;
        GHashTable *by_address; /* address -> owned GPtrArray of owned Participant */
        sd_event_source *timer;
};

static uint64_t on_now(void *userdata)
{
        (void) userdata;

        /* Not that of the loop's turn: what is asked now is not to be late by what that took. */
        return (uint64_t) g_get_monotonic_time();
}

static void on_wake_at(void *userdata, uint64_t usec)
{
        const Participation *participation = userdata;

        (void) sd_event_source_set_time(participation->timer, usec);
        (void) sd_event_source_set_enabled(participation->timer,
                                           usec == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source G_GNUC_UNUSED,
                    uint64_t usec G_GNUC_UNUSED,
                    void *userdata)
{
        const Participation *participation = userdata;

        participants_wake(participation->participants);
        return 0;
}

static bool on_may_ask(void *userdata, const Participant *participant)
{
        const BusService *service = ((const Participation *) userdata)->service;
        const Caller *caller = callers_find(service->callers, participant->address);
        const Namespace *ns = state_lookup(service->state, participant->name);

        if (participant->is_granted)
                return true;
        return caller && ns && authorizer_may_participate(caller, ns);
}

static int on_prepare(void *userdata, Member *member)
{
        return participant_calls_prepare(((Participation *) userdata)->calls, member);
}

static void on_forget(void *userdata G_GNUC_UNUSED, Member *member)
{
        participant_calls_forget(member);
}

static void on_commit(void *userdata,
                      Participant *participant,
                      const char *transaction,
                      uint64_t revision)
{
        participant_calls_commit(((Participation *) userdata)->calls, participant, transaction,
                                 revision);
}

static void on_abort(void *userdata, Participant *participant, const char *transaction)
{
        participant_calls_abort(((Participation *) userdata)->calls, participant, transaction);
}

static void remove_from_index(Participation *participation, Participant *participant)
{
        GPtrArray *list = g_hash_table_lookup(participation->by_address, participant->address);

        if (!list)
                return; /* it has left the bus */
        if (list->len == 1)
                g_hash_table_remove(participation->by_address, participant->address);
        else
                (void) g_ptr_array_remove_fast(list, participant);
}

static void on_dropped(void *userdata, Participant *participant, const char *why)
{
        log_notice("%s (uid %" PRIu32 ") takes no part in changes of %s any more: %s",
                   participant->address, participant->uid, participant->name, why);
        remove_from_index(userdata, participant);
}

static void unref_list(gpointer list)
{
        g_ptr_array_unref(list);
}

static void unref_participant(gpointer participant)
{
        participant_unref(participant);
}

int participation_new(Participation **ret_participation, BusService *service)
{
        g_autoptr(Participation) participation = g_new(Participation, 1);
        const ParticipantPort port = {
                .now = on_now,
                .wake_at = on_wake_at,
                .may_ask = on_may_ask,
                .prepare = on_prepare,
                .forget = on_forget,
                .commit = on_commit,
                .abort = on_abort,
                .dropped = on_dropped,
                .userdata = participation,
        };
        sd_id128_t id;
        int r;

        *participation = (Participation){
                .service = service,
                .by_address = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_list),
        };

        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        participation->participants =
                participants_new(service->limits, &port, SD_ID128_TO_STRING(id));
        participation->calls = participant_calls_new(service);

        r = sd_event_add_time(service->event, &participation->timer, CLOCK_MONOTONIC, 0, 1000,
                              on_timer, participation);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(participation->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        pipeline_set_participants(service->pipeline, participation->participants);
        *ret_participation = g_steal_pointer(&participation);
        return 0;
}

void participation_stop(Participation *participation)
{
        GHashTableIter iter;
        gpointer list;

        if (!participation)
                return;
        g_hash_table_iter_init(&iter, participation->by_address);
        while (g_hash_table_iter_next(&iter, NULL, &list))
                for (guint i = 0; i < ((GPtrArray *) list)->len; i++)
                        participants_remove(((GPtrArray *) list)->pdata[i]);
        g_hash_table_remove_all(participation->by_address);
}

Participation *participation_free(Participation *participation)
{
        if (!participation)
                return NULL;

        pipeline_set_participants(participation->service->pipeline, NULL);
        sd_event_source_disable_unref(participation->timer);
        g_hash_table_unref(participation->by_address);
        participants_free(participation->participants);
        participant_calls_free(participation->calls);
        g_free(participation);
        return NULL;
}

int participation_add(Participation *participation, const Participant *wanted)
{
        GPtrArray *list = g_hash_table_lookup(participation->by_address, wanted->address);
        Participant *participant;
        int r;

        r = participants_add(participation->participants, wanted, &participant);
        if (r != 0)
                return r;

        if (!list) {
                list = g_ptr_array_new_with_free_func(unref_participant);
                g_hash_table_insert(participation->by_address, g_strdup(wanted->address), list);
        }
        g_ptr_array_add(list, participant_ref(participant));
        return 0;
}

bool participation_remove(Participation *participation,
                          const char *name,
                          const char *address,
                          const char *path)
{
        Participant *participant =
                participants_find(participation->participants, name, address, path);
        g_autoptr(Participant) held = NULL;

        if (!participant)
                return false;

        held = participant_ref(participant);
        participants_remove(held);
        remove_from_index(participation, held);
        return true;
}

void participation_forget(Participation *participation, const char *address)
{
        g_autoptr(GPtrArray) list = NULL;
        g_autofree char *key = NULL;

        participant_calls_end(participation->calls, address);
        if (!g_hash_table_steal_extended(participation->by_address, address, (gpointer *) &key,
                                         (gpointer *) &list))
                return;
        for (guint i = 0; i < list->len; i++)
                participants_remove(list->pdata[i]);
}

uint64_t participation_count(const Participation *participation, const char *name)
{
        const GPtrArray *list = participants_of(participation->participants, name);

        return list ? list->len : 0;
}

void participation_add_statistics(const Participation *participation, GVariantDict *statistics)
{
        const Participants *participants = participation->participants;

        g_variant_dict_insert(statistics, "participants", "t", (guint64) participants->n);
        g_variant_dict_insert(statistics, "participants-dropped", "t",
                              participants->statistics.n_dropped);
        g_variant_dict_insert(statistics, "prepared", "t", participants->statistics.n_transactions);
        g_variant_dict_insert(statistics, "vetoes", "t", participants->statistics.n_vetoed);
        g_variant_dict_insert(statistics, "vetoes-late", "t", participants->statistics.n_late);
        participant_calls_add_statistics(participation->calls, statistics);
}
