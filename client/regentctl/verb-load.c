/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl load
 *
 * Makes namespaces what a dump says: reads them, and sets only what differs. What they hold is
 * replaced whoever wrote it; what others change meanwhile is left as it is.
 */

#include "account-names.h"
#include "client/regent-names.h"
#include "difference.h"
#include "dump-file.h"
#include "dump-offline.h"
#include "dump-take.h"
#include "load-offline.h"
#include "upload.h"
#include "verb.h"

#include <json-c/json.h>
#include <string.h>

/* Under way at a time. */
#define CREATIONS_MAX 16u

#define KEY_BYTES_MAX 255u

/* Names in a hint. */
#define CREATED_TOLD_MAX 20u

typedef struct Loading {
        Context *context;
        Dump *wanted;
        Dump *present;
        Difference *difference;
        Transaction *transaction;
        GPtrArray *created; /* names, borrowed */
        UploadResult result;
        Offline *offline; /* the files of a directory; NULL: regentd */
} Loading;

static void loading_clear(Loading *loading)
{
        difference_free(loading->difference);
        transaction_free(loading->transaction);
        dump_free(loading->present);
        dump_free(loading->wanted);
        g_clear_pointer(&loading->created, g_ptr_array_unref);
        offline_free(loading->offline);
        vetoes_free(loading->result.vetoes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Loading, loading_clear)

/* Those named, or all of the file; borrowed. */
static bool pick_names(const Loading *loading, char **names, GPtrArray *picked, Failure **reterr)
{
        const GPtrArray *all = loading->wanted->namespaces;

        for (guint i = 0; !*names && i < all->len; i++) {
                const DumpNamespace *ns = all->pdata[i];

                g_ptr_array_add(picked, ns->name);
        }
        for (; *names; names++) {
                if (!dump_find(loading->wanted, *names))
                        return failure_set(reterr, EXIT_NOT_FOUND, "The file has no namespace %s",
                                           *names);
                g_ptr_array_add(picked, *names);
        }

        g_ptr_array_add(picked, NULL);
        return true;
}

/* A directory is locked from here to the end, unless nothing is to be changed. */
static bool take_present(Loading *loading, char **names, Failure **reterr)
{
        static const char *const atomically[] = { "--atomic", NULL };
        const Options *options = loading->context->options;

        if (!options->state_dir)
                return dump_take_present(loading->context, names, &loading->present, reterr);
        return offline_start(loading->context, options->is_dry_run ? "dump" : "load",
                             options->is_atomic && !options->is_dry_run ? atomically : NULL,
                             &loading->offline, reterr) &&
               dump_offline_take(loading->offline, names, true, &loading->present, reterr);
}

/* A directory without one for runtime keys beside it has no place for them; sessions are never made here. */
static void leave_memory(const Loading *loading)
{
        bool is_placeless = loading->offline && !loading->context->options->runtime_dir;
        uint64_t n_sessions = dump_leave_out(loading->wanted, "session", NULL);
        uint64_t n_left = is_placeless ? dump_leave_out(loading->wanted, "runtime", NULL) : 0;

        dump_leave_out(loading->present, "session", loading->wanted);
        if (n_sessions > 0)
                output_note(loading->context->output,
                            "%" G_GUINT64_FORMAT
                            " keys of class session are left out: they go with "
                            "the connections that set them",
                            n_sessions);
        if (n_left > 0)
                output_note(loading->context->output,
                            "%" G_GUINT64_FORMAT " keys of class runtime are left out: that takes "
                            "--runtime-dir=",
                            n_left);
}

static bool compare(Loading *loading, char **names, Failure **reterr)
{
        g_autoptr(GPtrArray) picked = g_ptr_array_new();

        if (!pick_names(loading, names, picked, reterr) ||
            !take_present(loading, (char **) picked->pdata, reterr))
                return false;

        leave_memory(loading);
        for (guint i = 0; i < loading->present->namespaces->len; i++) {
                const DumpNamespace *present = loading->present->namespaces->pdata[i];

                difference_add(loading->difference, present->name, present,
                               dump_find(loading->wanted, present->name),
                               !loading->context->options->is_prune);
        }
        return true;
}

static const char *release_of(const DifferenceEntry *entry)
{
        const char *release = entry->new ? entry->new->release : entry->old->release;

        return release ? release : "";
}

/* A part for each release, the first of which is none. Both are sorted by it. */
static void add_changes(Transaction *transaction, const DifferenceNamespace *from)
{
        TransactionNamespace *to = NULL;

        for (guint i = 0; i < from->entries->len; i++) {
                const DifferenceEntry *entry = &g_array_index(from->entries, DifferenceEntry, i);

                if (!to || strcmp(to->release, release_of(entry)) != 0) {
                        to = transaction_add_namespace(transaction, from->name);
                        to->release = g_strdup(release_of(entry));
                }
                if (!entry->new)
                        transaction_unset(transaction, to, entry->old->key);
                else
                        transaction_set(transaction, to, entry->new->key, entry->new->value,
                                        entry->new->memory_class);
        }
}

/* In a dry run, namespaces that are not there cannot be asked. */
static void make_transaction(Loading *loading)
{
        for (guint i = 0; i < loading->difference->namespaces->len; i++) {
                const DifferenceNamespace *from = loading->difference->namespaces->pdata[i];

                if (from->entries->len == 0 && !from->is_created)
                        continue; /* only the access differs */
                if (from->is_created && loading->context->options->is_dry_run)
                        continue;

                add_changes(loading->transaction, from);
        }
}

typedef gboolean (*FindId)(const char *text, uint32_t *ret_id, Failure **reterr);

/* Names were checked before; who is gone since is left out. */
static void add_id(GVariantBuilder *builder, const char *option, const char *text, FindId find)
{
        g_autoptr(Failure) failure = NULL;
        uint32_t id;

        if (text && find(text, &id, &failure))
                g_variant_builder_add(builder, "{sv}", option, g_variant_new_uint32(id));
}

static GVariant *access_options(const DumpNamespace *wanted)
{
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        const DumpAccess *access = &wanted->access;

        add_id(&builder, "owner", access->owner, account_user_id);
        add_id(&builder, "group", access->group, account_group_id);
        if (access->has_mode)
                g_variant_builder_add(&builder, "{sv}", "mode", g_variant_new_uint32(access->mode));
        if (access->quota_keys > 0)
                g_variant_builder_add(&builder, "{sv}", "quota-keys",
                                      g_variant_new_uint64(access->quota_keys));
        if (access->quota_bytes > 0)
                g_variant_builder_add(&builder, "{sv}", "quota-bytes",
                                      g_variant_new_uint64(access->quota_bytes));
        return g_variant_builder_end(&builder);
}

static BusCall *start_creating(Bus *bus, const DumpNamespace *wanted)
{
        return bus_start_manager(bus, "CreateNamespace",
                                 g_variant_new("(s@a{sv})", wanted->name, access_options(wanted)),
                                 "(o)");
}

static bool finish_creating(Loading *loading,
                            BusCall *call,
                            const DumpNamespace *wanted,
                            Failure **reterr)
{
        if (!bus_finish(call, NULL, reterr)) {
                failure_prefix(*reterr, "%s", wanted->name);
                return false;
        }

        g_ptr_array_add(loading->created, wanted->name);
        return true;
}

/* The namespaces that are missing; borrowed. */
static GPtrArray *list_missing(const Loading *loading)
{
        GPtrArray *missing = g_ptr_array_new();

        for (guint i = 0; i < loading->difference->namespaces->len; i++) {
                const DifferenceNamespace *ns = loading->difference->namespaces->pdata[i];

                if (ns->is_created)
                        g_ptr_array_add(missing, dump_find(loading->wanted, ns->name));
        }

        return missing;
}

/* Nothing is created for another owner than the file's: it would be root's, and nobody would notice. */
static bool check_id(
        const char *ns_name, const char *option, const char *text, FindId find, Failure **reterr)
{
        g_autoptr(Failure) failure = NULL;
        uint32_t id;

        if (!text || find(text, &id, &failure))
                return true;

        failure_set(reterr, EXIT_INVALID, "%s: the %s '%s' is not known here", ns_name, option,
                    text);
        failure_set_hint(*reterr,
                         "Create the namespace first ('regentctl create'), or edit the file.");
        return false;
}

/* The grammar of the interface; regentd cannot be asked about a namespace that is not there. */
static bool check_keys(const DumpNamespace *ns, Failure **reterr)
{
        for (guint i = 0; i < ns->entries->len; i++) {
                const DumpEntry *entry = ns->entries->pdata[i];
                size_t length = strlen(entry->key);

                if (length > 0 && length <= KEY_BYTES_MAX &&
                    strspn(entry->key, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._:/-") == length)
                        continue;

                failure_set(reterr, EXIT_INVALID, "%s: '%s' is not the name of a key", ns->name,
                            entry->key);
                (*reterr)->error_name = g_strdup(REGENT_ERROR_INVALID_NAME);
                return false;
        }
        return true;
}

/* What can be said of namespaces that are missing before anything is sent. */
static bool check_missing(const Loading *loading, Failure **reterr)
{
        g_autoptr(GPtrArray) missing = list_missing(loading);

        for (guint i = 0; i < missing->len; i++) {
                const DumpNamespace *ns = missing->pdata[i];

                if (!check_id(ns->name, "owner", ns->access.owner, account_user_id, reterr) ||
                    !check_id(ns->name, "group", ns->access.group, account_group_id, reterr) ||
                    !check_keys(ns, reterr))
                        return false;
        }
        return true;
}

/* Several at a time, the first alone: when that is denied, nothing else is asked for. */
static bool create_missing(Loading *loading, Failure **reterr)
{
        g_autoptr(GPtrArray) missing = list_missing(loading);
        g_autofree BusCall **calls = g_new0(BusCall *, missing->len + 1);
        guint n_started = 0;
        bool is_done = true;
        Bus *bus;

        if (!context_bus(loading->context, &bus, reterr))
                return false;

        for (guint i = 0; i < missing->len && (is_done || i < n_started); i++) {
                g_autoptr(Failure) failure = NULL;
                guint n_allowed = i == 0 ? 1 : MIN(i + CREATIONS_MAX, missing->len);

                while (is_done && n_started < n_allowed) {
                        calls[n_started] = start_creating(bus, missing->pdata[n_started]);
                        n_started++;
                }
                if (!finish_creating(loading, calls[i], missing->pdata[i], &failure) && is_done) {
                        *reterr = g_steal_pointer(&failure);
                        is_done = false;
                }
        }

        return is_done;
}

/* What --atomic created for nothing. A namespace that somebody has filled since is left. */
static void remove_created(Loading *loading)
{
        for (guint i = 0; i < loading->created->len; i++) {
                g_autoptr(Failure) failure = NULL;

                if (!bus_call_manager(loading->context->bus, "RemoveNamespace",
                                      g_variant_new("(st)", loading->created->pdata[i],
                                                    G_GUINT64_CONSTANT(0)),
                                      "()", NULL, &failure))
                        output_note(loading->context->output,
                                    "%s stays, empty: it was created and "
                                    "cannot be removed again",
                                    (const char *) loading->created->pdata[i]);
        }
}

/* What was created stays when the rest fails: whoever loads must know. */
static void tell_created(const Loading *loading, Failure *failure)
{
        g_autoptr(GString) names = g_string_new(NULL);
        g_autofree char *hint = g_steal_pointer(&failure->hint);

        if (loading->created->len == 0) {
                failure->hint = g_steal_pointer(&hint);
                return;
        }

        for (guint i = 0; i < MIN(loading->created->len, CREATED_TOLD_MAX); i++)
                g_string_append_printf(names, "%s%s", i > 0 ? ", " : "",
                                       (const char *) loading->created->pdata[i]);
        if (loading->created->len > CREATED_TOLD_MAX)
                g_string_append_printf(names, " and %u more",
                                       loading->created->len - CREATED_TOLD_MAX);
        failure_set_hint(failure, "%s%sCreated, and still there: %s", hint ? hint : "",
                         hint ? "\n" : "", names->str);
}

static bool send_offline(Loading *loading, Failure **reterr)
{
        const Options *options = loading->context->options;
        g_autoptr(GPtrArray) missing = list_missing(loading);

        if (options->is_dry_run)
                return true;
        if (!load_offline(loading->offline, missing, loading->transaction, options->is_atomic,
                          options->reason, &loading->result, reterr))
                return false;
        for (guint i = 0; i < missing->len; i++)
                g_ptr_array_add(loading->created, ((DumpNamespace *) missing->pdata[i])->name);
        return true;
}

static bool send(Loading *loading, Failure **reterr)
{
        const Options *options = loading->context->options;
        const Upload upload = {
                .transaction = loading->transaction,
                .flags = options->is_dry_run ? REGENT_APPLY_DRY_RUN : 0,
                .is_one_commit = options->is_atomic,
                .what = options->is_dry_run ? "Checking" : "Loading",
        };
        bool is_done;

        if (loading->offline)
                return send_offline(loading, reterr);
        is_done = options->is_dry_run || create_missing(loading, reterr);

        if (is_done && loading->transaction->n_changes > 0)
                is_done = upload_run(loading->context, &upload, &loading->result, reterr);
        if (!is_done && options->is_atomic)
                remove_created(loading);
        else if (!is_done)
                tell_created(loading, *reterr);
        return is_done;
}

static json_object *names_to_json(const Loading *loading)
{
        json_object *array = json_object_new_array();
        const GPtrArray *namespaces = loading->difference->namespaces;

        for (guint i = 0; i < namespaces->len; i++) {
                const DifferenceNamespace *ns = namespaces->pdata[i];

                if (ns->is_created)
                        json_object_array_add(array, json_object_new_string(ns->name));
        }

        return array;
}

static void report_document(const Loading *loading)
{
        json_object *document = json_object_new_object();
        const Difference *difference = loading->difference;

        json_object_object_add(document, "changed", json_object_new_uint64(difference->n_set));
        json_object_object_add(document, "removed", json_object_new_uint64(difference->n_unset));
        json_object_object_add(document, "created", names_to_json(loading));
        if (loading->context->options->is_dry_run) {
                json_object_object_add(document, "changes", difference_to_json(difference));
                json_object_object_add(document, "vetoes", vetoes_to_json(loading->result.vetoes));
        } else if (difference_has_access(difference)) {
                json_object_object_add(document, "access-left",
                                       difference_access_to_json(difference));
        }
        if (!loading->context->options->is_dry_run && loading->result.n_commits > 0)
                json_object_object_add(document, "revision",
                                       json_object_new_uint64(loading->result.revision));
        output_document(loading->context->output, document);
}

/* A load that is thought to restore everything must not leave a secret open without a word. */
static void note_access(const Loading *loading)
{
        const GPtrArray *namespaces = loading->difference->namespaces;

        for (guint i = 0; i < namespaces->len; i++) {
                const DifferenceNamespace *ns = namespaces->pdata[i];

                if (ns->access->len > 0)
                        output_note(loading->context->output,
                                    "The access of %s is another than in the file and is left; "
                                    "'regentctl access' changes it",
                                    ns->name);
        }
}

static void report(const Loading *loading)
{
        const Difference *difference = loading->difference;
        Output *output = loading->context->output;

        if (output_json(output) != JSON_OFF) {
                report_document(loading);
                return;
        }
        if (difference_is_empty(difference)) {
                output_nothing_to_do(output);
                return;
        }
        if (loading->context->options->is_dry_run) {
                output_begin_pager(output);
                difference_print(difference, output);
                vetoes_print(loading->result.vetoes, output);
                note_access(loading);
                return;
        }
        note_access(loading);
        if (loading->created->len > 0)
                output_note(output, "%u %s created", loading->created->len,
                            loading->created->len == 1 ? "namespace" : "namespaces");
        if (loading->result.n_commits > 0)
                output_note(output,
                            "%" G_GUINT64_FORMAT " set, %" G_GUINT64_FORMAT
                            " removed in %" G_GUINT64_FORMAT " %s, revision %" G_GUINT64_FORMAT,
                            difference->n_set, difference->n_unset, loading->result.n_commits,
                            loading->result.n_commits == 1 ? "commit" : "commits",
                            loading->result.revision);
}

int verb_load(Context *context, char **arguments, Failure **reterr)
{
        g_auto(Loading) loading = {
                .context = context,
                .difference = difference_new(),
                .transaction = transaction_new(),
                .created = g_ptr_array_new(),
        };

        if (!dump_file_read(arguments[0], &loading.wanted, reterr) ||
            !compare(&loading, arguments + 1, reterr) || !check_missing(&loading, reterr))
                return -1;

        make_transaction(&loading);
        if (!difference_is_empty(loading.difference) && !send(&loading, reterr))
                return -1;
        report(&loading);
        return loading.result.vetoes ? EXIT_REFUSED : EXIT_DONE;
}
