/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Notices
 */

#include "notices.h"

#include <string.h>

struct Notices {
        GQueue queue;
};

Notices *notices_new(void)
{
        Notices *notices = g_new0(Notices, 1);

        g_queue_init(&notices->queue);
        return notices;
}

Notice *notice_free(Notice *notice)
{
        if (!notice)
                return NULL;

        g_hash_table_unref(notice->changed);
        g_hash_table_unref(notice->read);
        g_free(notice->ns_name);
        g_free(notice);
        return NULL;
}

Notices *notices_free(Notices *notices)
{
        Notice *notice;

        if (!notices)
                return NULL;

        while ((notice = notices_pop(notices)))
                notice_free(notice);
        g_free(notices);
        return NULL;
}

static void unref_value(gpointer value)
{
        g_variant_unref(value);
}

void notices_add(Notices *notices,
                 const char *ns_name,
                 GVariant *changed,
                 const char *const *invalidated)
{
        Notice *notice = g_new0(Notice, 1);
        GVariantIter iterator;
        GVariant *value;
        char *key;

        notice->ns_name = g_strdup(ns_name);
        notice->changed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_value);
        notice->read = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_variant_iter_init(&iterator, changed);
        while (g_variant_iter_next(&iterator, "{sv}", &key, &value))
                g_hash_table_insert(notice->changed, key, value);
        for (; *invalidated; invalidated++)
                g_hash_table_add(notice->read, g_strdup(*invalidated));
        g_queue_push_tail(&notices->queue, notice);
}

Notice *notices_pop(Notices *notices)
{
        return g_queue_pop_head(&notices->queue);
}

void notices_forget(Notices *notices, const char *ns_name, const char *key)
{
        for (GList *at = notices->queue.head; at; at = at->next) {
                Notice *notice = at->data;

                if (strcmp(notice->ns_name, ns_name) != 0)
                        continue;
                g_hash_table_remove(notice->changed, key);
                g_hash_table_remove(notice->read, key);
        }
}

void notices_distrust(Notices *notices, const char *ns_name)
{
        for (GList *at = notices->queue.head; at; at = at->next) {
                Notice *notice = at->data;
                GHashTableIter iterator;
                gpointer key;

                if (strcmp(notice->ns_name, ns_name) != 0)
                        continue;
                g_hash_table_iter_init(&iterator, notice->changed);
                while (g_hash_table_iter_next(&iterator, &key, NULL))
                        g_hash_table_add(notice->read, g_strdup(key));
                g_hash_table_remove_all(notice->changed);
        }
}
