/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl describe
 *
 * What Describe tells has names that later versions add to: those that are known are printed in words
 * and in order, the others as they are.
 */

#include "account-names.h"
#include "sheet.h"
#include "value-json.h"
#include "value-text.h"
#include "verb.h"

#include <inttypes.h>
#include <string.h>

typedef struct FactLabel {
        const char *name;
        const char *label;
} FactLabel;

static const FactLabel fact_labels[] = {
        { "type", "Type" },
        { "size", "Size" },
        { "revision", "Revision" },
        { "class", "Class" },
        { "release", "Kernel" },
        { "session", "Goes with" },
        { "covered-class", "Hides one of class" },
        { "covered-revision", "Of revision" },
        { "releases", "For kernels" },
        { "origin", "Origin" },
        { "writer", "Written by" },
        { "time", "Written at" },
        { "file", "Declared in" },
        { "rule", "Rule" },
        { "declared-type", "Type must be" },
        { "default", "Default" },
        { "minimum", "Minimum" },
        { "maximum", "Maximum" },
        { "allowed", "Allowed" },
        { "length-minimum", "Length from" },
        { "length-maximum", "Length to" },
        { "locked", "Locked" },
        { "write-once", "Write once" },
};

/* Facts that are values of the key's type, and are printed in JSON with it. */
static const char *const value_facts[] = { "default", "minimum", "maximum", "allowed", NULL };

static char *describe_time(guint64 time_usec)
{
        g_autoptr(GDateTime) time =
                g_date_time_new_from_unix_local((gint64) (time_usec / G_USEC_PER_SEC));

        return time ? g_date_time_format(time, "%a %Y-%m-%d %H:%M:%S %Z")
                    : g_strdup_printf("%" PRIu64, time_usec);
}

static char *describe_fact(const char *name, GVariant *value)
{
        bool is_value = g_strv_contains(value_facts, name);

        if (strcmp(name, "time") == 0 && g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64))
                return describe_time(g_variant_get_uint64(value));
        if (strcmp(name, "writer") == 0 && g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32)) {
                guint32 uid = g_variant_get_uint32(value);
                g_autofree char *user = account_user_name(uid);

                return g_strdup_printf("%s (uid %" PRIu32 ")", user, uid);
        }
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN) && !is_value)
                return g_strdup(g_variant_get_boolean(value) ? "yes" : "no");
        return value_text_print(value);
}

static void add_fact(Sheet *sheet, const char *label, const char *name, GVariant *value)
{
        g_autofree char *text = describe_fact(name, value);

        if (strcmp(name, "size") == 0)
                sheet_add(sheet, label, "%s bytes", text);
        else
                sheet_add(sheet, label, "%s", text);
}

static const char *find_label(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(fact_labels); i++)
                if (strcmp(fact_labels[i].name, name) == 0)
                        return fact_labels[i].label;
        return NULL;
}

static void print_sheet(Output *output, const char *key, GVariant *facts)
{
        g_autoptr(Sheet) sheet = sheet_new();
        GVariantIter iterator;
        GVariant *value;
        const char *name;

        sheet_add_styled(sheet, "Key", STYLE_KEY, key);
        for (size_t i = 0; i < G_N_ELEMENTS(fact_labels); i++) {
                g_autoptr(GVariant) known =
                        g_variant_lookup_value(facts, fact_labels[i].name, NULL);

                if (known)
                        add_fact(sheet, fact_labels[i].label, fact_labels[i].name, known);
        }
        g_variant_iter_init(&iterator, facts);
        while (g_variant_iter_next(&iterator, "{&sv}", &name, &value)) {
                if (!find_label(name))
                        add_fact(sheet, name, name, value);
                g_variant_unref(value);
        }
        sheet_print(sheet, output);
}

static void print_document(Output *output, const char *key, GVariant *facts)
{
        json_object *document = json_object_new_object();
        GVariantIter iterator;
        GVariant *value;
        const char *name;

        json_object_object_add(document, "key", json_object_new_string(key));
        g_variant_iter_init(&iterator, facts);
        while (g_variant_iter_next(&iterator, "{&sv}", &name, &value)) {
                json_object_object_add(document, name,
                                       g_strv_contains(value_facts, name)
                                               ? value_json_from_variant(value)
                                               : value_json_data(value));
                g_variant_unref(value);
        }
        output_document(output, document);
}

int verb_describe(Context *context, char **arguments, Failure **reterr)
{
        const char *ns_name = arguments[0], *key = arguments[1];
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) facts = NULL;
        Bus *bus = NULL;

        if (!context_bus(context, &bus, reterr) ||
            !bus_call_namespace(bus, ns_name, "Describe", g_variant_new("(s)", key), "(a{sv})",
                                &reply, reterr))
                return -1;

        facts = g_variant_get_child_value(reply, 0);
        if (output_json(context->output) != JSON_OFF)
                print_document(context->output, key, facts);
        else
                print_sheet(context->output, key, facts);
        return EXIT_DONE;
}
