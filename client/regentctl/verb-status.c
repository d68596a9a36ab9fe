/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl status
 *
 * Of the service: how it is, what it holds, and what the caller's uid uses of its quotas. Of a
 * namespace: what it holds and whose it is. Of its callers: what their connections leave unread.
 */

#include "confirmation.h"
#include "connections.h"
#include "namespace-facts.h"
#include "sheet.h"
#include "verb.h"

#include <inttypes.h>
#include <string.h>

typedef struct Service {
        GVariant *properties;
        GVariant *statistics;
        GVariant *pending; /* changes that wait for a confirmation */
} Service;

static void service_clear(Service *service)
{
        g_clear_pointer(&service->properties, g_variant_unref);
        g_clear_pointer(&service->statistics, g_variant_unref);
        g_clear_pointer(&service->pending, g_variant_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Service, service_clear)

static gboolean read_service(Bus *bus, Service *service, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;

        if (!bus_get_properties(bus, NULL, &service->properties, reterr) ||
            !bus_call_manager(bus, "GetStatistics", g_variant_new("(t)", UINT64_C(0)), "(a{sv})",
                              &reply, reterr) ||
            !confirmation_list(bus, &service->pending, reterr))
                return FALSE;
        service->statistics = g_variant_get_child_value(reply, 0);
        return TRUE;
}

static const char *text_of(const Service *service, const char *name)
{
        const char *text = "";

        g_variant_lookup(service->properties, name, "&s", &text);
        return text;
}

static uint64_t number_of(GVariant *numbers, const char *name)
{
        uint64_t number = 0;

        g_variant_lookup(numbers, name, "t", &number);
        return number;
}

static bool is_dirty(const Service *service)
{
        gboolean is_dirty = FALSE;

        g_variant_lookup(service->properties, "Dirty", "b", &is_dirty);
        return is_dirty;
}

static Style style_of_state(const char *state)
{
        return strcmp(state, "running") == 0 ? STYLE_GOOD : STYLE_BAD;
}

static void add_quota(const Service *service, Sheet *sheet)
{
        uint64_t n_namespaces = 0, n_namespaces_max = 0;
        g_autofree char *used = NULL;
        g_autofree char *limit = NULL;

        if (!g_variant_lookup(service->statistics, "uid-namespaces", "t", &n_namespaces))
                return;

        used = namespace_facts_size(number_of(service->statistics, "uid-bytes"));
        if (!g_variant_lookup(service->statistics, "uid-namespaces-max", "t", &n_namespaces_max)) {
                sheet_add(sheet, "Owned by you",
                          "%" PRIu64 " namespaces, %" PRIu64 " keys, %s; uid 0 has no limit",
                          n_namespaces, number_of(service->statistics, "uid-keys"), used);
                return;
        }

        limit = namespace_facts_size(number_of(service->statistics, "uid-bytes-max"));
        sheet_add(sheet, "Owned by you",
                  "%" PRIu64 " of %" PRIu64 " namespaces, %" PRIu64 " of %" PRIu64
                  " keys, %s of %s",
                  n_namespaces, n_namespaces_max, number_of(service->statistics, "uid-keys"),
                  number_of(service->statistics, "uid-keys-max"), used, limit);
}

static void print_service(Output *output, const Service *service)
{
        uint64_t revision = number_of(service->properties, "Revision");
        uint64_t durable = number_of(service->properties, "DurableRevision");
        uint64_t good = number_of(service->properties, "LastGoodRevision");
        g_autofree char *size = namespace_facts_size(number_of(service->statistics, "bytes"));
        g_autoptr(Sheet) sheet = sheet_new();
        const char *state = text_of(service, "State");
        const char *reason = NULL;
        g_auto(GStrv) errors = NULL;

        sheet_add_styled(sheet, "State", style_of_state(state), state);
        if (g_variant_lookup(service->statistics, "read-only-reason", "&s", &reason))
                sheet_add_styled(sheet, "Read-only", STYLE_BAD, reason);
        sheet_add(sheet, "Version", "%s", text_of(service, "Version"));
        if (!is_dirty(service))
                sheet_add(sheet, "Revision", "%" PRIu64 ", all of it on disk", revision);
        else
                sheet_add(sheet, "Revision", "%" PRIu64 ", on disk up to %" PRIu64, revision,
                          durable);
        sheet_add(sheet, "Epoch", "%s", text_of(service, "Epoch"));
        sheet_add(sheet, "Loaded from", "%s", text_of(service, "LoadedFrom"));
        if (*text_of(service, "LoadedReason"))
                sheet_add_styled(sheet, "Because", STYLE_BAD, text_of(service, "LoadedReason"));
        if (good > 0)
                sheet_add(sheet, "Known good", "revision %" PRIu64, good);
        sheet_add(sheet, "Holds", "%" PRIu64 " namespaces, %" PRIu64 " keys, %s",
                  number_of(service->statistics, "namespaces"),
                  number_of(service->statistics, "keys"), size);
        add_quota(service, sheet);
        confirmation_show_list(service->pending, sheet);
        if (g_variant_lookup(service->statistics, "declaration-errors", "^as", &errors))
                for (char **error = errors; *error; error++)
                        sheet_add_styled(sheet, "Wrong file", STYLE_BAD, *error);
        sheet_print(sheet, output);
}

static void add_text(json_object *document, const char *name, const char *text)
{
        json_object_object_add(document, name, json_object_new_string(text));
}

static void add_number(json_object *document, const char *name, uint64_t number)
{
        json_object_object_add(document, name, json_object_new_uint64(number));
}

static json_object *service_document(const Service *service)
{
        static const char *const counted[] = {
                "namespaces",         "keys",         "bytes",
                "uid-namespaces",     "uid-keys",     "uid-bytes",
                "uid-namespaces-max", "uid-keys-max", "uid-bytes-max"
        };
        json_object *document = json_object_new_object();
        const char *reason = NULL;
        g_auto(GStrv) errors = NULL;

        add_text(document, "state", text_of(service, "State"));
        add_text(document, "version", text_of(service, "Version"));
        add_number(document, "revision", number_of(service->properties, "Revision"));
        add_number(document, "durable-revision", number_of(service->properties, "DurableRevision"));
        json_object_object_add(document, "dirty", json_object_new_boolean(is_dirty(service)));
        add_text(document, "epoch", text_of(service, "Epoch"));
        add_text(document, "loaded-from", text_of(service, "LoadedFrom"));
        add_text(document, "loaded-reason", text_of(service, "LoadedReason"));
        add_number(document, "last-good-revision",
                   number_of(service->properties, "LastGoodRevision"));
        for (size_t i = 0; i < G_N_ELEMENTS(counted); i++) {
                uint64_t number = 0;

                if (g_variant_lookup(service->statistics, counted[i], "t", &number))
                        add_number(document, counted[i], number);
        }
        if (g_variant_lookup(service->statistics, "read-only-reason", "&s", &reason))
                add_text(document, "read-only-reason", reason);
        json_object_object_add(document, "pending-changes",
                               confirmation_list_document(service->pending));
        if (g_variant_lookup(service->statistics, "declaration-errors", "^as", &errors)) {
                json_object *array = json_object_new_array();

                for (char **error = errors; *error; error++)
                        json_object_array_add(array, json_object_new_string(*error));
                json_object_object_add(document, "declaration-errors", array);
        }
        return document;
}

static void print_namespace(Output *output, const NamespaceFacts *facts, bool is_first)
{
        g_autoptr(Sheet) sheet = sheet_new();

        if (!is_first)
                output_escaped(output, STYLE_PLAIN, "\n");
        sheet_add_styled(sheet, "Namespace", STYLE_KEY, facts->name);
        namespace_facts_add_access(facts, sheet);
        sheet_add(sheet, "Revision", "%" PRIu64, facts->revision);
        if (*facts->declaration)
                sheet_add(sheet, "Declared in", "%s", facts->declaration);
        sheet_print(sheet, output);
}

static gboolean show_namespaces(Context *context,
                                Bus *bus,
                                const char *const *ns_names,
                                Failure **reterr)
{
        g_autoptr(GPtrArray) facts = NULL;
        json_object *document;

        if (!namespace_facts_read_many(bus, ns_names, false, &facts, reterr))
                return FALSE;
        if (output_json(context->output) == JSON_OFF) {
                output_begin_pager(context->output);
                for (guint i = 0; i < facts->len; i++)
                        print_namespace(context->output, facts->pdata[i], i == 0);
                return TRUE;
        }
        document = json_object_new_array();
        for (guint i = 0; i < facts->len; i++)
                json_object_array_add(document, namespace_facts_document(facts->pdata[i]));
        output_document(context->output, document);
        return TRUE;
}

int verb_status(Context *context, char **arguments, Failure **reterr)
{
        g_auto(Service) service = {};
        Bus *bus = NULL;

        if (context->options->is_connections && arguments[0]) {
                failure_set(reterr, EXIT_USAGE, "--connections takes no namespace");
                return -1;
        }
        if (!context_bus(context, &bus, reterr))
                return -1;
        if (context->options->is_connections)
                return connections_show(context, bus, reterr) ? EXIT_DONE : -1;
        if (arguments[0])
                return show_namespaces(context, bus, (const char *const *) arguments, reterr)
                               ? EXIT_DONE
                               : -1;

        if (!read_service(bus, &service, reterr))
                return -1;
        if (output_json(context->output) != JSON_OFF)
                output_document(context->output, service_document(&service));
        else
                print_service(context->output, &service);
        return EXIT_DONE;
}
