/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries
 *
 * A page is a GetMany with "after" and "limit". How many keys go into one depends on their values,
 * which nobody knows before: the limit shrinks when a reply would be too large, and grows again.
 */

#include "entries.h"

#include <string.h>

#define PAGE_KEYS_START 2048u
#define PAGE_KEYS_MAX   16384u
/* Of keys alone, which have at most 255 bytes */
#define LIST_PAGE_KEYS  4096u
#define LIMITS_EXCEEDED "org.freedesktop.DBus.Error.LimitsExceeded"

static GVariant *page_arguments(const EntriesQuery *query, const char *after, guint32 n_limit)
{
        GVariantBuilder options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        g_variant_builder_add(&options, "{sv}", "limit", g_variant_new_uint32(n_limit));
        if (*after)
                g_variant_builder_add(&options, "{sv}", "after", g_variant_new_string(after));
        if (query->prefix && *query->prefix)
                g_variant_builder_add(&options, "{sv}", "prefix",
                                      g_variant_new_string(query->prefix));
        if (query->only)
                g_variant_builder_add(&options, "{sv}", "only", g_variant_new_string(query->only));
        if (query->has_details)
                g_variant_builder_add(&options, "{sv}", "form", g_variant_new_string("entries"));
        return g_variant_new("(@as@a{sv})", g_variant_new_strv(NULL, 0),
                             g_variant_builder_end(&options));
}

/* What is known on the way through a namespace. */
typedef struct Walk {
        Bus *bus;
        const EntriesQuery *query;
        char *after; /* the last key there was */
        guint32 n_limit;
        guint32 n_limit_max; /* sinks where replies were too large */
        BusCall *call;       /* for the next page */
} Walk;

static void walk_clear(Walk *walk)
{
        bus_call_drop(walk->call);
        g_free(walk->after);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

static void ask_for_page(Walk *walk)
{
        walk->call = bus_start_namespace(walk->bus, walk->query->ns_name, "GetMany",
                                         page_arguments(walk->query, walk->after, walk->n_limit),
                                         "(a{sv}t)");
}

static bool is_too_large(const Failure *failure)
{
        return failure->error_name && strcmp(failure->error_name, LIMITS_EXCEEDED) == 0;
}

/* Waits for the page that was asked for; asks again for fewer keys where they were too many. */
static gboolean finish_page(Walk *walk, GVariant **ret_reply, Failure **reterr)
{
        for (;;) {
                g_autoptr(Failure) failure = NULL;

                if (bus_finish(g_steal_pointer(&walk->call), ret_reply, &failure))
                        return TRUE;
                if (!is_too_large(failure) || walk->n_limit == 1) {
                        *reterr = g_steal_pointer(&failure);
                        return FALSE;
                }
                walk->n_limit_max = MAX(walk->n_limit / 2, 1);
                walk->n_limit = MAX(walk->n_limit / 8, 1);
                ask_for_page(walk);
        }
}

/* Asks for the page after this one, if there is one: regentd is at work on it while this one is looked at. */
static void ask_for_next(Walk *walk, GVariant *values)
{
        gsize n_values = g_variant_n_children(values);
        g_autoptr(GVariant) last = NULL;

        if (n_values < walk->n_limit)
                return;

        last = g_variant_get_child_value(values, n_values - 1);
        g_clear_pointer(&walk->after, g_free);
        g_variant_get_child(last, 0, "s", &walk->after);
        walk->n_limit = MIN(2 * walk->n_limit, walk->n_limit_max);
        ask_for_page(walk);
}

static gboolean take_page(GVariant *values,
                          EntriesOnEntry on_entry,
                          void *userdata,
                          Failure **reterr)
{
        GVariantIter iterator;
        GVariant *value;
        const char *key;

        g_variant_iter_init(&iterator, values);
        while (g_variant_iter_next(&iterator, "{&sv}", &key, &value)) {
                gboolean is_taken = on_entry(key, value, userdata, reterr);

                g_variant_unref(value);
                if (!is_taken)
                        return FALSE;
        }
        return TRUE;
}

gboolean entries_read(Bus *bus,
                      const EntriesQuery *query,
                      EntriesOnEntry on_entry,
                      void *userdata,
                      uint64_t *ret_revision,
                      bool *ret_is_torn,
                      Failure **reterr)
{
        g_auto(Walk) walk = {
                .bus = bus,
                .query = query,
                .after = g_strdup(""),
                .n_limit = PAGE_KEYS_START,
                .n_limit_max = PAGE_KEYS_MAX,
        };
        uint64_t first_revision = 0;
        bool is_torn = false, is_first = true;

        ask_for_page(&walk);
        while (walk.call) {
                g_autoptr(GVariant) reply = NULL;
                g_autoptr(GVariant) values = NULL;
                guint64 revision = 0;

                if (!finish_page(&walk, &reply, reterr))
                        return FALSE;
                g_variant_get(reply, "(@a{sv}t)", &values, &revision);
                ask_for_next(&walk, values);
                if (!take_page(values, on_entry, userdata, reterr))
                        return FALSE;

                is_torn = is_torn || (!is_first && revision != first_revision);
                first_revision = is_first ? revision : first_revision;
                is_first = false;
        }
        if (ret_revision)
                *ret_revision = first_revision;
        if (ret_is_torn)
                *ret_is_torn = is_torn;
        return TRUE;
}

gboolean entries_list(
        Bus *bus, const char *ns_name, const char *prefix, GPtrArray **ret_keys, Failure **reterr)
{
        g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
        gsize n_page = LIST_PAGE_KEYS;

        while (n_page == LIST_PAGE_KEYS) {
                g_autoptr(GVariant) reply = NULL;
                g_autoptr(GVariant) page = NULL;
                const char *after = keys->len > 0 ? keys->pdata[keys->len - 1] : "";
                GVariant *arguments =
                        g_variant_new("(ssu)", prefix ? prefix : "", after, LIST_PAGE_KEYS);
                GVariantIter iterator;
                char *key;

                if (!bus_call_namespace(bus, ns_name, "List", arguments, "(ast)", &reply, reterr))
                        return FALSE;
                page = g_variant_get_child_value(reply, 0);
                n_page = g_variant_iter_init(&iterator, page);
                while (g_variant_iter_next(&iterator, "s", &key))
                        g_ptr_array_add(keys, key);
        }
        *ret_keys = g_steal_pointer(&keys);
        return TRUE;
}
