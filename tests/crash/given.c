/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Given
 */

#include "given.h"

#include "core/namespace-places.h"
#include "cut.h"
#include "trial.h"

typedef struct Copying {
        State *to;
        bool has_runtime;
} Copying;

static gboolean copy_namespace(gpointer name, gpointer value, gpointer userdata)
{
        const Namespace *ns = value;
        const Copying *copying = userdata;
        Namespace *twin = state_load_namespace(copying->to, name, &ns->access, ns->created_revision,
                                               ns->revision);
        NamespacePlaces places;
        Entry *entry;

        namespace_places_begin_by_release(&places, ns);
        while ((entry = namespace_places_next(&places)))
                if (copying->has_runtime || entry_is_persistent(entry))
                        state_load_entry(copying->to, twin, entry_ref(entry));
        return FALSE;
}

static State *copy(State *from, bool has_runtime)
{
        Copying copying = { state_new(), has_runtime };

        const GPtrArray *waiting = pending_changes_all(state_pending(from));

        g_tree_foreach(state_namespaces(from), copy_namespace, &copying);
        for (guint i = 0; i < waiting->len; i++)
                state_load_pending(copying.to, waiting->pdata[i]);
        if (state_revision(copying.to) < state_revision(from))
                state_set_revision(copying.to, state_revision(from));
        return copying.to;
}

State *given_state(const Given *given, bool has_runtime)
{
        return copy(given->state, has_runtime);
}

State *given_good(const Given *given)
{
        g_assert(given->good);
        return copy(given->good, false);
}

bool given_good_has(const Given *given, const char *ns_name, const Entry *entry)
{
        const Namespace *ns = given->good ? state_lookup(given->good, ns_name) : NULL;
        const Entry *found = ns ? namespace_lookup(ns, entry_key(entry)) : NULL;

        return found && entry_value_equal(found, entry);
}

static void on_loaded(void *userdata,
                      int r,
                      State *source,
                      const CommitSource *identity G_GNUC_UNUSED)
{
        Given *given = userdata;

        g_assert_cmpint(r, ==, 0);
        given->good = source;
}

static void find(Given *given, Disk *disk, sd_id128_t boot_id)
{
        g_autoptr(Disk) own = cut_process(disk, false);
        Trial trial;
        Finding finding;

        trial_init(&trial);
        finding = trial_begin(&trial, own, boot_id);
        g_assert_cmpint(finding.result, ==, 0);
        given->last_good_revision = finding.last_good_revision;
        given->state = copy(trial.state, true);
        if (finding.last_good_revision > 0)
                store_load_good(trial.store, on_loaded, given);
        while (finding.last_good_revision > 0 && !given->good)
                g_assert_cmpint(sd_event_run(trial.event, UINT64_MAX), >=, 0);
        trial_end(&trial);
        trial_clear(&trial);
}

Given *given_read(const Trace *trace)
{
        g_autoptr(Replay) replay = replay_new();
        Given *given = g_new0(Given, 1);
        sd_id128_t boot_id = SD_ID128_NULL;
        guint begin = trace_begin(trace);

        for (guint i = 0; i < begin; i++) {
                const TraceEvent *event = trace_event(trace, i);

                replay_event(replay, event);
                if (event->kind == TRACE_START)
                        g_assert_cmpint(sd_id128_from_string(trace_payload(event), &boot_id), >=,
                                        0);
        }
        if (begin > 0)
                find(given, replay_disk(replay), boot_id);
        else
                given->state = state_new();
        given->revision = state_revision(given->state);
        return given;
}

Given *given_free(Given *given)
{
        if (!given)
                return NULL;

        state_free(given->state);
        state_free(given->good);
        g_free(given);
        return NULL;
}
