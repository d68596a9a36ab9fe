/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Change
 */

#include "change.h"

#include "client/regent-names.h"

uint64_t change_flags(const Options *options)
{
        return (options->is_dry_run ? REGENT_APPLY_DRY_RUN : 0U) |
               (options->is_create_only ? REGENT_APPLY_CREATE_ONLY : 0U) |
               (options->is_change_only ? REGENT_APPLY_CHANGE_ONLY : 0U);
}

void change_add_options(GVariantBuilder *builder, const Options *options)
{
        if (options->entry_class)
                g_variant_builder_add(builder, "{sv}", "class",
                                      g_variant_new_string(options->entry_class));
        if (options->reason)
                g_variant_builder_add(builder, "{sv}", "reason",
                                      g_variant_new_string(options->reason));
        if (options->durability)
                g_variant_builder_add(builder, "{sv}", "durability",
                                      g_variant_new_string(options->durability));
        if (options->confirm_usec > 0)
                g_variant_builder_add(builder, "{sv}", "confirm-timeout-usec",
                                      g_variant_new_uint64((uint64_t) options->confirm_usec));
}

gboolean change_apply(Bus *bus,
                      const Options *options,
                      const char *ns_name,
                      GVariant *set,
                      const char *const *unset,
                      uint64_t more_flags,
                      ChangeResult *ret_result,
                      Failure **reterr)
{
        static const char *const nothing[] = { NULL };
        g_autoptr(GVariant) values = g_variant_ref_sink(
                set ? set : g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0));
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) result = NULL;
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        GVariant *arguments;

        change_add_options(&builder, options);
        if (options->release)
                g_variant_builder_add(&builder, "{sv}", "release",
                                      g_variant_new_string(options->release));
        arguments =
                g_variant_new("(@a{sv}^ast@a{sv})", values, unset ? unset : nothing,
                              change_flags(options) | more_flags, g_variant_builder_end(&builder));
        if (!bus_call_namespace(bus, ns_name, "Apply", arguments, "(ta{sv})", &reply, reterr))
                return FALSE;

        *ret_result = (ChangeResult){};
        g_variant_get(reply, "(t@a{sv})", &ret_result->revision, &result);
        g_variant_lookup(result, "changed", "u", &ret_result->n_changed);
        g_variant_lookup(result, "removed", "u", &ret_result->n_removed);
        confirmation_read(result, &ret_result->confirmation);
        return TRUE;
}
