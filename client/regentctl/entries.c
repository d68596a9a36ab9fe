/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries
 *
 * A page is a GetMany with "after" and "limit". How many keys go into one depends on their values,
 * which nobody knows before: the limit shrinks when a reply would be too large, and grows again.
 */

#include "entries.h"

#include "reply.h"

#define PAGE_KEYS_START 2048u
#define PAGE_KEYS_MAX   16384u

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
        if (query->release)
                g_variant_builder_add(&options, "{sv}", "release",
                                      g_variant_new_string(query->release));
        if (query->has_details)
                g_variant_builder_add(&options, "{sv}", "form", g_variant_new_string("entries"));
        return g_variant_new("(@as@a{sv})", g_variant_new_strv(NULL, 0),
                             g_variant_builder_end(&options));
}

/* What is known on the way through a namespace. */
typedef struct Walk {
        Bus *bus;
        const EntriesQuery *query;
        char *after;    /* the last key there was */
        char *last;     /* the last key that was looked at */
        size_t n_taken; /* keys that were looked at */
        guint32 n_limit;
        guint32 n_limit_max; /* sinks where replies were too large */
        BusCall *call;       /* for the next page */
} Walk;

static void walk_clear(Walk *walk)
{
        bus_call_drop(walk->call);
        g_free(walk->after);
        g_free(walk->last);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

static void ask_for_page(Walk *walk)
{
        walk->call = bus_start_namespace(walk->bus, walk->query->ns_name, "GetMany",
                                         page_arguments(walk->query, walk->after, walk->n_limit),
                                         "(a{sv}t)");
}

/* Waits for the page that was asked for; asks again for fewer keys where they were too many. */
static gboolean finish_page(Walk *walk, GVariant **ret_reply, Failure **reterr)
{
        for (;;) {
                g_autoptr(Failure) failure = NULL;

                if (bus_finish(g_steal_pointer(&walk->call), ret_reply, &failure))
                        return TRUE;
                if (!failure_is(failure, FAILURE_LIMITS_EXCEEDED) || walk->n_limit == 1) {
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

/* Whether all keys follow the ones before, and each has what was asked for. */
static gboolean check_entry(
        Walk *walk, const char *before, const char *key, GVariant *value, Failure **reterr)
{
        if (!reply_check_order(before, key, walk->n_taken++, reterr))
                return FALSE;
        if (walk->query->has_details)
                return g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT) || reply_fail(reterr);
        return reply_check_value(value, reterr);
}

static gboolean take_page(
        Walk *walk, GVariant *values, EntriesOnEntry on_entry, void *userdata, Failure **reterr)
{
        GVariantIter iterator;
        const char *before = walk->last;
        GVariant *value;
        const char *key;

        g_variant_iter_init(&iterator, values);
        while (g_variant_iter_next(&iterator, "{&sv}", &key, &value)) {
                gboolean is_taken = check_entry(walk, before, key, value, reterr) &&
                                    on_entry(key, value, userdata, reterr);

                g_variant_unref(value);
                if (!is_taken)
                        return FALSE;
                before = key;
        }
        if (before != walk->last) {
                char *last = g_strdup(before);

                g_free(walk->last);
                walk->last = last;
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
                .last = g_strdup(""),
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
                if (!take_page(&walk, values, on_entry, userdata, reterr))
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
