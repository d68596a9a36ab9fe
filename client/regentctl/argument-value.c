/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Argument value
 *
 * Describe is asked, for it alone knows what a key is declared as while it holds nothing.
 */

#include "argument-value.h"

#include "client/regent-names.h"
#include "value-text.h"
#include "value-type.h"

#include <stdbool.h>
#include <string.h>

#define CALLS_UNDER_WAY 16U

static void free_type(gpointer userdata)
{
        ArgumentType *type = userdata;

        g_free(type->signature);
        g_free(type);
}

static void drop_call(gpointer userdata)
{
        bus_call_drop(userdata);
}

static void add_given(GPtrArray *types, const char *signature)
{
        ArgumentType *type = g_new0(ArgumentType, 1);

        type->signature = g_strdup(signature);
        type->how = "";
        g_ptr_array_add(types, type);
}

static void add_found(GPtrArray *types, char *signature, bool is_runtime)
{
        ArgumentType *type = g_new0(ArgumentType, 1);

        type->signature = signature;
        type->is_kept = signature != NULL;
        type->how = !signature   ? " (guessed its type)"
                    : is_runtime ? " (kept its type; persistent now)"
                                 : " (kept its type)";
        g_ptr_array_add(types, type);
}

/* Takes @call. Signature of the key; NULL when there is none, or one may not know it. */
static gboolean finish_describe(BusCall *call,
                                char **ret_signature,
                                bool *ret_is_runtime,
                                Failure **reterr)
{
        const char *entry_class = "";
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) facts = NULL;
        g_autoptr(Failure) failure = NULL;

        *ret_signature = NULL;
        *ret_is_runtime = false;
        if (!bus_finish(call, &reply, &failure)) {
                if (failure->status == EXIT_DENIED || failure_is(failure, REGENT_ERROR_NO_SUCH_KEY))
                        return TRUE;
                *reterr = g_steal_pointer(&failure);
                return FALSE;
        }
        facts = g_variant_get_child_value(reply, 0);
        if (!g_variant_lookup(facts, "declared-type", "s", ret_signature))
                g_variant_lookup(facts, "type", "s", ret_signature);
        g_variant_lookup(facts, "class", "&s", &entry_class);
        *ret_is_runtime =
                strcmp(entry_class, "runtime") == 0 || strcmp(entry_class, "session") == 0;
        return TRUE;
}

static gboolean describe_keys(Bus *bus,
                              const Options *options,
                              const char *ns_name,
                              const char *const *keys,
                              guint n_keys,
                              GPtrArray *types,
                              Failure **reterr)
{
        g_autoptr(GPtrArray) calls = g_ptr_array_new_with_free_func(drop_call);
        bool of_release = options->release && *options->release;
        guint n_started = 0;

        while (types->len < n_keys) {
                char *signature = NULL;
                bool is_runtime = false;

                for (; n_started < n_keys && calls->len < CALLS_UNDER_WAY; n_started++)
                        g_ptr_array_add(calls,
                                        bus_start_namespace(bus, ns_name, "Describe",
                                                            g_variant_new("(s)", keys[n_started]),
                                                            "(a{sv})"));
                if (!finish_describe(g_ptr_array_steal_index(calls, 0), &signature, &is_runtime,
                                     reterr))
                        return FALSE;
                add_found(types, signature, is_runtime && !options->entry_class && !of_release);
        }
        return TRUE;
}

gboolean argument_types_find(Bus *bus,
                             const Options *options,
                             const char *ns_name,
                             const char *const *keys,
                             guint n_keys,
                             GPtrArray **ret_types,
                             Failure **reterr)
{
        g_autoptr(GPtrArray) types = g_ptr_array_new_with_free_func(free_type);
        const GVariantType *parsed;

        if (options->type) {
                if (!value_type_parse(options->type, &parsed, reterr))
                        return FALSE;
                while (types->len < n_keys)
                        add_given(types, options->type);
        } else if (!describe_keys(bus, options, ns_name, keys, n_keys, types, reterr)) {
                return FALSE;
        }
        *ret_types = g_steal_pointer(&types);
        return TRUE;
}

gboolean argument_value_parse(const ArgumentType *type,
                              const char *key,
                              const char *text,
                              GVariant **ret_value,
                              Failure **reterr)
{
        const GVariantType *parsed = NULL;

        if (!type->signature)
                return value_text_guess(text, ret_value, reterr);
        if (!value_type_parse(type->signature, &parsed, reterr))
                return FALSE;
        if (value_text_parse(text, parsed, ret_value, reterr))
                return TRUE;
        if (type->is_kept && !(*reterr)->hint)
                failure_set_hint(*reterr, "'%s' has the type %s; --type= changes it.", key,
                                 type->signature);
        return FALSE;
}
