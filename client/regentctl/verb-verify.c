/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl verify
 *
 * Every file with its verdict, and then what a start would make of them.
 */

#include "client/regent-store-stream.h"
#include "namespace-facts.h"
#include "offline.h"
#include "reply.h"
#include "table.h"
#include "verb.h"

#include <inttypes.h>
#include <string.h>

static const char *text_of(GVariant *facts, const char *name)
{
        const char *text = "";

        g_variant_lookup(facts, name, "&s", &text);
        return text;
}

static uint64_t number_of(GVariant *facts, const char *name)
{
        uint64_t number = 0;

        g_variant_lookup(facts, name, "t", &number);
        return number;
}

static Style style_of(const char *verdict)
{
        if (strcmp(verdict, REGENT_STORE_WHOLE) == 0)
                return STYLE_GOOD;
        return strcmp(verdict, REGENT_STORE_TORN) == 0 ? STYLE_PLAIN : STYLE_BAD;
}

static int status_of(const char *verdict)
{
        if (strcmp(verdict, REGENT_STORE_WHOLE) == 0)
                return EXIT_DONE;
        if (strcmp(verdict, REGENT_STORE_TORN) == 0)
                return EXIT_DIFFERS;
        return strcmp(verdict, REGENT_STORE_NEWER) == 0 ? EXIT_REFUSED : EXIT_INVALID;
}

/* Reads up to and with the verdict on all. */
static gboolean read_all(Offline *offline,
                         GPtrArray *files,
                         GVariant **ret_verdict,
                         Failure **reterr)
{
        for (;;) {
                g_autoptr(GVariant) body = NULL;
                g_autofree char *name = NULL;

                if (!offline_get(offline, &name, &body, reterr))
                        return FALSE;
                if (!g_variant_is_of_type(body, G_VARIANT_TYPE_VARDICT))
                        return reply_fail(reterr);
                if (strcmp(name, REGENT_STORE_VERDICT) == 0) {
                        *ret_verdict = g_steal_pointer(&body);
                        return TRUE;
                }
                if (strcmp(name, REGENT_STORE_FILE) != 0)
                        return reply_fail(reterr);
                g_ptr_array_add(files, g_steal_pointer(&body));
        }
}

static void add_revisions(Table *table, GVariant *file)
{
        uint64_t first = number_of(file, "first-revision");
        uint64_t last = number_of(file, "last-revision");

        if (last == 0)
                table_add(table, STYLE_PLAIN, "");
        else if (first == last)
                table_add_format(table, STYLE_PLAIN, "%" PRIu64, last);
        else
                table_add_format(table, STYLE_PLAIN, "%" PRIu64 "-%" PRIu64, first, last);
}

static char *verdict_text(GVariant *file)
{
        const char *verdict = text_of(file, "verdict"), *reason = text_of(file, "reason");
        uint64_t offset = number_of(file, "offset");

        if (!*reason)
                return g_strdup(verdict);
        if (offset == 0)
                return g_strdup_printf("%s: %s", verdict, reason);
        return g_strdup_printf("%s at byte %" PRIu64 ": %s", verdict, offset, reason);
}

static void print_files(Output *output, const GPtrArray *files)
{
        static const char *const headers[] = { "FILE",  "USE",     ">REVISIONS", ">RECORDS",
                                               ">SIZE", "VERDICT", NULL };
        g_autoptr(Table) table = table_new(headers);

        for (guint i = 0; i < files->len; i++) {
                GVariant *file = files->pdata[i];
                g_autofree char *size = namespace_facts_size(number_of(file, "bytes"));
                g_autofree char *verdict = verdict_text(file);

                table_add(table, STYLE_KEY, text_of(file, "path"));
                table_add(table, STYLE_PLAIN, text_of(file, "role"));
                add_revisions(table, file);
                table_add_format(table, STYLE_PLAIN, "%" PRIu64, number_of(file, "records"));
                table_add(table, STYLE_PLAIN, size);
                table_add(table, style_of(text_of(file, "verdict")), verdict);
        }
        if (files->len > 0)
                table_print(table, output);
}

static void print_start(Output *output, GVariant *verdict)
{
        const char *from = text_of(verdict, "loaded-from");
        const char *reason = text_of(verdict, "reason");
        uint64_t revision = number_of(verdict, "revision");
        uint64_t known = number_of(verdict, "known-revision");
        uint64_t n_pending = number_of(verdict, "pending-changes");

        if (!*from)
                return;
        if (strcmp(from, "nothing") == 0 && !*reason) {
                output_line(output, "There is no state yet: a start would begin with nothing.");
                return;
        }
        output_line(output,
                    "A start %s revision %" PRIu64 " from %s: %" PRIu64 " namespaces, %" PRIu64
                    " keys.",
                    *reason ? "would load" : "loads", revision, from,
                    number_of(verdict, "namespaces"), number_of(verdict, "keys"));
        if (n_pending > 0)
                output_line(output, "Changes that wait for a confirmation: %" PRIu64 ".",
                            n_pending);
        if (known > 0)
                output_line(output,
                            "Lost: at least what was changed in revisions %" PRIu64 " to %" PRIu64
                            ".",
                            revision + 1, known);
        else if (*reason)
                output_line(output, "Lost: what was changed after that, if anything was.");
}

/* One line that says it all. */
static void print_verdict(Output *output, GVariant *verdict)
{
        static const struct {
                const char *verdict, *text;
        } texts[] = {
                { REGENT_STORE_WHOLE, "Everything is whole." },
                { REGENT_STORE_TORN, "Whole, but for an end that nobody was told was on disk: a "
                                     "start cuts it, and a lazy change in it is lost." },
                { REGENT_STORE_DAMAGED, "Something is damaged." },
                { REGENT_STORE_NEWER, "A file is of a later version: a start would refuse it, and "
                                      "change nothing." },
        };
        const char *reason = text_of(verdict, "reason");
        g_autofree char *escaped = output_escape(reason);
        gboolean is_held = FALSE;

        print_start(output, verdict);
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                if (strcmp(texts[i].verdict, text_of(verdict, "verdict")) == 0)
                        output_line(output, "%s%s%s%s", texts[i].text, *reason ? " (" : "", escaped,
                                    *reason ? ")" : "");
        if (g_variant_lookup(verdict, "held", "b", &is_held) && is_held)
                output_note(output, "A regentd is at work on it: this is how it was just now.");
}

static void print_document(Output *output, const GPtrArray *files, GVariant *verdict)
{
        json_object *document = offline_facts_to_json(verdict);
        json_object *array = json_object_new_array();

        for (guint i = 0; i < files->len; i++)
                json_object_array_add(array, offline_facts_to_json(files->pdata[i]));
        json_object_object_add(document, "files", array);
        output_document(output, document);
}

static void unref_variant(gpointer variant)
{
        g_variant_unref(variant);
}

int verb_verify(Context *context, char **arguments, Failure **reterr)
{
        g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(unref_variant);
        g_autoptr(Offline) offline = NULL;
        g_autoptr(GVariant) verdict = NULL;
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_auto(GStrv) words = NULL;

        g_strv_builder_add(builder, "--");
        for (char **path = arguments; *path; path++)
                g_strv_builder_add(builder, *path);
        words = g_strv_builder_end(builder);
        if (!offline_start(context, "verify", (const char *const *) words, &offline, reterr) ||
            !read_all(offline, files, &verdict, reterr))
                return -1;

        if (output_json(context->output) != JSON_OFF) {
                print_document(context->output, files, verdict);
        } else {
                if (!context->options->is_quiet)
                        print_files(context->output, files);
                print_verdict(context->output, verdict);
        }
        return status_of(text_of(verdict, "verdict"));
}
