/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches
 *
 * Prefixes of names are found by looking up each beginning of a name that is as long as some prefix
 * is: there are at most 201 lengths, and mostly one or two are in use.
 */

#include "bus/watches.h"

#include "bus/object-path.h"
#include "bus/watch-rights.h"
#include "bus/watch-withheld.h"
#include "client/regent-names.h"

#include <string.h>

struct Watches {
        BusService *service;
        GHashTable *watchers; /* unique name (in the caller) -> owned Watcher */
        GHashTable *topics;   /* name of a namespace (in the topic) -> owned WatchTopic */
        GHashTable *of_names; /* prefix of names (in the topic) -> owned WatchTopic */
        size_t n_of_length[LIMIT_NAMESPACE_NAME_BYTES + 1]; /* topics in of_names */
        size_t n_watches;
        uint64_t last_number;
};

static void watch_free(gpointer userdata)
{
        Watch *watch = userdata;

        g_clear_pointer(&watch->debts, g_array_unref);
        g_free(watch);
}

static void watcher_free(gpointer userdata)
{
        g_free(userdata);
}

static void group_free(gpointer userdata)
{
        WatchGroup *group = userdata;

        g_free(group->prefix);
        g_free(group);
}

static void topic_free(gpointer userdata)
{
        WatchTopic *topic = userdata;

        g_hash_table_unref(topic->groups);
        g_free(topic->path);
        g_free(topic->name);
        g_free(topic);
}

Watches *watches_new(BusService *service)
{
        Watches *watches = g_new(Watches, 1);

        *watches = (Watches){
                .service = service,
                .watchers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, watcher_free),
                .topics = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, topic_free),
                .of_names = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, topic_free),
        };
        return watches;
}

Watches *watches_free(Watches *watches)
{
        GHashTableIter iter;
        gpointer name;

        if (!watches)
                return NULL;

        while (g_hash_table_size(watches->watchers) > 0) {
                g_hash_table_iter_init(&iter, watches->watchers);
                (void) g_hash_table_iter_next(&iter, &name, NULL);
                watches_forget(watches, name);
        }

        g_hash_table_unref(watches->watchers);
        g_hash_table_unref(watches->topics);
        g_hash_table_unref(watches->of_names);
        g_free(watches);
        return NULL;
}

bool watches_is_empty(const Watches *watches)
{
        return watches->n_watches == 0;
}

size_t watches_count(const Watches *watches)
{
        return watches->n_watches;
}

bool watches_may_add(const Watches *watches, const Caller *caller, const char **ret_whose)
{
        const Limits *limits = watches->service->limits;
        const Watcher *watcher = watches_watcher(watches, caller->name);

        *ret_whose = "This connection has";
        if (watcher && watcher->all.length >= limits->connection_watches)
                return false;

        *ret_whose = "This user has";
        if (!accounts_may_charge(state_accounts(watches->service->state), caller->uid,
                                 ACCOUNT_WATCHES, 1, limits->uid_watches))
                return false;

        *ret_whose = "All connections together have";
        return watches->n_watches < limits->watches;
}

uint64_t watches_next_number(const Watches *watches)
{
        return watches->last_number + 1;
}

static Watcher *watcher_of(Watches *watches, Caller *caller)
{
        Watcher *watcher = watches_watcher(watches, caller->name);

        if (watcher)
                return watcher;

        watcher = g_new(Watcher, 1);
        *watcher = (Watcher){ .watches = watches, .caller = caller };
        g_hash_table_insert(watches->watchers, caller->name, watcher);
        return watcher;
}

static WatchTopic *topic_of(Watches *watches, bool is_of_names, const char *name)
{
        GHashTable *table = is_of_names ? watches->of_names : watches->topics;
        WatchTopic *topic = g_hash_table_lookup(table, name);

        if (topic)
                return topic;

        topic = g_new(WatchTopic, 1);
        *topic = (WatchTopic){
                .is_of_names = is_of_names,
                .name = g_strdup(name),
                .path = is_of_names ? g_strdup(REGENT_PATH) : object_path_of_namespace(name),
                .groups = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, group_free),
        };
        g_hash_table_insert(table, topic->name, topic);
        if (is_of_names)
                watches->n_of_length[strlen(name)]++;
        return topic;
}

static WatchGroup *group_of(WatchTopic *topic, const char *prefix)
{
        WatchGroup *group = g_hash_table_lookup(topic->groups, prefix);

        if (group)
                return group;

        group = g_new(WatchGroup, 1);
        *group = (WatchGroup){ .topic = topic, .prefix = g_strdup(prefix) };
        g_hash_table_insert(topic->groups, group->prefix, group);
        return group;
}

Watch *watches_add(
        Watches *watches, Caller *caller, bool is_of_names, const char *name, const char *prefix)
{
        Watch *watch = g_new(Watch, 1);

        *watch = (Watch){
                .watcher = watcher_of(watches, caller),
                .group = group_of(topic_of(watches, is_of_names, name), prefix),
                .number = ++watches->last_number,
        };
        watch->in_watcher.data = watch;
        watch->in_group.data = watch;
        g_queue_push_tail_link(&watch->watcher->all, &watch->in_watcher);
        g_queue_push_tail_link(&watch->group->all, &watch->in_group);
        watch->group->topic->n_watches++;
        watches->n_watches++;
        accounts_charge(state_accounts(watches->service->state), caller->uid, ACCOUNT_WATCHES, 1);
        return watch;
}

static void remove_topic(Watches *watches, WatchTopic *topic)
{
        if (topic->is_of_names)
                watches->n_of_length[strlen(topic->name)]--;
        g_hash_table_remove(topic->is_of_names ? watches->of_names : watches->topics, topic->name);
}

void watches_remove(Watch *watch)
{
        Watcher *watcher = watch->watcher;
        Watches *watches = watcher->watches;
        WatchGroup *group = watch->group;
        WatchTopic *topic = group->topic;

        accounts_discharge(state_accounts(watches->service->state), watcher->caller->uid,
                           ACCOUNT_WATCHES, 1);
        watches->n_watches--;
        topic->n_watches--;
        g_queue_unlink(&group->all, &watch->in_group);
        g_queue_unlink(&watcher->all, &watch->in_watcher);
        watch_free(watch);
        if (!topic->is_of_names)
                watch_rights_note_removed(watches->service, watcher, topic->name);

        if (group->all.length == 0) {
                g_hash_table_remove(topic->groups, group->prefix);
                if (g_hash_table_size(topic->groups) == 0)
                        remove_topic(watches, topic);
        }
        if (watcher->all.length > 0)
                return;
        watch_withheld_forget(watches->service, watcher);
        watch_rights_forget(watches->service, watcher);
        watcher->missed = watch_missed_free(watcher->missed);
        g_hash_table_remove(watches->watchers, watcher->caller->name);
}

Watch *watches_find(const Watches *watches,
                    const char *sender,
                    bool is_of_names,
                    const char *name,
                    uint64_t number)
{
        const Watcher *watcher = watches_watcher(watches, sender);

        for (GList *l = watcher ? watcher->all.head : NULL; l; l = l->next) {
                Watch *watch = l->data;
                const WatchTopic *topic = watch->group->topic;

                if (watch->number == number)
                        return topic->is_of_names == is_of_names &&
                                               (is_of_names || strcmp(topic->name, name) == 0)
                                       ? watch
                                       : NULL;
        }

        return NULL;
}

void watches_forget(Watches *watches, const char *sender)
{
        const Watcher *watcher = watches_watcher(watches, sender);

        for (size_t n = watcher ? watcher->all.length : 0; n > 0; n--)
                watches_remove(watcher->all.head->data);
}

Watcher *watches_watcher(const Watches *watches, const char *sender)
{
        return g_hash_table_lookup(watches->watchers, sender);
}

GHashTable *watches_watchers(const Watches *watches)
{
        return watches->watchers;
}

WatchTopic *watches_topic(const Watches *watches, const char *name)
{
        return g_hash_table_lookup(watches->topics, name);
}

bool watches_has_names(const Watches *watches)
{
        return g_hash_table_size(watches->of_names) > 0;
}

void watches_foreach_covering(const Watches *watches,
                              const char *name,
                              void (*on_topic)(void *userdata, WatchTopic *topic),
                              void *userdata)
{
        char beginning[LIMIT_NAMESPACE_NAME_BYTES + 1];
        size_t length = strlen(name);

        if (!watches_has_names(watches))
                return;

        g_assert(length < sizeof beginning);
        memcpy(beginning, name, length + 1);
        for (size_t i = length + 1; i-- > 0;) {
                WatchTopic *topic;

                beginning[i] = '\0';
                topic = watches->n_of_length[i] > 0
                                ? g_hash_table_lookup(watches->of_names, beginning)
                                : NULL;
                if (topic)
                        on_topic(userdata, topic);
        }
}

static void add_weight(void *userdata, WatchTopic *topic)
{
        *(uint64_t *) userdata += topic->n_watches;
}

uint64_t watches_weigh(const Watches *watches, const char *name)
{
        const WatchTopic *topic;
        uint64_t weight = 0;

        if (watches_is_empty(watches))
                return 0;

        topic = watches_topic(watches, name);
        watches_foreach_covering(watches, name, add_weight, &weight);
        return weight + (topic ? topic->n_watches : 0);
}

const char *watch_state_name(const Watch *watch)
{
        static const char *const names[] = {
                [WATCH_LIVE] = "live",
                [WATCH_WITHHELD] = "withheld",
                [WATCH_STOPPED] = "stopped",
        };

        return names[watch->state];
}
