/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of several keys
 *
 * Kept apart by namespace and key, so that what is said last of a key counts, and made a message of when it is
 * applied. What is wrong with it is found at once, and told then.
 */

#include "private.h"

#include "wire/frame.h"

#include <errno.h>

/* Of one namespace. Tables are by key, and own what is in them. */
typedef struct Part {
        GHashTable *values; /* NULL: to be removed */
        GHashTable *expected;
        GHashTable *classes;
        char *class_name;
        char *release;
} Part;

struct RegentChange {
        GHashTable *parts; /* by name of the namespace */
        char *class_name;
        char *reason;
        bool is_lazy;
        uint64_t confirm_timeout_usec;
        const char *failure; /* what cannot be sent */
};

static void value_free(void *value)
{
        if (value)
                g_variant_unref(value);
}

static void part_free(void *userdata)
{
        Part *part = userdata;

        g_hash_table_unref(part->values);
        g_hash_table_unref(part->expected);
        g_hash_table_unref(part->classes);
        g_free(part->class_name);
        g_free(part->release);
        g_free(part);
}

static Part *part_new(void)
{
        Part *part = g_new0(Part, 1);

        part->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, value_free);
        part->expected = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, value_free);
        part->classes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, value_free);
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
                g_hash_table_insert(part->expected, g_strdup(key),
                                    g_variant_ref_sink(g_variant_new_uint64(revision)));
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
                g_hash_table_insert(part->classes, g_strdup(key),
                                    g_variant_ref_sink(g_variant_new_string(class_name)));
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

/* An a{sv} of what the table has a value for. */
static GVariant *values_of(GHashTable *table)
{
        GVariantBuilder builder;
        GHashTableIter iter;
        void *key, *value;

        g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, &key, &value))
                if (value)
                        g_variant_builder_add(&builder, "{sv}", key, value);

        return g_variant_builder_end(&builder);
}

/* An as of what it has none for. */
static GVariant *removed_of(GHashTable *table)
{
        GVariantBuilder builder;
        GHashTableIter iter;
        void *key, *value;

        g_variant_builder_init(&builder, G_VARIANT_TYPE_STRING_ARRAY);
        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, &key, &value))
                if (!value)
                        g_variant_builder_add(&builder, "s", key);

        return g_variant_builder_end(&builder);
}

static void add_wishes(const Part *part, GVariantDict *dict)
{
        if (g_hash_table_size(part->expected) > 0)
                g_variant_dict_insert_value(dict, "expect", values_of(part->expected));
        if (g_hash_table_size(part->classes) > 0)
                g_variant_dict_insert_value(dict, "classes", values_of(part->classes));
        if (part->class_name)
                g_variant_dict_insert(dict, "class", "s", part->class_name);
        if (part->release)
                g_variant_dict_insert(dict, "release", "s", part->release);
}

static GVariant *part_value(const Part *part)
{
        g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

        g_variant_dict_insert_value(&dict, "set", values_of(part->values));
        g_variant_dict_insert_value(&dict, "unset", removed_of(part->values));
        add_wishes(part, &dict);

        return g_variant_dict_end(&dict);
}

static GVariant *parts_value(const RegentChange *change)
{
        GVariantBuilder builder;
        GHashTableIter iter;
        void *ns_name, *part;

        g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
        g_hash_table_iter_init(&iter, change->parts);
        while (g_hash_table_iter_next(&iter, &ns_name, &part))
                g_variant_builder_add(&builder, "{sv}", ns_name, part_value(part));

        return g_variant_builder_end(&builder);
}

/* With those of its only @part, unless that is NULL. */
static GVariant *options_value(const RegentChange *change, const Part *part)
{
        g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

        if (change->class_name)
                g_variant_dict_insert(&dict, "class", "s", change->class_name);
        if (change->reason)
                g_variant_dict_insert(&dict, "reason", "s", change->reason);
        if (change->is_lazy)
                g_variant_dict_insert(&dict, "durability", "s", "lazy");
        if (change->confirm_timeout_usec > 0)
                g_variant_dict_insert(&dict, "confirm-timeout-usec", "t",
                                      change->confirm_timeout_usec);
        if (part)
                add_wishes(part, &dict);

        return g_variant_dict_end(&dict);
}

/* With the place that a path needs. */
typedef struct Application {
        CallSpec spec;
        char path[NAMESPACE_PATH_SIZE];
        const RegentChange *change;
        const Part *part; /* NULL: it is the Manager's */
        uint64_t flags;
} Application;

static GVariant *build_arguments(const void *userdata)
{
        const Application *application = userdata;
        const RegentChange *change = application->change;
        const Part *part = application->part;

        if (!part)
                return g_variant_new("(@a{sv}t@a{sv})", parts_value(change), application->flags,
                                     options_value(change, NULL));

        return g_variant_new("(@a{sv}@ast@a{sv})", values_of(part->values),
                             removed_of(part->values), application->flags,
                             options_value(change, part));
}

static void put_name(WireBytes *bytes, const char *name)
{
        wire_put_alignment(bytes, 8);
        quick_put_string(bytes, name);
}

static void put_values(WireBytes *bytes, GHashTable *table)
{
        size_t array = wire_put_array(bytes, 8);
        GHashTableIter iter;
        void *key, *value;

        g_hash_table_iter_init(&iter, table);
        while (!bytes->is_broken && g_hash_table_iter_next(&iter, &key, &value))
                if (value) {
                        put_name(bytes, key);
                        quick_put_value(bytes, value);
                }
        wire_end_array(bytes, array, 8);
}

static void put_removed(WireBytes *bytes, GHashTable *table)
{
        size_t array = wire_put_array(bytes, sizeof(uint32_t));
        GHashTableIter iter;
        void *key, *value;

        g_hash_table_iter_init(&iter, table);
        while (!bytes->is_broken && g_hash_table_iter_next(&iter, &key, &value))
                if (!value)
                        quick_put_string(bytes, key);
        wire_end_array(bytes, array, sizeof(uint32_t));
}

static void put_text_option(WireBytes *bytes, const char *name, const char *text)
{
        if (!text)
                return;

        put_name(bytes, name);
        wire_put_signature(bytes, "s");
        quick_put_string(bytes, text);
}

static void put_table_option(WireBytes *bytes, const char *name, GHashTable *table)
{
        if (g_hash_table_size(table) == 0)
                return;

        put_name(bytes, name);
        wire_put_signature(bytes, "a{sv}");
        put_values(bytes, table);
}

/* The same as build_arguments(), of a part. */
static void put_arguments(const void *userdata, WireBytes *bytes)
{
        const Application *application = userdata;
        const RegentChange *change = application->change;
        const Part *part = application->part;
        size_t options;

        put_values(bytes, part->values);
        put_removed(bytes, part->values);
        wire_put_uint64(bytes, application->flags);
        options = wire_put_array(bytes, 8);
        put_text_option(bytes, "class", part->class_name ? part->class_name : change->class_name);
        put_text_option(bytes, "reason", change->reason);
        put_text_option(bytes, "durability", change->is_lazy ? "lazy" : NULL);
        put_text_option(bytes, "release", part->release);
        put_table_option(bytes, "expect", part->expected);
        put_table_option(bytes, "classes", part->classes);
        if (change->confirm_timeout_usec > 0) {
                put_name(bytes, "confirm-timeout-usec");
                wire_put_signature(bytes, "t");
                wire_put_uint64(bytes, change->confirm_timeout_usec);
        }
        wire_end_array(bytes, options, 8);
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
 * The arguments are still to be built.
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
                .reply_type = "(ta{sv})",
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
        application.spec.put = application.part ? put_arguments : NULL;
        application.spec.build = build_arguments;
        application.spec.userdata = &application;
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

        application.spec.arguments = build_arguments(&application);
        return call_start(regent, &application.spec, on_reply, userdata, ret_call);
}
