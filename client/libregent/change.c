/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of several keys
 *
 * Kept apart by namespace and key, so that what is said last of a key counts, and made a message of when it is
 * applied. What is wrong with it is found at once, and told then.
 */

#include "change-private.h"

#include <errno.h>

static void value_free(void *value)
{
        if (value)
                g_variant_unref(value);
}

static void part_free(void *userdata)
{
        Part *part = userdata;

        g_hash_table_unref(part->values);
        g_clear_pointer(&part->expected, g_hash_table_unref);
        g_clear_pointer(&part->classes, g_hash_table_unref);
        g_free(part->class_name);
        g_free(part->release);
        g_free(part);
}

static GHashTable *table_new(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, value_free);
}

static void insert(GHashTable **table, const char *key, GVariant *value)
{
        if (!*table)
                *table = table_new();
        g_hash_table_insert(*table, g_strdup(key), g_variant_ref_sink(value));
}

static Part *part_new(void)
{
        Part *part = g_new0(Part, 1);

        part->values = table_new();
        return part;
}

RegentChange *regent_change_new(void)
{
        RegentChange *change = g_new0(RegentChange, 1);

        change->parts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, part_free);
        return change;
}

RegentChange *regent_change_free(RegentChange *change)
{
        if (!change)
                return NULL;

        g_hash_table_unref(change->parts);
        g_free(change->class_name);
        g_free(change->reason);
        g_free(change);
        return NULL;
}

static bool is_text(RegentChange *change, const char *text, const char *failure)
{
        if (text && g_utf8_validate(text, -1, NULL))
                return true;

        change->failure = failure;
        return false;
}

static Part *part_of(RegentChange *change, const char *ns_name)
{
        Part *part;

        if (!is_text(change, ns_name, "The name of a namespace is missing, or is not UTF-8"))
                return NULL;

        part = g_hash_table_lookup(change->parts, ns_name);
        if (!part) {
                part = part_new();
                g_hash_table_insert(change->parts, g_strdup(ns_name), part);
        }
        return part;
}

static Part *part_of_key(RegentChange *change, const char *ns_name, const char *key)
{
        return is_text(change, key, "A key is missing, or is not UTF-8") ? part_of(change, ns_name)
                                                                         : NULL;
}

void regent_change_set(RegentChange *change, const char *ns_name, const char *key, GVariant *value)
{
        g_autoptr(GVariant) owned = value ? g_variant_ref_sink(value) : NULL;
        Part *part = part_of_key(change, ns_name, key);

        if (!owned)
                change->failure = "A value is missing";
        else if (part)
                g_hash_table_insert(part->values, g_strdup(key), g_steal_pointer(&owned));
}

void regent_change_unset(RegentChange *change, const char *ns_name, const char *key)
{
        Part *part = part_of_key(change, ns_name, key);

        if (part)
                g_hash_table_insert(part->values, g_strdup(key), NULL);
}

void regent_change_expect(RegentChange *change,
                          const char *ns_name,
                          const char *key,
                          uint64_t revision)
{
        Part *part = part_of_key(change, ns_name, key);

        if (part)
                insert(&part->expected, key, g_variant_new_uint64(revision));
}

static void replace(char **place, const char *text)
{
        g_free(*place);
        *place = g_strdup(text);
}

void regent_change_set_class(RegentChange *change,
                             const char *ns_name,
                             const char *key,
                             const char *class_name)
{
        Part *part;

        if (!is_text(change, class_name, "A class is missing, or is not UTF-8"))
                return;
        if (!ns_name && !key) {
                replace(&change->class_name, class_name);
                return;
        }

        part = key ? part_of_key(change, ns_name, key) : part_of(change, ns_name);
        if (part && key)
                insert(&part->classes, key, g_variant_new_string(class_name));
        else if (part)
                replace(&part->class_name, class_name);
}

void regent_change_set_release(RegentChange *change, const char *ns_name, const char *release)
{
        Part *part;

        if (!is_text(change, release, "A kernel release is missing, or is not UTF-8"))
                return;

        part = part_of(change, ns_name);
        if (part)
                replace(&part->release, release);
}

void regent_change_set_reason(RegentChange *change, const char *reason)
{
        if (is_text(change, reason, "The reason is missing, or is not UTF-8"))
                replace(&change->reason, reason);
}

void regent_change_set_lazy(RegentChange *change, bool is_lazy)
{
        change->is_lazy = is_lazy;
}

void regent_change_set_confirm_timeout(RegentChange *change, uint64_t timeout_usec)
{
        change->confirm_timeout_usec = timeout_usec;
}

/* The only part of a change that has one, if its namespace has a path. */
static const Part *find_only_part(Regent *regent,
                                  const RegentChange *change,
                                  char ret_path[static NAMESPACE_PATH_SIZE])
{
        GHashTableIter iter;
        void *ns_name, *part;

        g_hash_table_iter_init(&iter, change->parts);
        if (g_hash_table_size(change->parts) != 1 ||
            !g_hash_table_iter_next(&iter, &ns_name, &part))
                return NULL;

        return text_namespace_path(regent, ns_name, ret_path) < 0 ? NULL : part;
}

/*
 * To one namespace it goes as Apply of that, which is the quicker way; but what a dry run finds is told otherwise there.
 */
static int apply_init(Regent *regent, const RegentChange *change, uint64_t flags, Application *ret)
{
        bool is_dry_run = flags & REGENT_APPLY_DRY_RUN;
        const Part *part;

        if (change->failure) {
                error_set(regent, -EINVAL, SD_BUS_ERROR_INVALID_ARGS, "%s", change->failure);
                return -EINVAL; /* spelt out for analyzers: after 0 it is made */
        }

        part = is_dry_run ? NULL : find_only_part(regent, change, ret->path);
        ret->change = change;
        ret->part = part;
        ret->flags = flags;
        ret->spec = (CallSpec){
                .path = part ? ret->path : REGENT_PATH,
                .interface_name = part ? REGENT_NAMESPACE_INTERFACE : REGENT_MANAGER_INTERFACE,
                .member = "Apply",
                .reply_type = WRITTEN_TYPE,
                .append = part && change_is_plain(change, part) ? change_append_arguments : NULL,
                .build = change_build_arguments,
                .userdata = ret,
        };
        return 0;
}

int regent_change_apply(Regent *regent,
                        const RegentChange *change,
                        uint64_t flags,
                        uint64_t *ret_revision,
                        GVariant **ret_result)
{
        Application application;
        int r;

        r = apply_init(regent, change, flags, &application);
        if (r < 0)
                return r;

        application.spec.is_write = true;
        application.spec.put = application.part ? change_put_arguments : NULL;
        return call_wait_for_write(regent, &application.spec, ret_revision, ret_result);
}

int regent_change_apply_async(Regent *regent,
                              const RegentChange *change,
                              uint64_t flags,
                              RegentOnReply on_reply,
                              void *userdata,
                              RegentCall **ret_call)
{
        Application application;
        int r;

        r = apply_init(regent, change, flags, &application);
        if (r < 0)
                return r;

        return call_start(regent, &application.spec, on_reply, userdata, ret_call);
}
