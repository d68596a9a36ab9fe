/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Participants
 *
 *  event               | IDLE        | REGISTERING  | READING          | REGISTERED
 *  --------------------+-------------+--------------+------------------+--------------------------
 *  ready, or its timer | REGISTERING |              |                  |
 *  registered          |             | told, or     |                  | it was not: told again
 *                      |             | READING      |                  |
 *  refused             |             | told; IDLE   | told; IDLE       | it was, or told and IDLE
 *  values are read     |             |              | told; REGISTERED |
 *  Prepare, Commit     |             |              | held             | told
 *  Abort               |             |              | held             | told; registers again
 *  lost                |             | IDLE         | IDLE             | told; IDLE
 */

#include "participant-private.h"

#include "inbound.h"

#include <errno.h>

#define TIMEOUT_USEC_DEFAULT (UINT64_C(5) * G_USEC_PER_SEC)
#define TIMEOUT_USEC_MAX     (UINT64_C(10) * G_USEC_PER_SEC)

static void on_ready(Follower *follower)
{
        RegentParticipant *participant = participant_ref((RegentParticipant *) follower);

        participant_begin(participant);
        participant_unref(participant);
}

static void on_lost(Follower *follower)
{
        RegentParticipant *participant = participant_ref((RegentParticipant *) follower);

        /* What is lost may be a channel, and it be registered over the bus. */
        participant_tell_away(participant,
                              participant->link && participant->link == follower->regent->bus);
        participant_unref(participant);
}

static void on_closed(Follower *follower)
{
        RegentParticipant *participant = (RegentParticipant *) follower;

        participant_drop(participant, false);
        inbound_remove_participant(participant->follower.regent, participant->callback_path);
        participant->phase = PARTICIPANT_ENDED;
        participant->timer = sd_event_source_disable_unref(participant->timer);
}

static const FollowerVtable vtable = { on_ready, on_lost, on_closed };

RegentParticipant *participant_ref(RegentParticipant *participant)
{
        participant->n_refs++;
        return participant;
}

void participant_unref(RegentParticipant *participant)
{
        if (--participant->n_refs > 0)
                return;

        g_hash_table_unref(participant->questions);
        g_free(participant->ns_name);
        g_free(participant->prefix);
        g_free(participant->path);
        g_free(participant->callback_path);
        g_free(participant);
}

static void free_message(gpointer m)
{
        sd_bus_message_unref(m);
}

RegentParticipant *regent_participant_new(Regent *regent,
                                          const char *ns_name,
                                          const char *prefix,
                                          RegentOnParticipant on_event,
                                          void *userdata)
{
        RegentParticipant *participant = g_new0(RegentParticipant, 1);

        participant->n_refs = 1;
        regent_add_unstarted(regent, &participant->follower);
        participant->ns_name = g_strdup(ns_name);
        participant->prefix = g_strdup(prefix ? prefix : "");
        participant->on_event = on_event;
        participant->userdata = userdata;
        participant->timeout_usec = TIMEOUT_USEC_DEFAULT;
        participant->questions =
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_message);
        return participant;
}

void regent_participant_set_optional(RegentParticipant *participant, bool is_optional)
{
        participant->is_optional = is_optional;
}

void regent_participant_set_timeout(RegentParticipant *participant, uint64_t timeout_usec)
{
        participant->timeout_usec = timeout_usec;
}

RegentParticipant *regent_participant_free(RegentParticipant *participant)
{
        Regent *regent;

        if (!participant || participant->is_freed)
                return NULL;

        participant->is_freed = true;
        regent = participant->follower.regent;
        if (participant->phase != PARTICIPANT_NEW && participant->phase != PARTICIPANT_ENDED) {
                participant_drop(participant, true);
                inbound_remove_participant(regent, participant->callback_path);
                participant->phase = PARTICIPANT_ENDED;
                participant->timer = sd_event_source_disable_unref(participant->timer);
                follower_remove(&participant->follower);
        }
        if (participant->phase == PARTICIPANT_NEW)
                regent_remove_unstarted(&participant->follower);
        participant_unref(participant);
        return NULL;
}

static int check(RegentParticipant *participant)
{
        Regent *regent = participant->follower.regent;
        char path[NAMESPACE_PATH_SIZE];
        int r;

        r = text_namespace_path(regent, participant->ns_name, path);
        if (r < 0)
                return r;

        g_free(participant->path);
        participant->path = g_strdup(path);
        if (participant->timeout_usec == 0 || participant->timeout_usec > TIMEOUT_USEC_MAX)
                return error_set(regent, -EINVAL, SD_BUS_ERROR_INVALID_ARGS,
                                 "A participant answers within 10 seconds at most");

        return text_check(regent, participant->prefix, "The prefix");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        RegentParticipant *participant = participant_ref(userdata);

        (void) source;
        (void) usec;

        if (participant->phase == PARTICIPANT_REGISTERED)
                participant_probe(participant);
        else
                participant_begin(participant);
        participant_unref(participant);
        return 0;
}

int regent_participant_start(RegentParticipant *participant)
{
        Regent *regent = participant->follower.regent;
        int r;

        if (!regent)
                return participant->phase == PARTICIPANT_NEW ? -ENOTCONN : -EALREADY;
        if (participant->phase != PARTICIPANT_NEW)
                return error_set_errno(regent, -EALREADY, "The participant is started");

        r = regent_check_open(regent);
        if (r < 0)
                return r;
        r = check(participant);
        if (r < 0)
                return r;

        r = sd_event_add_time_relative(regent->event, &participant->timer, CLOCK_MONOTONIC, 0, 1000,
                                       on_timer, participant);
        if (r < 0)
                return error_set_errno(regent, r, "The participant cannot be started");

        participant->phase = PARTICIPANT_IDLE;
        participant->callback_path = inbound_add_participant(regent, participant);
        regent_remove_unstarted(&participant->follower);
        follower_add(regent, &participant->follower, &vtable);
        return 0;
}

void participant_wait(RegentParticipant *participant, uint64_t delay_usec)
{
        (void) sd_event_source_set_time_relative(participant->timer, delay_usec);
        (void) sd_event_source_set_enabled(participant->timer, SD_EVENT_ONESHOT);
}

void participant_tell(RegentParticipant *participant, RegentParticipantEvent event)
{
        if (participant->is_freed || participant->phase == PARTICIPANT_ENDED)
                return;

        event.ns_name = participant->ns_name;
        participant->on_event(participant, &event, participant->userdata);
}

/* It leaves first, and then answers what it was asked, which nobody waits for any more: regentd counts what is open. */
void participant_drop(RegentParticipant *participant, bool is_known_there)
{
        participant->turn++;
        participant->is_probing = false;
        participant->reading = reading_free(participant->reading);
        participant->snapshot = snapshot_free(participant->snapshot);
        if (participant->link && is_known_there)
                message_send(participant->link, participant->path, REGENT_NAMESPACE_INTERFACE,
                             "UnregisterParticipant", "o", participant->callback_path);
        participant_drop_questions(participant);
        participant_drop_held(participant);
        participant->link = sd_bus_unref(participant->link);
}

void participant_tell_away(RegentParticipant *participant, bool is_known_there)
{
        const RegentParticipantEvent event = { .kind = REGENT_PARTICIPANT_AWAY };
        bool was_registered = participant->phase == PARTICIPANT_REGISTERED;

        participant_drop(participant, is_known_there);
        if (participant->phase != PARTICIPANT_ENDED)
                participant->phase = PARTICIPANT_IDLE;
        if (was_registered)
                participant_tell(participant, event);
}
