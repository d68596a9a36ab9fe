/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sessions
 *
 * A session is there as long as it has a key or a way back names it, and forgotten with the last of
 * these. So nothing is kept of connections that have gone.
 */

#include "core/sessions.h"

#include <string.h>

typedef struct Session {
        char *text;
        GTree *namespaces; /* owned name -> owned GTree: key (in the entry) -> borrowed Entry */
        uint64_t n_keys;
        uint64_t n_ways_back; /* entries of ways back that name it */
        bool is_gone;
} Session;

struct Sessions {
        GHashTable *by_text; /* text (in the session) -> owned Session */
        uint64_t n_keys;
        uint64_t n_with_keys;
};

static int compare(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

static void tree_destroy(gpointer tree)
{
        g_tree_unref(tree);
}

static void session_free(gpointer userdata)
{
        Session *session = userdata;

        g_tree_unref(session->namespaces);
        g_free(session->text);
        g_free(session);
}

Sessions *sessions_new(void)
{
        Sessions *sessions = g_new(Sessions, 1);

        *sessions = (Sessions){
                .by_text = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, session_free),
        };
        return sessions;
}

Sessions *sessions_free(Sessions *sessions)
{
        if (!sessions)
                return NULL;

        g_hash_table_unref(sessions->by_text);
        g_free(sessions);
        return NULL;
}

static Session *find(const Sessions *sessions, const char *text)
{
        return g_hash_table_lookup(sessions->by_text, text);
}

static Session *get(Sessions *sessions, const char *text)
{
        Session *session = find(sessions, text);

        if (session)
                return session;

        session = g_new(Session, 1);
        *session = (Session){
                .text = g_strdup(text),
                .namespaces = g_tree_new_full(compare, NULL, g_free, tree_destroy),
        };
        g_hash_table_insert(sessions->by_text, session->text, session);
        return session;
}

static void count(Sessions *sessions, Session *session, uint64_t n_more)
{
        bool had_keys = session->n_keys > 0;

        session->n_keys += n_more;
        sessions->n_keys += n_more;
        sessions->n_with_keys += (uint64_t) (session->n_keys > 0) - (uint64_t) had_keys;
}

static bool is_over(const Session *session)
{
        return session->n_keys == 0 && session->n_ways_back == 0;
}

static void forget_if_over(Sessions *sessions, Session *session)
{
        if (is_over(session))
                g_hash_table_remove(sessions->by_text, session->text);
}

void sessions_add(Sessions *sessions, const char *name, Entry *entry)
{
        Session *session;
        GTree *entries;

        if (entry->class != ENTRY_SESSION)
                return;

        session = get(sessions, entry_session(entry));
        entries = g_tree_lookup(session->namespaces, name);
        if (!entries) {
                entries = g_tree_new_full(compare, NULL, NULL, NULL);
                g_tree_insert(session->namespaces, g_strdup(name), entries);
        }
        g_tree_insert(entries, entry->text, entry);
        count(sessions, session, 1);
}

void sessions_remove(Sessions *sessions, const char *name, const Entry *entry)
{
        Session *session;
        GTree *entries;

        if (entry->class != ENTRY_SESSION)
                return;

        session = find(sessions, entry_session(entry));
        entries = g_tree_lookup(session->namespaces, name);
        g_tree_remove(entries, entry_key(entry));
        if (g_tree_nnodes(entries) == 0)
                g_tree_remove(session->namespaces, name);
        count(sessions, session, UINT64_MAX);
        forget_if_over(sessions, session);
}

void sessions_remove_namespace(Sessions *sessions, const char *name)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, sessions->by_text);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Session *session = value;
                GTree *entries = g_tree_lookup(session->namespaces, name);

                if (!entries)
                        continue;
                count(sessions, session, (uint64_t) 0 - (uint64_t) g_tree_nnodes(entries));
                g_tree_remove(session->namespaces, name);
                if (is_over(session))
                        g_hash_table_iter_remove(&iter);
        }
}

static void count_ways_back(Sessions *sessions, const PendingChange *change, uint64_t n_more)
{
        for (guint i = 0; i < change->ways_back->len; i++) {
                const WayBack *way_back = change->ways_back->pdata[i];

                for (guint j = 0; j < way_back->entries->len; j++) {
                        const char *text = entry_session(way_back->entries->pdata[j]);
                        Session *session;

                        if (!*text)
                                continue;
                        session = get(sessions, text);
                        session->n_ways_back += n_more;
                        forget_if_over(sessions, session);
                }
        }
}

void sessions_add_ways_back(Sessions *sessions, const PendingChange *change)
{
        count_ways_back(sessions, change, 1);
}

void sessions_remove_ways_back(Sessions *sessions, const PendingChange *change)
{
        count_ways_back(sessions, change, UINT64_MAX);
}

bool sessions_has(const Sessions *sessions, const char *session)
{
        return find(sessions, session);
}

uint64_t sessions_n_keys(const Sessions *sessions, const char *session)
{
        const Session *found = find(sessions, session);

        return found ? found->n_keys : 0;
}

uint64_t sessions_n_keys_of_all(const Sessions *sessions)
{
        return sessions->n_keys;
}

uint64_t sessions_count(const Sessions *sessions)
{
        return sessions->n_with_keys;
}

GPtrArray *sessions_list(const Sessions *sessions)
{
        GPtrArray *list = g_ptr_array_new();
        GHashTableIter iter;
        gpointer text;

        g_hash_table_iter_init(&iter, sessions->by_text);
        while (g_hash_table_iter_next(&iter, &text, NULL))
                g_ptr_array_add(list, text);
        return list;
}

void sessions_mark_gone(Sessions *sessions, const char *session)
{
        Session *found = find(sessions, session);

        if (found)
                found->is_gone = true;
}

bool sessions_is_gone(const Sessions *sessions, const char *session)
{
        const Session *found = find(sessions, session);

        return found && found->is_gone;
}

void sessions_walk(const Sessions *sessions,
                   const char *session,
                   SessionsOnEntry on_entry,
                   void *userdata)
{
        const Session *found = find(sessions, session);
        GTreeNode *ns = found ? g_tree_node_first(found->namespaces) : NULL;

        for (; ns; ns = g_tree_node_next(ns)) {
                GTreeNode *node = g_tree_node_first(g_tree_node_value(ns));

                for (; node; node = g_tree_node_next(node))
                        on_entry(userdata, g_tree_node_key(ns), g_tree_node_value(node));
        }
}
