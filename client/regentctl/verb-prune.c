/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl prune-kernels
 *
 * A kernel that is installed has a directory of its release's name among the modules. Where there is
 * none at all nothing is known, and nothing is removed.
 */

#include "change.h"
#include "client/regent-names.h"
#include "entries.h"
#include "names.h"
#include "namespace-facts.h"
#include "table.h"
#include "upload.h"
#include "verb.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#define MODULES_DIRECTORY "/lib/modules"

/* What is to go, and what went. */
typedef struct Pruning {
        Context *context;
        Bus *bus;
        GHashTable *kept; /* owned releases that stay */
        Transaction *transaction;
} Pruning;

static void pruning_clear(Pruning *pruning)
{
        g_clear_pointer(&pruning->kept, g_hash_table_unref);
        transaction_free(pruning->transaction);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pruning, pruning_clear)

static bool add_installed(Pruning *pruning, Failure **reterr)
{
        const char *path = pruning->context->options->modules_dir;
        g_autoptr(GError) error = NULL;
        g_autoptr(GDir) directory = NULL;
        const char *name;

        path = path ? path : MODULES_DIRECTORY;
        directory = g_dir_open(path, 0, &error);
        if (!directory)
                return failure_set(reterr, EXIT_REFUSED, "%s", error->message);

        while ((name = g_dir_read_name(directory))) {
                g_autofree char *below = g_build_filename(path, name, NULL);

                if (g_file_test(below, G_FILE_TEST_IS_DIR))
                        g_hash_table_add(pruning->kept, g_strdup(name));
        }
        if (g_hash_table_size(pruning->kept) > 0)
                return true;

        failure_set(reterr, EXIT_REFUSED, "%s has no kernel: which are installed is not known",
                    path);
        failure_set_hint(*reterr, "--modules-dir= says where they are.");
        return false;
}

static bool add_running(Pruning *pruning, Failure **reterr)
{
        g_autoptr(GVariant) properties = NULL;
        char *release;

        if (!bus_get_properties(pruning->bus, NULL, &properties, reterr))
                return false;
        if (!g_variant_lookup(properties, "KernelRelease", "s", &release))
                return failure_set(reterr, EXIT_REFUSED, "regentd does not say what kernel runs");

        g_hash_table_add(pruning->kept, release);
        return true;
}

static gboolean add_key(const char *key, GVariant *value, void *userdata, Failure **reterr)
{
        Pruning *pruning = userdata;
        const GPtrArray *namespaces = pruning->transaction->namespaces;

        (void) value;
        (void) reterr;
        transaction_unset(pruning->transaction, namespaces->pdata[namespaces->len - 1], key);
        return TRUE;
}

static bool find_keys(Pruning *pruning, const NamespaceFacts *facts, Failure **reterr)
{
        for (char **release = facts->releases; *release; release++) {
                const EntriesQuery query = { .ns_name = facts->name, .release = *release };

                if (g_hash_table_contains(pruning->kept, *release))
                        continue;

                transaction_add_namespace(pruning->transaction, facts->name)->release =
                        g_strdup(*release);
                if (!entries_read(pruning->bus, &query, add_key, pruning, NULL, NULL, reterr))
                        return false;
        }
        return true;
}

static bool find_all(Pruning *pruning, char **names, Failure **reterr)
{
        g_autoptr(GPtrArray) facts = NULL;
        g_auto(GStrv) listed = NULL;
        bool is_of_all = !*names;

        if (is_of_all && !names_read_namespaces(pruning->bus, NULL, &listed, reterr))
                return false;
        if (!namespace_facts_read_many(pruning->bus,
                                       (const char *const *) (listed ? listed : names), is_of_all,
                                       &facts, reterr))
                return false;

        for (guint i = 0; i < facts->len; i++)
                if (!find_keys(pruning, facts->pdata[i], reterr))
                        return false;
        return true;
}

static void print_document(const Pruning *pruning)
{
        json_object *document = json_object_new_array();

        for (guint i = 0; i < pruning->transaction->namespaces->len; i++) {
                const TransactionNamespace *ns = pruning->transaction->namespaces->pdata[i];
                json_object *row = json_object_new_object();

                json_object_object_add(row, "namespace", json_object_new_string(ns->name));
                json_object_object_add(row, "release", json_object_new_string(ns->release));
                json_object_object_add(row, "keys", json_object_new_uint64(ns->changes->len));
                json_object_array_add(document, row);
        }
        output_document(pruning->context->output, document);
}

static void report(const Pruning *pruning, const UploadResult *result)
{
        static const char *const headers[] = { "NAMESPACE", "KERNEL", ">KEYS", NULL };
        g_autoptr(Table) table = table_new(headers);
        Output *output = pruning->context->output;
        const GPtrArray *namespaces = pruning->transaction->namespaces;

        if (output_json(output) != JSON_OFF) {
                print_document(pruning);
                return;
        }
        if (namespaces->len == 0) {
                output_nothing_to_do(output);
                return;
        }

        for (guint i = 0; i < namespaces->len; i++) {
                const TransactionNamespace *ns = namespaces->pdata[i];

                table_add(table, STYLE_KEY, ns->name);
                table_add(table, STYLE_PLAIN, ns->release);
                table_add_format(table, STYLE_PLAIN, "%u", ns->changes->len);
        }
        table_print(table, output);
        if (!pruning->context->options->is_dry_run)
                output_note(output, "%" PRIu64 " %s removed, revision %" PRIu64, result->n_removed,
                            result->n_removed == 1 ? "key" : "keys", result->revision);
}

int verb_prune_kernels(Context *context, char **arguments, Failure **reterr)
{
        g_auto(Pruning) pruning = {
                .context = context,
                .kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                .transaction = transaction_new(),
        };
        const Upload upload = {
                .transaction = pruning.transaction,
                .flags = change_flags(context->options),
                .what = "Removing",
        };
        UploadResult result = {};

        if (context->options->host) {
                failure_set(reterr, EXIT_USAGE,
                            "'prune-kernels' looks at the kernels of this machine");
                failure_set_hint(*reterr, "ssh %s regentctl prune-kernels", context->options->host);
                return -1;
        }
        if (!add_installed(&pruning, reterr) || !context_bus(context, &pruning.bus, reterr) ||
            !add_running(&pruning, reterr) || !find_all(&pruning, arguments, reterr))
                return -1;

        if (pruning.transaction->n_changes > 0 && !upload_run(context, &upload, &result, reterr))
                return -1;
        report(&pruning, &result);
        return EXIT_DONE;
}
