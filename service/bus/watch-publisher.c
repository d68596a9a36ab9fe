/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch publisher
 */

#include "bus/watch-publisher.h"

#include "bus/authorizer.h"
#include "bus/watch-delivery.h"
#include "client/regent-names.h"

/* What is being told of one namespace. */
typedef struct Telling {
        BusService *service;
        const Namespace *ns;
        uint64_t revision;
        WatchDelta delta;
        WatchCut cut;
} Telling;

static void tell_group(Telling *telling, WatchGroup *group)
{
        const char *name = telling->ns->name;

        for (GList *l = group->all.head; l; l = l->next)
                watch_deliver(telling->service, l->data, name, telling->revision, &telling->cut);
}

static void tell_topic(Telling *telling, WatchTopic *topic)
{
        GHashTableIter iter;
        gpointer group;

        g_hash_table_iter_init(&iter, topic->groups);
        while (g_hash_table_iter_next(&iter, NULL, &group))
                if (watch_delta_cut(&telling->delta, ((WatchGroup *) group)->prefix, &telling->cut))
                        tell_group(telling, group);
}

static void publish_entries(BusService *service,
                            const NamespaceChange *change,
                            uint64_t revision)
{
        const Namespace *ns = state_lookup(service->state, change->name);
        WatchTopic *topic = watches_topic(service->watches, change->name);
        Telling telling = { service, ns, revision, {}, {} };

        if (!ns || !topic)
                return;

        watch_delta_init(&telling.delta, service->limits);
        watch_cut_init(&telling.cut);
        watch_delta_add_change(&telling.delta, ns, change);
        watch_delta_complete(&telling.delta);
        tell_topic(&telling, topic);
        watch_cut_clear(&telling.cut);
        watch_delta_clear(&telling.delta);
}

void watch_publisher_applying(BusService *service G_GNUC_UNUSED,
                              const Commit *commit G_GNUC_UNUSED)
{
}

void watch_publisher_applied(BusService *service, const Commit *commit)
{
        if (watches_is_empty(service->watches))
                return;

        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                if (change->kind == NAMESPACE_CHANGE_ENTRIES)
                        publish_entries(service, change, commit->revision);
        }
}
