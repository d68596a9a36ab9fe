/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch publisher
 *
 * Who could read a namespace before a commit is noted before it, for those who watch names: what one
 * could not read is not spoken of to one when it goes. What was declared before is kept here, too,
 * since declarations also change without a commit.
 */

#include "bus/watch-publisher.h"

#include "bus/authorizer.h"
#include "bus/watch-delivery.h"
#include "bus/watch-delta.h"
#include "bus/watch-properties.h"
#include "bus/watch-rights.h"
#include "client/regent-names.h"

struct WatchPublisher {
        BusService *service;
        GHashTable *declarations; /* owned name -> owned Declaration that was told last */
        GHashTable *before;       /* borrowed name -> owned NamespaceAccess, during a commit */
};

/* What is being told of one namespace. */
typedef struct Telling {
        BusService *service;
        const char *name;
        const Namespace *ns;           /* NULL: it is gone */
        const NamespaceAccess *before; /* NULL: it was not there */
        uint64_t revision;
        WatchDelta delta;
        WatchCut cut;
} Telling;

static void telling_init(Telling *telling,
                         WatchPublisher *publisher,
                         const char *name,
                         uint64_t revision)
{
        BusService *service = publisher->service;

        *telling = (Telling){
                .service = service,
                .name = name,
                .ns = state_lookup(service->state, name),
                .before = g_hash_table_lookup(publisher->before, name),
                .revision = revision,
        };
        watch_delta_init(&telling->delta, service->limits);
        watch_cut_init(&telling->cut);
}

static void telling_clear(Telling *telling)
{
        watch_cut_clear(&telling->cut);
        watch_delta_clear(&telling->delta);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Telling, telling_clear)

static void declaration_destroy(gpointer declaration)
{
        declaration_unref(declaration);
}

static void remember_declaration(WatchPublisher *publisher, const char *name, const Namespace *ns)
{
        if (ns && ns->declaration)
                g_hash_table_replace(publisher->declarations, g_strdup(name),
                                     declaration_ref(ns->declaration));
        else
                g_hash_table_remove(publisher->declarations, name);
}

WatchPublisher *watch_publisher_new(BusService *service)
{
        WatchPublisher *publisher = g_new(WatchPublisher, 1);
        GTreeNode *node = g_tree_node_first(state_namespaces(service->state));

        *publisher = (WatchPublisher){
                .service = service,
                .declarations =
                        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, declaration_destroy),
                .before = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free),
        };
        for (; node; node = g_tree_node_next(node)) {
                const Namespace *ns = g_tree_node_value(node);

                remember_declaration(publisher, ns->name, ns);
        }
        return publisher;
}

WatchPublisher *watch_publisher_free(WatchPublisher *publisher)
{
        if (!publisher)
                return NULL;

        g_hash_table_unref(publisher->declarations);
        g_hash_table_unref(publisher->before);
        g_free(publisher);
        return NULL;
}

/* entries, to whoever may read them now */

static void tell_group(Telling *telling, WatchGroup *group)
{
        for (GList *l = group->all.head; l; l = l->next)
                watch_deliver(telling->service, l->data, telling->name, telling->revision,
                              &telling->cut);
}

static void tell_topic(Telling *telling, const WatchTopic *topic)
{
        GHashTableIter iter;
        gpointer group;

        g_hash_table_iter_init(&iter, topic->groups);
        while (g_hash_table_iter_next(&iter, NULL, &group))
                if (watch_delta_cut(&telling->delta, ((WatchGroup *) group)->prefix, &telling->cut))
                        tell_group(telling, group);
}

/* Watches of names have one group a topic. */
static GList *watches_of_names(const WatchTopic *topic)
{
        const WatchGroup *group = g_hash_table_lookup(topic->groups, "");

        return group ? group->all.head : NULL;
}

static void tell_names(void *userdata, WatchTopic *topic)
{
        Telling *telling = userdata;

        for (GList *l = watches_of_names(topic); l; l = l->next) {
                Watch *watch = l->data;

                if (authorizer_may_list(watch->watcher->caller, telling->ns))
                        watch_deliver(telling->service, watch, telling->name, telling->revision,
                                      &telling->cut);
        }
}

static void tell_all_names(Telling *telling)
{
        (void) watch_delta_cut(&telling->delta, "", &telling->cut);
        watches_foreach_covering(telling->service->watches, telling->name, tell_names, telling);
}

static void tell(Telling *telling)
{
        const WatchTopic *topic = watches_topic(telling->service->watches, telling->name);

        watch_delta_complete(&telling->delta);
        if (telling->delta.keys->len == 0)
                return;
        if (topic)
                tell_topic(telling, topic);
        tell_all_names(telling);
}

static void publish_entries(WatchPublisher *publisher,
                            const NamespaceChange *change,
                            uint64_t revision)
{
        const Watches *watches = publisher->service->watches;
        g_auto(Telling) telling = {};

        if (!watches_topic(watches, change->name) && !watches_has_names(watches))
                return;

        telling_init(&telling, publisher, change->name, revision);
        if (telling.ns) {
                watch_delta_add_change(&telling.delta, telling.ns, change);
                tell(&telling);
        }
}

/* namespaces that come, go, or are opened and closed */

static bool could_read(const Telling *telling, const Caller *caller)
{
        return telling->before &&
               authorizer_may_list(caller, &(Namespace){ .access = *telling->before });
}

static bool can_read(const Telling *telling, const Caller *caller)
{
        return telling->ns && authorizer_may_list(caller, telling->ns);
}

static void tell_names_of_access(void *userdata, WatchTopic *topic)
{
        const Telling *telling = userdata;

        for (GList *l = watches_of_names(topic); l; l = l->next) {
                Watch *watch = l->data;
                const Caller *caller = watch->watcher->caller;

                if (could_read(telling, caller) != can_read(telling, caller))
                        watch_deliver_resynchronize(telling->service, watch, telling->name,
                                                    telling->revision);
        }
}

static void end_topic(Telling *telling, const WatchTopic *topic)
{
        g_autoptr(GPtrArray) ended = g_ptr_array_new();
        GHashTableIter iter;
        gpointer group;

        g_hash_table_iter_init(&iter, topic->groups);
        while (g_hash_table_iter_next(&iter, NULL, &group))
                for (GList *l = ((WatchGroup *) group)->all.head; l; l = l->next)
                        g_ptr_array_add(ended, l->data);

        for (guint i = 0; i < ended->len; i++)
                watch_end(telling->service, ended->pdata[i], REGENT_ERROR_NO_SUCH_NAMESPACE);
}

static void publish_access(WatchPublisher *publisher,
                           const NamespaceChange *change,
                           uint64_t revision)
{
        const Watches *watches = publisher->service->watches;
        const WatchTopic *topic = watches_topic(watches, change->name);
        g_auto(Telling) telling = {};

        telling_init(&telling, publisher, change->name, revision);
        if (topic && !telling.ns)
                end_topic(&telling, topic);
        else if (topic)
                watch_rights_review(publisher->service, topic, telling.ns);

        if (change->kind == NAMESPACE_CHANGE_CREATE && telling.ns) {
                watch_delta_add_all(&telling.delta, telling.ns);
                watch_delta_complete(&telling.delta);
                tell_all_names(&telling);
        } else
                watches_foreach_covering(watches, change->name, tell_names_of_access, &telling);
}

void watch_publisher_declared(WatchPublisher *publisher, Namespace *ns)
{
        const Declaration *before = g_hash_table_lookup(publisher->declarations, ns->name);
        g_auto(Telling) telling = {};

        telling_init(&telling, publisher, ns->name, state_revision(publisher->service->state));
        if (before != ns->declaration && !watches_is_empty(publisher->service->watches)) {
                watch_delta_add_defaults(&telling.delta, ns, before);
                tell(&telling);
                watch_properties_invalidate(publisher->service, ns);
        }
        remember_declaration(publisher, ns->name, ns);
}

/* a restored state */

static void tell_topic_to_resynchronize(Telling *telling, const WatchTopic *topic)
{
        GHashTableIter iter;
        gpointer group;

        g_hash_table_iter_init(&iter, topic->groups);
        while (g_hash_table_iter_next(&iter, NULL, &group))
                for (GList *l = ((WatchGroup *) group)->all.head; l; l = l->next)
                        watch_deliver_resynchronize(telling->service, l->data, telling->name,
                                                    telling->revision);
}

static void tell_names_to_resynchronize(void *userdata, WatchTopic *topic)
{
        const Telling *telling = userdata;

        for (GList *l = watches_of_names(topic); l; l = l->next) {
                Watch *watch = l->data;

                /* Once, however many namespaces it is about. */
                if (watch->previous != telling->revision)
                        watch_deliver_resynchronize(telling->service, watch, "", telling->revision);
        }
}

/* Of a namespace there may be several changes: making it or its access, then its entries. */
static void publish_restoration(WatchPublisher *publisher, const Commit *commit)
{
        const Watches *watches = publisher->service->watches;
        const char *last = NULL;

        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];
                const WatchTopic *topic = watches_topic(watches, change->name);
                g_auto(Telling) telling = {};

                if (last && g_str_equal(last, change->name))
                        continue;
                last = change->name;
                telling_init(&telling, publisher, change->name, commit->revision);
                if (topic && !telling.ns)
                        end_topic(&telling, topic);
                else if (topic) {
                        watch_rights_review(publisher->service, topic, telling.ns);
                        /* That may have ended the last of its watches, and it with them. */
                        topic = watches_topic(watches, change->name);
                        if (topic)
                                tell_topic_to_resynchronize(&telling, topic);
                }
                watches_foreach_covering(watches, change->name, tell_names_to_resynchronize,
                                         &telling);
        }
}

/* a commit */

void watch_publisher_applying(WatchPublisher *publisher, const Commit *commit)
{
        const BusService *service = publisher->service;

        if (!watches_has_names(service->watches))
                return;

        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];
                const Namespace *ns = change->kind == NAMESPACE_CHANGE_ENTRIES
                                              ? NULL
                                              : state_lookup(service->state, change->name);

                if (ns)
                        g_hash_table_replace(publisher->before, change->name,
                                             g_memdup2(&ns->access, sizeof ns->access));
        }
}

static void publish(WatchPublisher *publisher, const Commit *commit)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                if (change->kind == NAMESPACE_CHANGE_ENTRIES)
                        publish_entries(publisher, change, commit->revision);
                else
                        publish_access(publisher, change, commit->revision);
        }
}

/* What came into force with the commit, and what went. */
static void note_declarations(WatchPublisher *publisher, const Commit *commit)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];
                Namespace *ns;

                if (change->kind == NAMESPACE_CHANGE_ENTRIES)
                        continue;
                ns = state_lookup(publisher->service->state, change->name);
                if (ns && change->kind == NAMESPACE_CHANGE_ACCESS && commit->source.revision == 0)
                        watch_publisher_declared(publisher, ns);
                else
                        remember_declaration(publisher, change->name, ns);
        }
}

void watch_publisher_applied(WatchPublisher *publisher, const Commit *commit)
{
        if (!watches_is_empty(publisher->service->watches)) {
                if (commit->source.revision > 0)
                        publish_restoration(publisher, commit);
                else
                        publish(publisher, commit);
                g_hash_table_remove_all(publisher->before);
        }
        note_declarations(publisher, commit);
}
