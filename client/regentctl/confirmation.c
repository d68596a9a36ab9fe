/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Confirmation
 */

#include "confirmation.h"

#include <inttypes.h>
#include <string.h>

#define LISTED_MAX 100u

void confirmation_read(GVariant *result, Confirmation *ret)
{
        const char *token;

        *ret = (Confirmation){ 0 };
        if (!g_variant_lookup(result, "token", "&s", &token) || strlen(token) >= sizeof ret->token)
                return;

        g_strlcpy(ret->token, token, sizeof ret->token);
        g_variant_lookup(result, "deadline-usec", "t", &ret->deadline_usec);
}

static char *print_seconds(uint64_t usec)
{
        return g_strdup_printf("%.4g s", (double) usec / G_USEC_PER_SEC);
}

void confirmation_report(const Confirmation *confirmation, const Options *options, Output *output)
{
        g_autofree char *token = output_escape(confirmation->token);
        g_autofree char *seconds = print_seconds((uint64_t) options->confirm_usec);

        if (!*token)
                return;
        output_note(output, "Undone in %s, unless you run: regentctl confirm %s", seconds, token);
        if (!output_is_terminal(output) || options->is_quiet)
                output_line(output, "%s", token);
}

void confirmation_add(const Confirmation *confirmation, json_object *document)
{
        if (!*confirmation->token)
                return;
        json_object_object_add(document, "token", json_object_new_string(confirmation->token));
        json_object_object_add(document, "deadline-usec",
                               json_object_new_uint64(confirmation->deadline_usec));
}

gboolean confirmation_list(Bus *bus, GVariant **ret_changes, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);

        g_variant_dict_insert(&options, "limit", "u", LISTED_MAX);
        if (!bus_call_manager(bus, "ListPendingChanges",
                              g_variant_new("(@a{sv})", g_variant_dict_end(&options)), "(a{sv})",
                              &reply, reterr))
                return FALSE;

        *ret_changes = g_variant_get_child_value(reply, 0);
        return TRUE;
}

/* What is told of one change; all of it may be missing. */
typedef struct Waiting {
        guint32 uid;
        guint64 deadline_usec;
        guint64 remaining_usec;
        GStrv ns_names;
} Waiting;

static void waiting_clear(Waiting *waiting)
{
        g_clear_pointer(&waiting->ns_names, g_strfreev);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Waiting, waiting_clear)

static void waiting_read(GVariant *about, Waiting *ret)
{
        *ret = (Waiting){ 0 };
        if (!g_variant_is_of_type(about, G_VARIANT_TYPE_VARDICT))
                return;
        g_variant_lookup(about, "uid", "u", &ret->uid);
        g_variant_lookup(about, "deadline-usec", "t", &ret->deadline_usec);
        g_variant_lookup(about, "remaining-usec", "t", &ret->remaining_usec);
        g_variant_lookup(about, "namespaces", "^as", &ret->ns_names);
}

void confirmation_show_list(GVariant *changes, Sheet *sheet)
{
        GVariantIter iterator;
        const char *revision;
        GVariant *about;

        g_variant_iter_init(&iterator, changes);
        while (g_variant_iter_loop(&iterator, "{&sv}", &revision, &about)) {
                g_auto(Waiting) waiting = {};
                g_autofree char *seconds = NULL;
                g_autofree char *names = NULL;

                waiting_read(about, &waiting);
                seconds = print_seconds(waiting.remaining_usec);
                names = waiting.ns_names ? g_strjoinv(", ", waiting.ns_names) : g_strdup("");
                sheet_add(sheet, "Unconfirmed", "revision %s of uid %" PRIu32 ", undone in %s: %s",
                          revision, waiting.uid, seconds, names);
        }
}

json_object *confirmation_list_document(GVariant *changes)
{
        json_object *array = json_object_new_array();
        GVariantIter iterator;
        const char *revision;
        GVariant *about;

        g_variant_iter_init(&iterator, changes);
        while (g_variant_iter_loop(&iterator, "{&sv}", &revision, &about)) {
                json_object *document = json_object_new_object();
                json_object *names = json_object_new_array();
                g_auto(Waiting) waiting = {};

                waiting_read(about, &waiting);
                json_object_object_add(
                        document, "revision",
                        json_object_new_uint64(g_ascii_strtoull(revision, NULL, 10)));
                json_object_object_add(document, "uid", json_object_new_uint64(waiting.uid));
                json_object_object_add(document, "deadline-usec",
                                       json_object_new_uint64(waiting.deadline_usec));
                json_object_object_add(document, "remaining-usec",
                                       json_object_new_uint64(waiting.remaining_usec));
                for (char **name = waiting.ns_names; name && *name; name++)
                        json_object_array_add(names, json_object_new_string(*name));
                json_object_object_add(document, "namespaces", names);
                json_object_array_add(array, document);
        }
        return array;
}
