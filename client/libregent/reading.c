/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading
 *
 * How many keys go into a page depends on their values, which nobody knows before: the limit shrinks when a reply would
 * be too large, and grows again.
 */

#include "reading.h"

#include <errno.h>
#include <string.h>

#define PAGE_KEYS_START 2048u
#define PAGE_KEYS_MAX   16384u
#define PAGE_NAMES      2048u

struct Reading {
        Regent *regent;
        Snapshot *snapshot;
        ReadingOnDone on_done;
        void *userdata;
        RegentCall *call;
        char *ns_prefix;  /* while their names are listed */
        GPtrArray *names; /* of namespaces */
        guint n_read;     /* of them */
        char *prefix;     /* of keys */
        char *after;      /* the last key that was read of the present one */
        uint32_t n_limit;
        uint32_t n_limit_max;
        bool is_strict; /* all must be there */
};

Reading *reading_new(Regent *regent, Snapshot *snapshot, ReadingOnDone on_done, void *userdata)
{
        Reading *reading = g_new0(Reading, 1);

        reading->regent = regent;
        reading->snapshot = snapshot;
        reading->on_done = on_done;
        reading->userdata = userdata;
        reading->names = g_ptr_array_new_with_free_func(g_free);
        reading->n_limit = PAGE_KEYS_START;
        reading->n_limit_max = PAGE_KEYS_MAX;
        return reading;
}

Reading *reading_free(Reading *reading)
{
        if (!reading)
                return NULL;

        regent_call_cancel(reading->call);
        g_ptr_array_unref(reading->names);
        g_free(reading->ns_prefix);
        g_free(reading->prefix);
        g_free(reading->after);
        g_free(reading);
        return NULL;
}

void reading_set_one(Reading *reading, const char *ns_name, const char *prefix)
{
        reading_add(reading, ns_name);
        reading->prefix = g_strdup(prefix);
        reading->is_strict = true;
}

void reading_add(Reading *reading, const char *ns_name)
{
        g_ptr_array_add(reading->names, g_strdup(ns_name));
}

void reading_set_all(Reading *reading, const char *ns_prefix)
{
        reading->ns_prefix = g_strdup(ns_prefix);
}

static void finish(Reading *reading, int r)
{
        reading->on_done(r, reading->userdata);
}

static void on_page(Regent *regent, int r, GVariant *reply, void *userdata);

static GVariant *page_arguments(const Reading *reading)
{
        GVariantBuilder options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        g_variant_builder_add(&options, "{sv}", "limit", g_variant_new_uint32(reading->n_limit));
        if (reading->after)
                g_variant_builder_add(&options, "{sv}", "after",
                                      g_variant_new_string(reading->after));
        if (reading->prefix && *reading->prefix != '\0')
                g_variant_builder_add(&options, "{sv}", "prefix",
                                      g_variant_new_string(reading->prefix));
        return g_variant_new("(@as@a{sv})", g_variant_new_strv(NULL, 0),
                             g_variant_builder_end(&options));
}

static int ask_for_page(Reading *reading)
{
        char path[NAMESPACE_PATH_SIZE];
        CallSpec spec = {
                .path = path,
                .interface_name = REGENT_NAMESPACE_INTERFACE,
                .member = "GetMany",
                .reply_type = "(a{sv}t)",
        };
        int r;

        r = text_namespace_path(reading->regent, reading->names->pdata[reading->n_read], path);
        if (r < 0)
                return r;

        spec.arguments = page_arguments(reading);
        return call_start(reading->regent, &spec, on_page, reading, &reading->call);
}

/* 1: there is no more. */
static int ask_for_next(Reading *reading)
{
        const char *ns_name;

        if (reading->n_read == reading->names->len)
                return 1;

        ns_name = reading->names->pdata[reading->n_read];
        if (!reading->after) {
                snapshot_drop(reading->snapshot, ns_name);
                snapshot_change(reading->snapshot, ns_name, NULL, NULL);
        }
        return ask_for_page(reading);
}

static void end_namespace(Reading *reading)
{
        reading->n_read++;
        g_clear_pointer(&reading->after, g_free);
}

static int fail_order(Reading *reading)
{
        return error_set(reading->regent, -EBADMSG, SD_BUS_ERROR_INCONSISTENT_MESSAGE,
                         "What is listed is not in order");
}

static int take_page(Reading *reading, GVariant *reply)
{
        g_autoptr(GVariant) values = g_variant_get_child_value(reply, 0);
        gsize n_values = g_variant_n_children(values);
        g_autoptr(GVariant) last = NULL;
        const char *key;

        snapshot_change(reading->snapshot, reading->names->pdata[reading->n_read], values, NULL);
        if (n_values < reading->n_limit) {
                end_namespace(reading);
                return 0;
        }

        last = g_variant_get_child_value(values, n_values - 1);
        g_variant_get_child(last, 0, "&s", &key);
        if (reading->after && strcmp(reading->after, key) >= 0)
                return fail_order(reading);

        g_free(reading->after);
        reading->after = g_strdup(key);
        reading->n_limit = MIN(2 * reading->n_limit, reading->n_limit_max);
        return 0;
}

/* Whether what failed with @r is dealt with. */
static bool take_failure(Reading *reading, int r)
{
        const char *name = regent_error_name(reading->regent);

        if (g_strcmp0(name, SD_BUS_ERROR_LIMITS_EXCEEDED) == 0 && reading->n_limit > 1) {
                reading->n_limit_max = MAX(reading->n_limit / 2, 1);
                reading->n_limit = MAX(reading->n_limit / 8, 1);
                return true;
        }
        if (reading->is_strict ||
            (g_strcmp0(name, REGENT_ERROR_NO_SUCH_NAMESPACE) != 0 && r != -EACCES))
                return false;

        /* It went meanwhile. */
        snapshot_drop(reading->snapshot, reading->names->pdata[reading->n_read]);
        end_namespace(reading);
        return true;
}

static void on_page(Regent *regent, int r, GVariant *reply, void *userdata)
{
        Reading *reading = userdata;

        (void) regent;

        reading->call = NULL;
        if (r >= 0)
                r = take_page(reading, reply);
        else if (take_failure(reading, r))
                r = 0;
        if (r >= 0)
                r = ask_for_next(reading);
        if (r != 0)
                finish(reading, MIN(r, 0));
}

static int ask_for_names(Reading *reading);

static int take_names(Reading *reading, GVariant *reply)
{
        g_autoptr(GVariant) names = g_variant_get_child_value(reply, 0);
        GVariantIter iterator;
        const char *name;
        gsize n_names = g_variant_iter_init(&iterator, names);

        while (g_variant_iter_next(&iterator, "&s", &name)) {
                guint n = reading->names->len;

                if (n > 0 && strcmp(reading->names->pdata[n - 1], name) >= 0)
                        return fail_order(reading);
                reading_add(reading, name);
        }

        return n_names < PAGE_NAMES ? ask_for_next(reading) : ask_for_names(reading);
}

static void on_names(Regent *regent, int r, GVariant *reply, void *userdata)
{
        Reading *reading = userdata;

        (void) regent;

        reading->call = NULL;
        if (r >= 0)
                r = take_names(reading, reply);
        if (r != 0)
                finish(reading, MIN(r, 0));
}

static int ask_for_names(Reading *reading)
{
        const GPtrArray *names = reading->names;
        const char *after = names->len > 0 ? names->pdata[names->len - 1] : "";
        CallSpec spec = {
                .path = REGENT_PATH,
                .interface_name = REGENT_MANAGER_INTERFACE,
                .member = "ListNamespaces",
                .arguments = g_variant_new("(ssu)", reading->ns_prefix, after, PAGE_NAMES),
                .reply_type = "(as)",
        };

        return call_start(reading->regent, &spec, on_names, reading, &reading->call);
}

int reading_start(Reading *reading)
{
        return reading->ns_prefix ? ask_for_names(reading) : ask_for_next(reading);
}
