/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Participants rig
 */

#include "participants-rig.h"

#include <inttypes.h>

static uint64_t on_now(void *userdata)
{
        return ((const ParticipantsRig *) userdata)->now_usec;
}

static void on_wake_at(void *userdata, uint64_t usec)
{
        ParticipantsRig *rig = userdata;

        rig->wake_usec = usec;
}

static bool on_may_ask(void *userdata, const Participant *participant G_GNUC_UNUSED)
{
        return !((const ParticipantsRig *) userdata)->may_not;
}

static int on_prepare(void *userdata, Member *member)
{
        ParticipantsRig *rig = userdata;
        int r = rig->cannot_ask;

        rig->cannot_ask = 0;
        if (r != 0)
                return r;

        /* What is asked about concerns it, and nothing of its namespace is being written. */
        g_assert_true(participant_concerns(member->participant, member->key));
        g_assert_true(member->participant->participants == rig->participants);
        if (!rig->is_full)
                transaction_asked(member);
        g_ptr_array_add(rig->asked, member);
        g_string_append_printf(rig->rig.trace, "%s?%s ", member->participant->address, member->key);
        return 0;
}

static void on_forget(void *userdata, Member *member)
{
        (void) g_ptr_array_remove(((ParticipantsRig *) userdata)->asked, member);
}

static void on_commit(void *userdata,
                      Participant *participant,
                      const char *transaction,
                      uint64_t revision)
{
        ParticipantsRig *rig = userdata;

        g_assert_nonnull(transaction);
        g_assert_cmpuint(state_revision(rig->rig.state), >=, revision);
        g_string_append_printf(rig->rig.trace, "%s+%" PRIu64 " ", participant->address, revision);
}

static void on_abort(void *userdata, Participant *participant, const char *transaction)
{
        g_assert_nonnull(transaction);
        g_string_append_printf(((ParticipantsRig *) userdata)->rig.trace, "%s- ",
                               participant->address);
}

static void on_dropped(void *userdata, Participant *participant, const char *why)
{
        g_assert_nonnull(why);
        g_string_append_printf(((ParticipantsRig *) userdata)->rig.trace, "%s! ",
                               participant->address);
}

void participants_rig_init(ParticipantsRig *rig)
{
        const ParticipantPort port = {
                .now = on_now,
                .wake_at = on_wake_at,
                .may_ask = on_may_ask,
                .prepare = on_prepare,
                .forget = on_forget,
                .commit = on_commit,
                .abort = on_abort,
                .dropped = on_dropped,
                .userdata = rig,
        };

        *rig = (ParticipantsRig){
                .asked = g_ptr_array_new(),
                .now_usec = 1000,
                .wake_usec = UINT64_MAX,
        };
        rig_init(&rig->rig);
        rig->participants = participants_new(&rig->rig.limits, &port, "rig");
        pipeline_set_participants(rig->rig.pipeline, rig->participants);
}

void participants_rig_clear(ParticipantsRig *rig)
{
        g_assert_cmpuint(rig->asked->len, ==, 0);
        g_assert_cmpuint(rig->wake_usec, ==, UINT64_MAX);
        pipeline_set_participants(rig->rig.pipeline, NULL);
        participants_free(rig->participants);
        g_ptr_array_unref(rig->asked);
        rig_clear(&rig->rig);
}

Participant *participants_rig_add(ParticipantsRig *rig,
                                  const char *label,
                                  const char *name,
                                  const char *prefix,
                                  bool is_optional,
                                  Origin *origin)
{
        g_autofree char *address = g_strdup(label), *ns_name = g_strdup(name),
                        *key_prefix = g_strdup(prefix);
        char path[] = "/";
        const Participant wanted = {
                .is_optional = is_optional,
                .uid = 4001,
                .address = address,
                .path = path,
                .name = ns_name,
                .prefix = key_prefix,
                .timeout_usec = PARTICIPANT_TIMEOUT_USEC,
                .origin = origin,
        };
        Participant *participant;

        g_assert_cmpint(participants_add(rig->participants, &wanted, &participant), ==, 0);
        return participant;
}

static Member *find(const ParticipantsRig *rig, const char *label)
{
        for (guint i = 0; i < rig->asked->len; i++) {
                Member *member = rig->asked->pdata[i];

                if (g_str_equal(member->participant->address, label))
                        return member;
        }

        return NULL;
}

void participants_rig_answer(ParticipantsRig *rig, const char *label, const char *objection)
{
        Member *member = find(rig, label);

        g_assert_nonnull(member);
        (void) g_ptr_array_remove(rig->asked, member);
        transaction_answer(member, objection);
}

bool participants_rig_owes(const ParticipantsRig *rig, const char *label)
{
        return find(rig, label) != NULL;
}

void participants_rig_pass(ParticipantsRig *rig, uint64_t usec)
{
        rig->now_usec += usec;
        if (rig->wake_usec <= rig->now_usec)
                rig_run(&rig->rig);
}
