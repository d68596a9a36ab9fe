/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Upload
 *
 * What regentd takes in one commit is a matter of its configuration, which nobody tells. So a commit
 * begins with what the defaults allow, and one that is too big is cut in two.
 */

#include "upload.h"

#include "change.h"
#include "client/regent-names.h"

#include <string.h>

#define COMMIT_CHANGES_MAX    4000u
#define COMMIT_BYTES_MAX      (2u << 20)
#define COMMIT_NAMESPACES_MAX 256u

/* No configuration allows more, and the bus throws out who sends larger messages. */
#define ONE_COMMIT_CHANGES_MAX 1048576u
#define ONE_COMMIT_BYTES_MAX   (24u << 20)

/* Enough that the disk and both programs always have something to do. */
#define CALLS_MAX 4u

/* Changes of one namespace, next to each other. */
typedef struct Piece {
        const TransactionNamespace *ns;
        guint begin;
        guint n;
} Piece;

typedef struct Commit {
        GArray *pieces; /* of Piece, each of another namespace */
        uint64_t n_changes;
        uint64_t n_bytes;
        BusCall *call;
} Commit;

typedef struct Uploader {
        Context *context;
        Bus *bus;
        const Upload *upload;
        GQueue waiting;   /* of Commit */
        GQueue under_way; /* of Commit, in the order they were sent */
        uint64_t n_done;  /* changes in commits that succeeded */
        bool is_split;    /* there is more than one commit */
        UploadResult result;
        Failure *failure; /* the first */
} Uploader;

static Commit *commit_new(void)
{
        Commit *commit = g_new0(Commit, 1);

        commit->pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
        return commit;
}

static void commit_free(void *userdata)
{
        Commit *commit = userdata;

        bus_call_drop(commit->call);
        g_array_unref(commit->pieces);
        g_free(commit);
}

static void commit_add(Commit *commit, const TransactionNamespace *ns, guint begin, guint n)
{
        const Piece piece = { .ns = ns, .begin = begin, .n = n };

        g_array_append_val(commit->pieces, piece);
        commit->n_changes += n;
        for (guint i = begin; i < begin + n; i++)
                commit->n_bytes += transaction_change_bytes(ns->changes->pdata[i]);
}

/* One commit of everything, what has only expectations included. */
static void plan_one(Uploader *uploader)
{
        const GPtrArray *namespaces = uploader->upload->transaction->namespaces;
        Commit *commit = commit_new();

        for (guint i = 0; i < namespaces->len; i++) {
                const TransactionNamespace *ns = namespaces->pdata[i];

                commit_add(commit, ns, 0, ns->changes->len);
        }
        g_queue_push_tail(&uploader->waiting, commit);
}

static bool is_same_name(const TransactionNamespace *a, const TransactionNamespace *b)
{
        return a != b && strcmp(a->name, b->name) == 0;
}

/* A commit has one release of a namespace. */
static bool is_of_other_release(const Commit *commit, const TransactionNamespace *ns)
{
        guint n = commit->pieces->len;

        return n > 0 && is_same_name(g_array_index(commit->pieces, Piece, n - 1).ns, ns);
}

/* How many changes of @ns from @begin on still go into @commit. */
static guint count_fitting(const Commit *commit, const TransactionNamespace *ns, guint begin)
{
        uint64_t n_bytes = commit->n_bytes;
        guint n = 0;

        if (commit->pieces->len >= COMMIT_NAMESPACES_MAX || is_of_other_release(commit, ns))
                return 0;

        while (begin + n < ns->changes->len && commit->n_changes + n < COMMIT_CHANGES_MAX) {
                n_bytes += transaction_change_bytes(ns->changes->pdata[begin + n]);
                if (n_bytes > COMMIT_BYTES_MAX && commit->n_changes + n > 0)
                        break;
                n++;
        }
        return n;
}

static void plan_many(Uploader *uploader)
{
        const GPtrArray *namespaces = uploader->upload->transaction->namespaces;
        Commit *commit = commit_new();

        for (guint i = 0; i < namespaces->len; i++) {
                const TransactionNamespace *ns = namespaces->pdata[i];
                guint begin = 0;

                while (begin < ns->changes->len) {
                        guint n = count_fitting(commit, ns, begin);

                        if (n == 0) {
                                g_queue_push_tail(&uploader->waiting, commit);
                                commit = commit_new();
                                continue;
                        }
                        commit_add(commit, ns, begin, n);
                        begin += n;
                }
        }

        if (commit->n_changes > 0)
                g_queue_push_tail(&uploader->waiting, commit);
        else
                commit_free(commit);
}

/* Puts the two halves of a commit that was too big in its place. Takes it. */
static void cut(Uploader *uploader, Commit *commit)
{
        Commit *halves[2] = { commit_new(), commit_new() };
        uint64_t n_left = commit->n_changes / 2; /* still to go into the first */

        for (guint i = 0; i < commit->pieces->len; i++) {
                const Piece *piece = &g_array_index(commit->pieces, Piece, i);
                guint n = (guint) MIN(n_left, piece->n);

                if (n > 0)
                        commit_add(halves[0], piece->ns, piece->begin, n);
                if (n < piece->n)
                        commit_add(halves[1], piece->ns, piece->begin + n, piece->n - n);
                n_left -= n;
        }

        g_queue_push_head(&uploader->waiting, halves[1]);
        g_queue_push_head(&uploader->waiting, halves[0]);
        commit_free(commit);
        uploader->is_split = true;
}

static GVariant *options_of(const Uploader *uploader)
{
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        change_add_options(&builder, uploader->context->options);
        return g_variant_builder_end(&builder);
}

/* Namespace.Apply takes as arguments and options what Manager.Apply takes for each namespace. */
static BusCall *send_to_namespace(const Uploader *uploader, const Piece *piece)
{
        g_autoptr(GVariant) changes = g_variant_ref_sink(transaction_to_variant(
                piece->ns, piece->begin, piece->n, uploader->upload->is_one_commit));
        g_autoptr(GVariant) common = g_variant_ref_sink(options_of(uploader));
        g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(common);
        static const char *const names[] = { "expect", "class", "classes", "release" };
        g_autoptr(GVariant) set = g_variant_lookup_value(changes, "set", NULL);
        g_autoptr(GVariant) unset = g_variant_lookup_value(changes, "unset", NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autoptr(GVariant) option = g_variant_lookup_value(changes, names[i], NULL);

                if (option)
                        g_variant_dict_insert_value(&options, names[i], option);
        }

        return bus_start_namespace(uploader->bus, piece->ns->name, "Apply",
                                   g_variant_new("(@a{sv}@ast@a{sv})", set, unset,
                                                 uploader->upload->flags,
                                                 g_variant_dict_end(&options)),
                                   "(ta{sv})");
}

static BusCall *send_to_manager(const Uploader *uploader, const Commit *commit)
{
        GVariantBuilder changes = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        for (guint i = 0; i < commit->pieces->len; i++) {
                const Piece *piece = &g_array_index(commit->pieces, Piece, i);

                g_variant_builder_add(&changes, "{sv}", piece->ns->name,
                                      transaction_to_variant(piece->ns, piece->begin, piece->n,
                                                             uploader->upload->is_one_commit));
        }

        return bus_start_manager(uploader->bus, "Apply",
                                 g_variant_new("(@a{sv}t@a{sv})", g_variant_builder_end(&changes),
                                               uploader->upload->flags, options_of(uploader)),
                                 "(ta{sv})");
}

static void start_next(Uploader *uploader)
{
        Commit *commit = g_queue_pop_head(&uploader->waiting);

        if (commit->pieces->len == 1)
                commit->call =
                        send_to_namespace(uploader, &g_array_index(commit->pieces, Piece, 0));
        else
                commit->call = send_to_manager(uploader, commit);
        g_queue_push_tail(&uploader->under_way, commit);
}

static bool is_too_big(const Failure *failure)
{
        return failure_is(failure, REGENT_ERROR_TOO_BIG) ||
               failure_is(failure, FAILURE_LIMITS_EXCEEDED);
}

static void take_reply(Uploader *uploader, const Commit *commit, GVariant *reply)
{
        g_autoptr(GVariant) result = NULL;
        guint64 revision;
        guint32 n;

        g_variant_get(reply, "(t@a{sv})", &revision, &result);
        uploader->result.revision = MAX(uploader->result.revision, revision);
        if (g_variant_lookup(result, "changed", "u", &n))
                uploader->result.n_changed += n;
        if (g_variant_lookup(result, "removed", "u", &n))
                uploader->result.n_removed += n;
        confirmation_read(result, &uploader->result.confirmation);
        vetoes_take(&uploader->result.vetoes, result);
        uploader->result.n_commits++;
        uploader->n_done += commit->n_changes;
        if (uploader->upload->what && uploader->upload->transaction->n_changes > COMMIT_CHANGES_MAX)
                output_progress(uploader->context->output, uploader->upload->what, uploader->n_done,
                                uploader->upload->transaction->n_changes);
}

static void finish_oldest(Uploader *uploader)
{
        Commit *commit = g_queue_pop_head(&uploader->under_way);
        g_autoptr(Failure) failure = NULL;
        g_autoptr(GVariant) reply = NULL;

        if (bus_finish(g_steal_pointer(&commit->call), &reply, &failure)) {
                take_reply(uploader, commit, reply);
        } else if (is_too_big(failure) && commit->n_changes > 1 &&
                   !uploader->upload->is_one_commit) {
                cut(uploader, commit);
                return;
        } else if (!uploader->failure) {
                uploader->failure = g_steal_pointer(&failure);
        }
        commit_free(commit);
}

/* The first goes alone: what is denied once is denied four times, and asks for four passwords. */
static guint n_calls_allowed(const Uploader *uploader)
{
        return uploader->result.n_commits == 0 ? 1 : CALLS_MAX;
}

static void run(Uploader *uploader)
{
        for (;;) {
                while (!uploader->failure && !g_queue_is_empty(&uploader->waiting) &&
                       g_queue_get_length(&uploader->under_way) < n_calls_allowed(uploader))
                        start_next(uploader);
                if (g_queue_is_empty(&uploader->under_way))
                        return;
                finish_oldest(uploader);
        }
}

static void say_how_far(const Uploader *uploader, Failure *failure)
{
        g_autofree char *text = NULL;
        uint64_t n_changes = uploader->upload->transaction->n_changes;

        if (!uploader->is_split)
                return;

        text = g_strdup_printf(
                "%s (%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                " changes were made in %" G_GUINT64_FORMAT " whole commits%s)",
                failure->text, uploader->n_done, n_changes, uploader->result.n_commits,
                failure->status == EXIT_INTERRUPTED || failure->status == EXIT_TIMEOUT
                        ? "; what was under way may be made, too"
                        : "");
        g_free(failure->text);
        failure->text = g_steal_pointer(&text);
}

static gboolean check_one_commit(const Transaction *transaction, Failure **reterr)
{
        uint64_t n_bytes = 0;

        for (guint i = 0; i < transaction->namespaces->len; i++) {
                const TransactionNamespace *ns = transaction->namespaces->pdata[i];

                if (i > 0 && is_same_name(transaction->namespaces->pdata[i - 1], ns))
                        return failure_set(
                                reterr, EXIT_REFUSED,
                                "%s: what is of several kernel releases cannot be in one "
                                "commit",
                                ns->name);
                for (guint j = 0; j < ns->changes->len; j++)
                        n_bytes += transaction_change_bytes(ns->changes->pdata[j]);
        }
        if (transaction->n_changes <= ONE_COMMIT_CHANGES_MAX && n_bytes <= ONE_COMMIT_BYTES_MAX)
                return true;

        return failure_set(reterr, EXIT_REFUSED,
                           "%" G_GUINT64_FORMAT " changes of %" G_GUINT64_FORMAT
                           " bytes are too many for one commit",
                           transaction->n_changes, n_bytes);
}

gboolean upload_run(Context *context,
                    const Upload *upload,
                    UploadResult *ret_result,
                    Failure **reterr)
{
        Uploader uploader = {
                .context = context,
                .upload = upload,
                .waiting = G_QUEUE_INIT,
                .under_way = G_QUEUE_INIT,
        };

        if (upload->is_one_commit && !check_one_commit(upload->transaction, reterr))
                return false;
        if (!context_bus(context, &uploader.bus, reterr))
                return false;

        if (upload->is_one_commit)
                plan_one(&uploader);
        else
                plan_many(&uploader);
        uploader.is_split = g_queue_get_length(&uploader.waiting) > 1;
        run(&uploader);
        g_queue_clear_full(&uploader.waiting, commit_free);
        output_progress_end(context->output);

        if (uploader.failure) {
                vetoes_free(uploader.result.vetoes);
                say_how_far(&uploader, uploader.failure);
                *reterr = uploader.failure;
                return false;
        }
        *ret_result = uploader.result;
        return true;
}
