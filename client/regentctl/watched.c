/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watched
 */

#include "watched.h"

#include <string.h>

static void free_watched(gpointer userdata)
{
        Watched *watched = userdata;

        fingerprints_free(watched->keys);
        g_free(watched->name);
        g_free(watched);
}

GPtrArray *watched_list_new(void)
{
        return g_ptr_array_new_with_free_func(free_watched);
}

Watched *watched_find(const GPtrArray *list, const char *ns_name)
{
        for (guint i = 0; i < list->len; i++) {
                Watched *watched = list->pdata[i];

                if (strcmp(watched->name, ns_name) == 0)
                        return watched;
        }
        return NULL;
}

Watched *watched_add(GPtrArray *list, const char *ns_name)
{
        Watched *watched = g_new0(Watched, 1);

        watched->name = g_strdup(ns_name);
        watched->keys = fingerprints_new();
        watched->must_read = true;
        g_ptr_array_add(list, watched);
        return watched;
}

void watched_lose(Watched *watched)
{
        watched->is_there = false;
        watched->is_announced = false;
        fingerprints_free(watched->keys);
        watched->keys = fingerprints_new();
}
