/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Participants
 */

#include "core/participants.h"

#include "core/transaction.h"

#include <inttypes.h>
#include <string.h>

static void unref_participant(gpointer participant)
{
        participant_unref(participant);
}

static void unref_list(gpointer list)
{
        g_ptr_array_unref(list);
}

Participants *participants_new(const Limits *limits, const ParticipantPort *port, const char *tag)
{
        Participants *participants = g_new(Participants, 1);

        *participants = (Participants){
                .limits = limits,
                .port = *port,
                .by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_list),
                .tag = g_strdup(tag),
        };
        return participants;
}

Participants *participants_free(Participants *participants)
{
        GHashTableIter iter;
        gpointer list;

        if (!participants)
                return NULL;

        g_hash_table_iter_init(&iter, participants->by_name);
        while (g_hash_table_iter_next(&iter, NULL, &list))
                for (guint i = 0; i < ((GPtrArray *) list)->len; i++)
                        ((Participant *) ((GPtrArray *) list)->pdata[i])->participants = NULL;

        g_hash_table_unref(participants->by_name);
        g_free(participants->tag);
        g_free(participants);
        return NULL;
}

const GPtrArray *participants_of(const Participants *participants, const char *name)
{
        return participants->n > 0 ? g_hash_table_lookup(participants->by_name, name) : NULL;
}

Participant *participants_find(const Participants *participants,
                               const char *name,
                               const char *address,
                               const char *path)
{
        const GPtrArray *list = participants_of(participants, name);

        for (guint i = 0; list && i < list->len; i++) {
                Participant *participant = list->pdata[i];

                if (strcmp(participant->address, address) == 0 &&
                    strcmp(participant->path, path) == 0)
                        return participant;
        }

        return NULL;
}

static Participant *participant_copy(const Participant *wanted)
{
        Participant *participant = g_memdup2(wanted, sizeof *wanted);

        participant->n_refs = 1;
        participant->address = g_strdup(wanted->address);
        participant->connection = g_strdup(wanted->connection);
        participant->path = g_strdup(wanted->path);
        participant->name = g_strdup(wanted->name);
        participant->prefix = g_strdup(wanted->prefix);
        return participant;
}

int participants_add(Participants *participants,
                     const Participant *wanted,
                     Participant **ret_participant)
{
        GPtrArray *list = g_hash_table_lookup(participants->by_name, wanted->name);
        Participant *participant;

        if (participants_find(participants, wanted->name, wanted->address, wanted->path))
                return PARTICIPANTS_E_EXISTS;
        if (list && list->len >= participants->limits->namespace_participants)
                return PARTICIPANTS_E_TOO_MANY;

        if (!list) {
                list = g_ptr_array_new_with_free_func(unref_participant);
                g_hash_table_insert(participants->by_name, g_strdup(wanted->name), list);
        }
        participant = participant_copy(wanted);
        participant->participants = participants;
        g_ptr_array_add(list, participant);
        participants->n++;
        *ret_participant = participant;
        return 0;
}

void participants_remove(Participant *participant)
{
        Participants *participants = participant->participants;
        g_autoptr(Participant) held = participant_ref(participant);
        GPtrArray *list;

        if (!participants)
                return;

        if (participant->member)
                transaction_member_left(participant->member);
        participant->participants = NULL;
        participant->origin = NULL;
        list = g_hash_table_lookup(participants->by_name, participant->name);
        (void) g_ptr_array_remove(list, participant);
        participants->n--;
        if (list->len == 0)
                g_hash_table_remove(participants->by_name, held->name);
}

void participants_drop(Participant *participant, const char *why)
{
        Participants *participants = participant->participants;
        g_autoptr(Participant) held = participant_ref(participant);

        if (!participants)
                return;
        participants_remove(held);
        participants->statistics.n_dropped++;
        participants->port.dropped(participants->port.userdata, held, why);
}

void participants_remove_all(Participants *participants, const char *name, const char *why)
{
        const GPtrArray *list;

        while ((list = participants_of(participants, name))) {
                g_autoptr(Participant) participant = participant_ref(list->pdata[0]);

                participants_remove(participant);
                participants->port.dropped(participants->port.userdata, participant, why);
        }
}

char *participants_name_transaction(Participants *participants)
{
        return g_strdup_printf("%s-%" PRIu64, participants->tag, ++participants->n_named);
}

void participants_wake(const Participants *participants)
{
        if (participants->wake)
                participants->wake(participants->owner);
}

Participant *participant_ref(Participant *participant)
{
        participant->n_refs++;
        return participant;
}

Participant *participant_unref(Participant *participant)
{
        if (!participant || --participant->n_refs > 0)
                return NULL;

        g_free(participant->address);
        g_free(participant->connection);
        g_free(participant->path);
        g_free(participant->name);
        g_free(participant->prefix);
        g_free(participant);
        return NULL;
}
